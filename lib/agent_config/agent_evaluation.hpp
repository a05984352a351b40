// go-sockaddr templates that lictor does not evaluate itself (sockaddr/template.hpp): the agent's own program does. `consul
// validate` names the addresses that a template gives where a setting takes one and there are several, so one more is added.
#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"
#include "sockaddr/template.hpp"

#include <map>
#include <string>

namespace lictor {

// The agent's settings to be validated, by which it tells of the template.
Json evaluation_question(const std::string& text);

// What its program made of the template: addresses and sockets with blanks between, or its refusal. Not evaluated: it was not
// run to its end (`ended`), or said something else. `output`: all that it wrote.
EvaluatedTemplate evaluation_answer(const Result<void>& ended, const std::string& output);

// By the template's text.
using AgentAnswers = std::map<std::string, EvaluatedTemplate>;

}  // namespace lictor
