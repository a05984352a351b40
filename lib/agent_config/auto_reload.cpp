#include "agent_config/auto_reload.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace lictor {
namespace {

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

struct Token {
  std::string_view text;  // without quotation marks
  bool quoted = false;    // it is neither a sign nor the end
  bool is(std::string_view sign) const { return !quoted && text == sign; }
};

// Words, texts and signs, one after another.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(text) {}

  // A word, a text or a sign; empty at the end.
  Token next() {
    skip_blanks();
    if (rest_.empty()) return {};
    if (rest_.front() == '"') return {quoted(), true};
    if (rest_.starts_with("<<")) return {heredoc(), true};
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), in_word);
    return {take(std::max<std::size_t>(1, static_cast<std::size_t>(end - rest_.begin())))};
  }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void skip_to(std::string_view end) {
    const auto at = rest_.find(end, std::min<std::size_t>(rest_.size(), 2));
    take(at == std::string_view::npos ? rest_.size() : at + end.size());
  }

  void skip_blanks() {
    for (;;) {
      const auto blanks = rest_.find_first_not_of(" \t\r\n");
      take(std::min(blanks, rest_.size()));
      if (rest_.starts_with("/*")) {
        skip_to("*/");
      } else if (rest_.starts_with('#') || rest_.starts_with("//")) {
        take(std::min(rest_.find('\n'), rest_.size()));
      } else {
        return;
      }
    }
  }

  std::string_view quoted() {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    return take(end + 1).substr(1, end - 1);
  }

  // Up to the line that has nothing but the word behind << or <<-.
  std::string_view heredoc() {
    const auto line = [this] { return trim(take(std::min(rest_.find('\n'), rest_.size() - 1) + 1)); };
    std::string_view word = line().substr(2);
    if (word.starts_with('-')) word.remove_prefix(1);
    while (!rest_.empty() && line() != word) continue;
    return "<<";
  }

  std::string_view rest_;
};

}  // namespace

std::optional<bool> auto_reload_in(std::string_view text) {
  std::optional<bool> found;
  Tokens tokens(text);
  Token before, token = tokens.next();
  // The whole of JSON is in one pair of braces.
  std::ptrdiff_t depth = token.is("{") ? -1 : 0;
  for (std::string key; !token.is(""); before = token, token = tokens.next()) {
    if (token.is("{") || token.is("[")) ++depth;
    if (token.is("}") || token.is("]")) --depth;
    if (depth != 0) continue;
    if (token.is("=") || token.is(":")) key = lower(before.text);
    const bool value = before.is("=") || before.is(":");
    if (value && key == "auto_reload_config" && !token.is("null")) found = !token.is("false");
  }
  return found;
}

}  // namespace lictor
