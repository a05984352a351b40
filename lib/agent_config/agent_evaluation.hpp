// What only the agent's own program can tell of settings, asked of `consul validate`.
//
// go-sockaddr templates that lictor does not evaluate itself (sockaddr/template.hpp): it names the addresses that a template gives
// where a setting takes one and there are several, so one more is added. Keys that lictor does not know (UnknownKey): whatever
// else is wrong, it names first those that it does not know either ("invalid config key", the same from 1.5 to 1.21 of Consul).
#pragma once

#include "agent_config/agent_settings.hpp"
#include "base/json.hpp"
#include "base/problem.hpp"
#include "sockaddr/template.hpp"

#include <map>
#include <string>
#include <vector>

namespace lictor {

// The agent's settings to be validated, by which it tells of the template.
Json evaluation_question(const std::string& text);

// What its program made of the template: addresses and sockets with blanks between, or its refusal. Not evaluated: it was not
// run to its end (`ended`), or said something else. `output`: all that it wrote.
EvaluatedTemplate evaluation_answer(const Result<void>& ended, const std::string& output);

// Settings of nothing but these keys.
Json keys_question(const std::vector<UnknownKey>& keys);

// The problems of those that it does not know, by all that it wrote.
Problems refused_keys(const std::vector<UnknownKey>& keys, const std::string& output);

// Whether it refuses settings. No where it was not run to its end.
bool settings_refused(const Result<void>& ended, const std::string& output);

// By the template's text.
using AgentAnswers = std::map<std::string, EvaluatedTemplate>;

}  // namespace lictor
