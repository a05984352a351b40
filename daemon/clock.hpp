// The one clock that the daemon goes by.
#pragma once

#include "base/time.hpp"

#include <chrono>

namespace lictor {

// The steady clock's time, in the life's unit.
inline Time steady_now() { return std::chrono::floor<Duration>(std::chrono::steady_clock::now()); }

}  // namespace lictor
