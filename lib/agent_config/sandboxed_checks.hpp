// Checks that run a program, and what of a sandbox would break them: as far as their words show it. What a program does beyond its own
// name can't be seen, so that silence promises nothing.
#pragma once

#include "agent_config/script_checks.hpp"
#include "process/sandbox.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// A program as it is found on the host.
struct ProgramLook {
  bool set_id = false;            // set-user-id or set-group-id
  Capabilities capabilities = 0;  // of its file
  std::string interpreter = {};   // of a script: the last part of the path behind "#!", "node" of "#!/usr/bin/env node"
};
// By the word as a check has it; nothing: no program of the host's.
using FindProgram = std::function<std::optional<ProgramLook>(const std::string& word)>;

// For people: the check, the word that gives it away, the line of the sandbox, and what that does. One a check and line.
std::vector<std::string> broken_checks(const std::vector<ScriptCheck>& checks, const Sandbox& sandbox,
                                       const FindProgram& find);

}  // namespace lictor
