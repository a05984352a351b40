// Who the node is, by its settings, its data directory and its host.
#pragma once

#include "agent_config/plan.hpp"
#include "identity/identity.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <string>

namespace lictor {

// Who this node is by what its data directory keeps, or by what runs.
struct StoredIdentity {
  std::optional<std::string> record;   // lictor-identity.json
  std::optional<std::string> node_id;  // node-id
};

Result<StoredIdentity> stored_identity(const std::string& data_dir, const std::optional<Identity>& running);

// `at_start`: no agent of this node runs. `left`: the node has left under its stored name, and its id is free for another.
Result<IdentityVerdict> settled_identity(const Settings& settings, const AgentConfig& config, const PlanFacts& facts,
                                         const StoredIdentity& stored, bool at_start, bool left);

}  // namespace lictor
