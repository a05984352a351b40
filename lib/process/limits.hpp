// What the cgroup allows the agent, in the Go runtime's words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lictor {

struct Limits {
  std::optional<int> gomaxprocs;           // CPU quota rounded up, at least 1, only if below the host's CPUs
  std::optional<std::int64_t> gomemlimit;  // bytes: 90 % of the memory limit
};

// What holds for the agent: its own where it runs, else this process's. Nothing: unlimited.
struct AgentLimits {
  std::optional<std::uint64_t> open_files, open_files_hard;  // RLIMIT_NOFILE
  std::optional<std::uint64_t> memory;                       // bytes, the tightest on the way up the cgroups
  std::optional<std::uint64_t> processes;                    // pids.max, likewise
};

// The files of a cgroup as they stand; nothing where a file is not there.
struct CgroupFiles {
  std::optional<std::string> cpu_max;       // v2 cpu.max: "max 100000" or "50000 100000"
  std::optional<std::string> memory_max;    // v2 memory.max: "max" or bytes
  std::optional<std::string> cfs_quota_us;  // v1: -1 or microseconds
  std::optional<std::string> cfs_period_us;
  std::optional<std::string> limit_in_bytes;  // v1 memory.limit_in_bytes: huge (over 2^62) means none
};

// Garbage counts as no limit. Both hierarchies present (hybrid): the tighter one.
Limits limits_of(const CgroupFiles& files, int host_cpus);

// The cgroup's path in /proc/self/cgroup for a v1 controller ("cpu", "memory") or, with "", for v2. Nothing if
// it is not there.
std::optional<std::string> cgroup_path(const std::string& proc_self_cgroup, const std::string& controller);

}  // namespace lictor
