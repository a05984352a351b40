// What lictor shows of itself.
#pragma once

#include "act/agent_api.hpp"
#include "decide/life.hpp"
#include "preparation.hpp"

namespace lictor {

// The body of GET /status. `ground` is null until prepare is over.
Json status_json(const Life& life, const Ground* ground, const AgentFacts& agent, const std::string& settings_problem,
                 Time now);

// The same for people, one line a fact; reads nothing but the JSON.
std::string status_text(const Json& status);

}  // namespace lictor
