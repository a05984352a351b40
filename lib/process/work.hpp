// Whether a process works: what the kernel counts for it.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace lictor {

// Since the process began, all its threads together.
struct ProcessWork {
  Duration cpu{};                      // user and system time
  std::optional<std::uint64_t> bytes;  // read from and written to storage; nothing where it may not be seen
  bool operator==(const ProcessWork&) const = default;
};

// /proc/PID/stat, with so many ticks to a second, and /proc/PID/io, empty where it can't be read. Nothing: not such files.
std::optional<ProcessWork> parse_work(std::string_view stat, std::string_view io, long ticks_per_second);

// Between two moments so far apart: it has moved bytes, or has had more of a CPU than a program takes that waits, and that
// only wakes up now and then, as for its gossip or for who knocks.
bool has_worked(const ProcessWork& before, const ProcessWork& after, Duration apart);
// Of one CPU.
inline constexpr double working_share = 0.02;
// Less than this apart the kernel's ticks are too coarse.
inline constexpr Duration least_apart = std::chrono::seconds(1);

}  // namespace lictor
