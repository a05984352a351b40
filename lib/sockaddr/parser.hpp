// Go's text/template, as a tree.
#pragma once

#include "sockaddr/failure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lictor::sockaddr_parts {

struct Pipeline;

struct Operand {
  enum class Kind { word, field, variable, dot, string, number, boolean, pipeline };
  Kind kind;
  std::string text;                 // as a Token's; of a pipeline and of a field alone: empty
  std::vector<std::string> fields;  // asked of it, one after another
  std::vector<Pipeline> inside;     // one, of a pipeline in parentheses
};

using Command = std::vector<Operand>;

struct Pipeline {
  std::vector<std::string> variables;  // set to what comes out
  bool declares = false;               // these anew
  std::vector<Command> commands;
};

struct Statement {
  enum class Kind { text, action, when, with, range };
  Kind kind;
  std::string text;
  Pipeline pipeline;
  std::vector<Statement> body;
  std::vector<Statement> otherwise;
};

// Refuses what Go's parser refuses, functions aside: those that nobody knows are found when they would be called.
Evaluated<std::vector<Statement>> parse_template(std::string_view text);

}  // namespace lictor::sockaddr_parts
