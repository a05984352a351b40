// Whether the servers hold a node for failed.
#pragma once

#include "agent_api/answers.hpp"

#include <string>

namespace lictor {

// From the body of GET /v1/health/node/NAME: `failed` where serfHealth is critical. `untold` where it is not among the checks, as
// that of a node without an entry, and any that the token may not read; `unanswered` where the body is no list.
StandingAnswer parse_standing(const std::string& body);

}  // namespace lictor
