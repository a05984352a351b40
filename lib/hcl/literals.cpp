#include "hcl/token.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace lictor::hcl {

namespace {

// Reads `digits` digits of `base` at the beginning of `text`. 32 bits, as a letter has them in Go: more are pushed out.
std::optional<std::uint32_t> take_digits(std::string_view& text, std::size_t digits, unsigned base) {
  if (text.size() < digits) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const unsigned digit = digit_value(static_cast<unsigned char>(text[i]));
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  text.remove_prefix(digits);
  return value;
}

bool take_unicode(std::string_view& text, std::size_t digits, Escapes escapes, std::string& out) {
  const auto code = take_digits(text, digits, 16);
  if (!code) return false;
  if (static_cast<std::int32_t>(*code) < 0) {
    // Negative there: taken by HCL for a byte.
    if (escapes == Escapes::json) return false;
    out += static_cast<char>(*code & 0xffU);
    return true;
  }
  if (*code > 0x10ffff || (escapes == Escapes::json && *code >= 0xd800 && *code < 0xe000)) return false;
  append_utf8(out, *code);
  return true;
}

// `text` begins behind the backslash.
bool take_escape(std::string_view& text, Escapes escapes, std::string& out) {
  if (text.empty()) return false;
  const char c = text[0];
  if (c >= '0' && c <= '7') {
    const auto byte = take_digits(text, 3, 8);
    if (!byte || *byte > 0xff) return false;
    out += static_cast<char>(*byte);
    return true;
  }
  text.remove_prefix(1);
  constexpr std::string_view named = "abfnrtv\\\"", meant = "\a\b\f\n\r\t\v\\\"";
  if (const auto at = named.find(c); at != named.npos) {
    out += meant[at];
    return true;
  }
  if (c == 'u' || c == 'U') return take_unicode(text, c == 'u' ? 4 : 8, escapes, out);
  const auto byte = c == 'x' ? take_digits(text, 2, 16) : std::nullopt;
  if (!byte) return false;
  out += static_cast<char>(*byte);
  return true;
}

// From ${ to the brace that closes it, as it stands.
bool take_template(std::string_view& text, std::string& out) {
  std::size_t open = 0, at = 1;
  do {
    if (at == text.size()) return false;
    const Letter letter = first_letter(text.substr(at));
    if (letter.code == 0xfffd) return false;
    open += letter.code == '{' ? 1 : 0;
    open -= letter.code == '}' ? 1 : 0;
    at += letter.bytes;
  } while (open > 0);
  out += text.substr(0, at);
  text.remove_prefix(at);
  return true;
}

}  // namespace

std::optional<std::string_view> unquoted(std::string_view literal, Escapes escapes, std::string& space) {
  if (literal.empty()) return literal;
  std::string_view rest = literal.substr(1, literal.size() - 2);
  const std::string_view special = escapes == Escapes::hcl ? "\\$" : "\\";
  auto plain = rest.find_first_of(special);
  if (plain == rest.npos) return rest;
  space.clear();
  for (; !rest.empty(); plain = rest.find_first_of(special)) {
    space += rest.substr(0, plain);
    if (plain == rest.npos) break;
    rest.remove_prefix(plain);
    if (rest.substr(0, 2) == "${" && escapes == Escapes::hcl) {
      if (!take_template(rest, space)) return std::nullopt;
      continue;
    }
    const bool escape = rest[0] == '\\';
    if (!escape) space += '$';
    rest.remove_prefix(1);
    if (escape && !take_escape(rest, escapes, space)) return std::nullopt;
  }
  return space;
}

// What the library makes of a heredoc it reckons by the length of the opening line, as if the closing one were the bare word:
// so do these, and what is before or behind the word there shifts what is taken.
std::string_view heredoc_text(std::string_view literal, std::string& space) {
  const std::size_t opening = literal.find('\n');
  const std::size_t end = literal.size() - opening + 1;
  const auto body = [&](std::size_t to) { return literal.substr(opening + 1, to - opening - 1); };
  if (literal[2] != '-') return body(end);

  const std::string_view lines = body(end + 1);
  const std::size_t last = lines.rfind('\n');
  const std::string_view indent = last == lines.npos ? lines : lines.substr(last + 1);
  bool indented = lines.starts_with(indent);
  for (auto at = lines.find('\n'); indented && at != lines.npos; at = lines.find('\n', at + 1))
    indented = lines.substr(at + 1).starts_with(indent);
  if (!indented) {
    const std::string_view whole = body(end);
    return whole.substr(0, whole.find_last_not_of(" \t") + 1);
  }
  space.clear();
  for (std::size_t begin = 0; last != lines.npos && begin <= last;) {
    const std::size_t line_end = lines.find('\n', begin);
    space += lines.substr(begin + indent.size(), line_end + 1 - begin - indent.size());
    begin = line_end + 1;
  }
  return space;
}

namespace {

// Underscores stand between digits, or between the base and a digit.
bool well_placed_underscores(std::string_view digits, bool after_base) {
  bool separable = after_base;
  for (const char c : digits) {
    if (c == '_' && !separable) return false;
    separable = c != '_';
  }
  return separable;
}

}  // namespace

std::optional<std::int64_t> whole_number_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  unsigned base = 10;
  bool after_base = false;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(static_cast<unsigned char>(text[1]) | 0x20U);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    after_base = true;
    text.remove_prefix((letter == 'x' || letter == 'b' || letter == 'o') && text.size() > 2 ? 2 : 1);
  }
  if (text.empty() || !well_placed_underscores(text, after_base)) return std::nullopt;
  const std::uint64_t most = (std::uint64_t{1} << 63U) - (negative ? 0 : 1);
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c == '_') continue;
    const unsigned digit = digit_value(static_cast<unsigned char>(c));
    if (digit >= base || value > (most - digit) / base) return std::nullopt;
    value = value * base + digit;
  }
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

std::optional<double> real_of(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || stop != text.data() + text.size()) return std::nullopt;
  if (error == std::errc()) return value;
  // Too large, or so small that it is as good as nothing: which of them, only this one tells.
  const double nearest = std::strtod(std::string(text).c_str(), nullptr);
  return std::isinf(nearest) ? std::nullopt : std::optional(nearest);
}

}  // namespace lictor::hcl
