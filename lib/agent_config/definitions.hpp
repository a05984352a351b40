// What an agent reads of services and checks by itself: lictor goes by none of it, and there may be megabytes. While it serves it
// keeps a digest of each list, by which a change is seen, and the secrets in it, which are to be hidden in the agent's lines.
#pragma once

#include "agent_config/agent_settings.hpp"

#include <string_view>

namespace lictor {

// Whether what is read of services and checks is kept as it stands.
enum class Definitions { whole, digests };

// services, checks.
bool holds_definitions(std::string_view key);

// The list as a list of one {"count", "digest", "secrets"}, the last if there are any; empty ones stay. Such elements are joined.
Json digests_of(const Json& list);

void let_definitions_go(Json& agent);
// In what an agent reads beside lictor's file, and in all of it together. What lictor's file is made of stays.
void let_definitions_go(AgentConfig& config);

}  // namespace lictor
