// What an operator should know of a start, in the log.
#pragma once

#include "ground.hpp"

namespace lictor {

// Notices and warnings of the settings, and what the node's identity and address have come from.
void tell_of(const Ground& ground);

}  // namespace lictor
