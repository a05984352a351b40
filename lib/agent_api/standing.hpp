// What an agent says of itself, and of its servers.
#pragma once

#include "agent_api/answers.hpp"

#include <string>
#include <string_view>

namespace lictor {

// From the body of GET /v1/agent/self: `leaves` where its Member is leaving or has left.
MemberAnswer parse_member(const std::string& body);
// Whether a line of the agent's log says that it leaves, as agents of all versions do; at level info.
bool announces_leave(std::string_view line);
// Whether it says that a server fails it, is suspected or gone, or that there is no leader: as agents of all versions do, and most of
// it whatever the level. A member that is no server may be the one that is suspected.
bool doubts_servers(std::string_view line);

}  // namespace lictor
