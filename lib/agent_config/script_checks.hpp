// Checks of an agent that run a program, and the words that they run it with.
#pragma once

#include "agent_config/agent_settings.hpp"
#include "base/shared_json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lictor {

struct ScriptWord {
  std::string text;      // without quotes
  bool program = false;  // it stands where a program is named
  bool operator==(const ScriptWord&) const = default;
};

struct ScriptCheck {
  std::string name;               // its name or id, else its service's, else its program
  std::vector<ScriptWord> words;  // its argv; a shell's line taken apart
};

// In all that the agent goes by, and in lictor's own services; but for those that run in a container of their own.
std::vector<ScriptCheck> script_checks(const AgentSettings& settings, const std::vector<SharedJson>& services);

// A line of a shell, roughly: quotes part words, and what stands at the begin of a command is a program, also behind `sudo`, `env`,
// `timeout` and the like. Nothing is expanded.
std::vector<ScriptWord> words_of_shell(std::string_view line);

}  // namespace lictor
