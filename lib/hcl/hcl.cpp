#include "hcl/hcl.hpp"

#include "hcl/builder.hpp"
#include "hcl/syntax.hpp"

namespace lictor::hcl {

namespace {

// As the library does before it looks at anything.
std::string with_plain_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (auto at = text.find("\r\n"); at != text.npos; at = text.find("\r\n")) {
    out += text.substr(0, at);
    out += '\n';
    text.remove_prefix(at + 2);
  }
  return out += text;
}

}  // namespace

Parsed parse_hcl(std::string_view text, Library library) {
  if (text.size() > size_limit) return SyntaxError{{1, 1}, "more than 256 MiB"};
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool json = first != text.npos && text[first] == '{';
  std::string space;
  if (!json && text.find("\r\n") != text.npos) text = space = with_plain_line_ends(text);
  const SyntaxOrError syntax = json ? parse_json_syntax(text) : parse_hcl_syntax(text, library);
  if (const auto* error = std::get_if<SyntaxError>(&syntax)) return *error;
  return decode(std::get<Syntax>(syntax), text.size());
}

}  // namespace lictor::hcl
