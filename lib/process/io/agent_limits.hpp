// What the kernel allows a process, as far as it matters to an agent.
#pragma once

#include "base/problem.hpp"
#include "process/limits.hpp"

#include <sys/types.h>

namespace lictor {

// Of process `pid` (0: this process, and so of the agent that it would start). A problem where /proc does not tell; a cgroup
// hierarchy that is not there sets no limit.
Result<AgentLimits> read_agent_limits(pid_t pid);

}  // namespace lictor
