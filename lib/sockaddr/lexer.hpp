// Go's text/template, as words.
#pragma once

#include "sockaddr/failure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lictor::sockaddr_parts {

struct Token {
  enum class Kind {
    text,
    open,
    close,
    word,
    field,
    variable,
    dot,
    string,
    number,
    declare,
    assign,
    comma,
    pipe,
    left,
    right
  };
  Kind kind;
  std::string text;     // of a string: what it stands for; of a field: without its dot; of a variable: with its $
  bool spaced = false;  // blanks before it
};

// All of a template's tokens; an action is between an `open` and a `close`. Trim markers have been obeyed, comments are gone.
Evaluated<std::vector<Token>> tokens(std::string_view text);

}  // namespace lictor::sockaddr_parts
