// What an agent keeps of its services and checks in its data directory, for an agent of an earlier version.
#pragma once

#include "agent_config/agent_version.hpp"
#include "base/problem.hpp"

#include <string>

namespace lictor {

// Has the agent of this version that starts next in a data directory find there what a newer one has kept
// (agent_config/kept_files.hpp). Only while no agent runs there. Waits for the disk. A file that can't be written stays as it is;
// the problem is that of the first such. Ended half way it may be begun again.
Result<void> fit_kept_files(const std::string& data_dir, const AgentVersion& version);

}  // namespace lictor
