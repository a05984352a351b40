// Whom an agent without a server can be told to join.
#pragma once

#include "agent_config/plan.hpp"

#include <string>
#include <vector>

namespace lictor {

struct JoinTargets {
  std::vector<std::string> addresses;  // "10.0.0.1:8301", "[fd00::1]:8301"
  std::vector<std::string> names;      // "consul.example.com", with the port where one was given
};

// What the agent's retry_join names, in the agent's order. Without a port it is
// the agent's own LAN gossip port, as Consul has it. Cloud providers ("provider=aws ...") and templates are the agent's own
// affair and left out.
JoinTargets join_targets(const Plan& plan);

// Whether the answer to GET /v1/agent/members shows a server that is alive. An agent that has one does not need to join:
// where no leader is known all the same, the servers are about to elect one.
bool knows_live_server(const Json& members);

}  // namespace lictor
