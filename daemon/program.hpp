// lictor's commands, as the command line knows them.
#pragma once

#include "command_line.hpp"

namespace lictor {

// `run`: attends the agent, with the settings file named, until lictor's end.
Program make_program(std::function<Exit(const std::optional<std::string>& settings_file, Time executed)> run);

}  // namespace lictor
