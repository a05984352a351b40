// The command line: commands as a table, what it asks for of them, and what -h tells. Read by getopt_long(3): options stand before
// or behind commands and operands.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lictor {

// An option with a value, or a flag.
struct Option {
  const char* name;  // without dashes
  char letter = 0;   // 0: it has none
  const char* value =
      nullptr;  // stands for its value in the help: "FILE", or "{a,b}" for one of these; nullptr: a flag
  const char* what;
  bool required = false;
  const char* excludes = nullptr;                            // the name of another option
  std::string (*fault)(const std::string& value) = nullptr;  // of a value; "": none
};

struct Operand {
  const char *name, *value, *what;  // as an option's; it must be given
};

class Arguments {
 public:
  bool has(std::string_view name) const { return given_.find(name) != given_.end(); }
  // The last one given of an option or operand.
  std::optional<std::string> value(std::string_view name) const;
  Time executed{};  // when lictor was

 private:
  friend class CommandLineReader;
  std::map<std::string, std::string, std::less<>> given_;
};

struct Command {
  const char *name, *what;  // what: what it does, without a full stop; also in the list of commands
  const char* more = "";    // what else one must know
  std::vector<std::pair<int, const char*>> exits;  // the code, and what it means; 64 is every command's
  const char* example;                             // a line for a shell
  std::vector<Option> options = {};                // beside the general ones
  std::optional<Operand> operand = {};
  std::function<std::string(const Arguments&)> fault = {};  // of what was given together; "": none
  std::function<Exit(const Arguments&)> run = {};           // must be given
};

// The program, and what all of its commands take.
struct Program {
  const char *name, *what, *footer;  // footer: below the list of commands
  std::vector<Option> options;
  std::vector<Command> commands;
};

struct Help {
  std::string text;  // lines of at most 80 columns
};
struct Invocation {
  const Command* command;  // of the program
  Arguments arguments;
};

// `words`: argv, the program's own name included. A Problem: wrong use, Exit::usage; asking for help at the same time does not
// hide an unknown word.
std::variant<Invocation, Help, Problem> read_command_line(const Program& program, std::span<char* const> words);

}  // namespace lictor
