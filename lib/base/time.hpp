// Time as the decisions see it: a parameter, never a clock.
#pragma once

#include "base/problem.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace lictor {

using Duration = std::chrono::microseconds;
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// "250ms", "20s", "1m30s", "1.5h", "0": Go's notation, which Consul uses. Units ns us ms s m h; the result is
// truncated to microseconds. Negative, empty, unit-less (but "0") values and those beyond Go's 292 years are
// problems; `what` of the problem is left empty for the caller to fill.
Result<Duration> parse_duration(std::string_view text);

// As people write it, and parse_duration reads it back to the same value: hours, minutes and seconds without
// those that are zero, and below a second one unit only: "1m30s", "1.5s", "250ms", "0s". Negative: "-20s".
std::string format_duration(Duration d);

// "2024-02-29T23:59:59Z": RFC 3339 in UTC and whole seconds, and no other form of it.
std::string rfc3339(std::chrono::sys_seconds at);
std::optional<std::chrono::sys_seconds> parse_rfc3339(const std::string& text);
// The same with milliseconds: "2024-02-29T23:59:59.999Z".
std::string rfc3339_milliseconds(std::chrono::system_clock::time_point at);

}  // namespace lictor
