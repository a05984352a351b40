#include "sockaddr/lexer.hpp"

#include <optional>

#include "base/text.hpp"

namespace lictor::sockaddr_parts {
namespace {

using Kind = Token::Kind;

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool digit(char c) { return c >= '0' && c <= '9'; }

bool in_word(char c) { return c == '_' || digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Evaluated<std::vector<Token>> run() {
    bool trim_next = false;
    while (!failure_) {
      const auto open = text_.find("{{", at_);
      std::string_view plain = text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      if (trim_next) plain.remove_prefix(std::min(plain.find_first_not_of(" \t\r\n"), plain.size()));
      at_ = open == std::string_view::npos ? text_.size() : open + 2;
      const bool trim_before = open != std::string_view::npos && here(0) == '-' && blank(here(1));
      if (trim_before) plain = plain.substr(0, plain.find_last_not_of(" \t\r\n") + 1);
      if (trim_before) at_ += 2;
      if (!plain.empty()) add(Kind::text, std::string(plain));
      if (open == std::string_view::npos) break;
      trim_next = text_.substr(at_, 2) == "/*" ? comment() : action();
    }
    if (failure_) return *failure_;
    return std::move(out_);
  }

 private:
  // The character so far ahead; 0 behind the end.
  char here(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void fail(Failure failure) {
    if (!failure_) failure_ = std::move(failure);
  }

  void add(Kind kind, std::string text = "") {
    out_.push_back({kind, std::move(text), spaced_});
    spaced_ = false;
  }

  // Takes the end of an action, if it is here: nothing, or whether what comes after it is trimmed.
  std::optional<bool> closing() {
    const bool trims = blank(here(0)) && text_.substr(at_ + 1, 3) == "-}}";
    if (!trims && text_.substr(at_, 2) != "}}") return std::nullopt;
    at_ += trims ? 4 : 2;
    return trims;
  }

  bool comment() {
    const auto end = text_.find("*/", at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 2;
    const auto closed = closing();
    if (!closed) fail(refused("a comment that does not end with */}}"));
    return closed.value_or(false);
  }

  // True if what comes after it is trimmed.
  bool action() {
    add(Kind::open);
    while (!failure_) {
      if (const auto closed = closing()) {
        add(Kind::close);
        return *closed;
      }
      if (at_ >= text_.size())
        fail(refused("{{ without }}"));
      else
        token();
    }
    return false;
  }

  void token() {
    const char c = text_[at_];
    if (blank(c)) {
      spaced_ = true;
      ++at_;
    } else if (c == '"') {
      quoted();
    } else if (c == '`') {
      raw();
    } else if (c == '.' && !digit(here(1))) {
      ++at_;
      in_word(here(0)) ? named(Kind::field, "") : ends_after(Kind::dot);
    } else if (c == '$') {
      ++at_;
      named(Kind::variable, "$");
    } else if (digit(c) || c == '+' || c == '-' || c == '.' || c == '\'') {
      number();
    } else if (in_word(c)) {
      named(Kind::word, "");
    } else {
      sign();
    }
  }

  // Words end where Go lets them end.
  void ends_after(Kind kind, std::string text = "") {
    const char c = here(0);
    const bool ends = at_ >= text_.size() || blank(c) || std::string_view(".,|:()").find(c) != std::string_view::npos ||
                      text_.substr(at_, 2) == "}}";
    if (!ends) fail(not_evaluated("\"" + std::string(text_.substr(at_, 1)) + "\" inside a word"));
    add(kind, std::move(text));
  }

  void named(Kind kind, std::string name) {
    while (in_word(here(0))) name += text_[at_++];
    ends_after(kind, std::move(name));
  }

  // Whole decimal numbers.
  void number() {
    std::string digits;
    if (here(0) == '+' || here(0) == '-') digits += text_[at_++];
    const std::size_t sign = digits.size();
    while (digit(here(0))) digits += text_[at_++];
    const bool leading_zero = digits.size() > sign + 1 && digits[sign] == '0';
    if (digits.size() == sign || leading_zero || in_word(here(0)) || here(0) == '.' || digits.size() > 18 ||
        here(0) == '+' || here(0) == '-') {
      return fail(not_evaluated("a number that is not a whole decimal one"));
    }
    add(Kind::number, std::move(digits));
  }

  void raw() {
    const auto end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return fail(refused("` without its other"));
    std::string inside(text_.substr(at_ + 1, end - at_ - 1));
    std::erase(inside, '\r');  // as in Go's sources
    at_ = end + 1;
    add(Kind::string, std::move(inside));
  }

  void quoted() {
    std::string out;
    for (++at_; here(0) != '"'; ++at_) {
      if (at_ >= text_.size() || here(0) == '\n') return fail(refused("\" without its other"));
      if (here(0) != '\\') {
        out += here(0);
        continue;
      }
      ++at_;
      const auto plain = std::string_view("abfnrtv\\\"").find(here(0));
      if (plain == std::string_view::npos) return fail(not_evaluated(std::string("\\") + here(0) + " in a string"));
      out += "\a\b\f\n\r\t\v\\\""[plain];
    }
    ++at_;
    // Go would put U+FFFD there.
    if (utf8(out) != out) return fail(not_evaluated("a string that is not UTF-8"));
    add(Kind::string, std::move(out));
  }

  void sign() {
    const char c = text_[at_++];
    if (c == ':' && here(0) == '=') {
      ++at_;
      return add(Kind::declare);
    }
    switch (c) {
      case '|':
        return add(Kind::pipe);
      case '(':
        return add(Kind::left);
      case ')':
        return add(Kind::right);
      case ',':
        return add(Kind::comma);
      case '=':
        return add(Kind::assign);
      default:
        return fail(not_evaluated("\"" + harmless(std::string_view(&c, 1)) + "\" in {{ }}"));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool spaced_ = false;
  std::vector<Token> out_;
  std::optional<Failure> failure_;
};

}  // namespace

Evaluated<std::vector<Token>> tokens(std::string_view text) { return Lexer(text).run(); }

}  // namespace lictor::sockaddr_parts
