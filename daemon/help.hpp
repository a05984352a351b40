// What `lictor -h` and `lictor COMMAND -h` print: lines of at most 80 columns.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lictor {

// What -h tells of a command beside its options; all but `more` must be given.
struct CommandHelp {
  const char *name, *what;  // what: what it does, without a full stop; also in the list of commands
  const char* more = "";    // what else one must know
  std::vector<std::pair<int, const char*>> exits;  // the code, and what it means; 64 is every command's
  const char* example;                             // a line for a shell
};

// Adds a command to `app`, which has been given to use_help_format(), with its help and with -h.
CLI::App& add_command(CLI::App& app, const CommandHelp& help);

// Has `app`, and commands that are added to it later, take -h and tell their help like this.
void use_help_format(CLI::App& app);

}  // namespace lictor
