// The services of a node, from its settings and from what is known of it.
#pragma once

#include "ground.hpp"

namespace lictor {

// REQUIRES: settings, facts and plan are there. `bound`: what runs, whose services are kept as far as they are the same; null:
// nothing.
ServicesMaker services_of(const Ground& ground, const Ground* bound);

}  // namespace lictor
