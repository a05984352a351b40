// Whether the servers hold a node for failed, and what it is for itself.
#pragma once

#include "agent_api/answers.hpp"

#include <string>
#include <string_view>

namespace lictor {

// From the body of GET /v1/health/node/NAME: `failed` where serfHealth is critical. `untold` where it is not among the checks, as
// that of a node without an entry, and any that the token may not read; `unanswered` where the body is no list.
StandingAnswer parse_standing(const std::string& body);

// From the body of GET /v1/agent/self: `leaves` where its Member is leaving or has left.
MemberAnswer parse_member(const std::string& body);
// Whether a line of the agent's log says that it leaves, as agents of all versions do; at level info.
bool announces_leave(std::string_view line);

}  // namespace lictor
