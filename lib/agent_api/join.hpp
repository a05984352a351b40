// Whom an agent without a server can be told to join.
#pragma once

#include "agent_config/plan.hpp"
#include "base/time.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace lictor {

struct JoinTargets {
  std::vector<std::string> addresses;                  // "10.0.0.1:8301", "[fd00::1]:8301"
  std::vector<std::string> names;                      // "consul.example.com", with the port where one was given
  bool others = false;                                 // cloud providers and templates: the agent's own affair
  Duration retry_interval = std::chrono::seconds(30);  // from one attempt of the agent's own to the next
};

// What the agent's retry_join names, in the agent's order. Without a port it is
// the agent's own LAN gossip port, as Consul has it. Cloud providers ("provider=aws ...") and templates are the agent's own
// affair and left out.
JoinTargets join_targets(const Plan& plan);

}  // namespace lictor
