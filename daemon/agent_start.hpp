// The agent's program: how it is run as the agent's user, which version it is of, and what would keep it from starting.
#pragma once

#include "agent_config/start_faults.hpp"
#include "ground.hpp"
#include "process/io/launcher.hpp"

#include <string>
#include <vector>

namespace lictor {

// A program of the agent's user, with the rights that the agent has.
LaunchRequest as_agent_user(const PlanFacts& facts, std::vector<std::string> argv,
                            std::vector<std::string> environment);

// The words of it, "1.21.4": what is remembered of this binary, else what `consul version` says, run as the agent's user. For
// commands: blocks, for at most 5 s. A problem, with the binary for its subject, for what does not run here or is no Consul.
Result<std::string> version_of(const std::string& binary, const Ground& ground);

// What `consul validate` passes and a start does not: start_faults of what is there now, files as the agent's user finds them.
Problems start_problems(const Ground& ground, const Interfaces& interfaces);
// Those of them that are the settings' own, whatever becomes of the host. `sources`: of the ground, with definitions whole.
Problems settings_faults(const Ground& ground, const Sources& sources);
// `consul validate` on this consul.json, as the agent's user: with all that the agent reads, in its order.
LaunchRequest validation(const Ground& ground, const std::string& consul_json);

}  // namespace lictor
