#include "hcl/token.hpp"

#include <algorithm>

namespace lictor::hcl {

namespace {

// The bytes that mean nothing where they stand: ASCII, but for NUL, the line end and those in `special`.
constexpr Cursor::Bytes plain_but(std::string_view special) {
  Cursor::Bytes plain{};
  for (std::size_t i = 1; i < 0x80; ++i) plain[i] = i != '\n' && special.find(static_cast<char>(i)) == special.npos;
  return plain;
}
constexpr Cursor::Bytes in_line = plain_but(""), in_comment = plain_but("*"), in_quotes = plain_but("\"\\${}");

constexpr Cursor::Bytes in_name = [] {
  Cursor::Bytes plain{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."))
    plain[static_cast<std::size_t>(c)] = true;
  return plain;
}();

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void skip_blanks(Cursor& at) {
  while (is_blank(at.peek())) {
    if (at.peek() == '\n') {
      at.skip_line_end();
    } else {
      at.skip(1);
    }
  }
}

bool continues_name(char32_t c) { return is_letter(c) || is_digit(c) || c == '-'; }

// Goes behind the digits from here on; `first` is the letter that was read or looked at last. Gives the first letter that is
// none, behind which it stays if there was no digit at all.
char32_t skip_digits(Cursor& at, char32_t first) {
  bool any = false;
  while (is_decimal(first)) {
    first = at.next();
    any = true;
  }
  if (any && first != 0) at.back();
  return first;
}

// Behind an e.
void finish_exponent(Cursor& at) {
  char32_t c = at.next();
  if (c == '-' || c == '+') c = at.next();
  skip_digits(at, c);
}

void finish_comment(Cursor& at, char32_t first, Place place) {
  const char second = at.peek();
  if (first == '/' && second == '*') {
    at.next();
    for (char32_t before = at.next(), c = 0; before != 0; before = c) {
      if (before != '*') at.skip_all(in_comment);
      c = at.next();
      if (before == '*' && c == '/') return;
    }
    at.refuse(place, "a comment that /* opens and nothing closes");
    return;
  }
  if (first == '/' && second != '/') {
    at.refuse(place, "a single /; a comment begins with //, /* or #");
    return;
  }
  char32_t c = 0;
  do {
    at.skip_all(in_line);
    c = at.next();
  } while (c != '\n' && c != 0);
  if (c != 0) at.back();
}

void finish_name(Cursor& at) {
  at.skip_all(in_name);
  char32_t c = at.next();
  while (continues_name(c) || c == '.') c = at.next();
  if (c != 0) at.back();
}

constexpr std::string_view open_text = "a text whose closing quote is missing";

// True: nothing in it means anything else than itself.
bool finish_quoted(Cursor& at, Place place) {
  at.skip_all(in_quotes);
  if (at.peek() == '"') {
    at.skip(1);
    return true;
  }
  std::size_t braces = 0;
  for (;;) {
    at.skip_all(in_quotes);
    const char32_t c = at.next();
    if (c == '"' && braces == 0) return false;
    if (c == 0 || (c == '\n' && braces == 0)) {
      at.refuse(place, open_text);
      return false;
    }
    if (c == '\\') {
      finish_escape(at);
    } else if (braces == 0 && c == '$' && at.peek() == '{') {
      at.next();
      braces = 1;
    } else if (braces > 0) {
      braces += c == '{' ? 1 : 0;
      braces -= c == '}' ? 1 : 0;
    }
  }
}

bool closes_heredoc(std::string_view line, std::string_view word, bool indented) {
  // Which leaves out a closing word without blanks where the opening one has a dash.
  if (line.size() < word.size() + (indented ? 1 : 0)) return false;
  line.remove_prefix(std::min(line.find_first_not_of("\t\n\v\f\r "), line.size()));
  return line.starts_with(word) && line.find_first_not_of('\r', word.size()) == line.npos;
}

void finish_heredoc(Cursor& at, Place place) {
  if (at.next() != '<') {
    at.refuse(place, "a single <; a text over several lines begins with <<");
    return;
  }
  const bool indented = at.peek() == '-';
  if (indented) at.next();
  const std::size_t begin = at.offset();
  char32_t c = at.next();
  while (is_letter(c) || is_digit(c)) c = at.next();
  if (c != '\n') {
    at.refuse(place, "no line end behind << and the word that closes the text");
    return;
  }
  const std::string_view word = at.text().substr(begin, at.offset() - 1 - begin);
  if (word.empty()) {
    at.refuse(place, "no word behind <<");
    return;
  }
  for (std::size_t line = at.offset();;) {
    at.skip_all(in_line);
    c = at.next();
    if (c == 0) {
      at.refuse(place, "a text that << opens and no line with the closing word ends");
      return;
    }
    if (c != '\n') continue;
    if (closes_heredoc(at.text().substr(line, at.offset() - 1 - line), word, indented)) return;
    line = at.offset();
  }
}

TokenKind finish_zero(Cursor& at, Place place) {
  char32_t c = at.next();
  if (c == 'x' || c == 'X') {
    c = at.next();
    if (digit_value(c) == 16) at.refuse(place, "a hexadecimal number without digits");
    while (digit_value(c) < 16) c = at.next();
    if (c != 0) at.back();
    return TokenKind::number;
  }
  bool octal = true;
  while (is_decimal(c)) {
    c = at.next();
    octal = octal && c != '8' && c != '9';
  }
  if (c == 'e' || c == 'E') {
    finish_exponent(at);
    return TokenKind::real;
  }
  if (c == '.') return finish_fraction(at);
  if (!octal) at.refuse(place, "a number that begins with 0 is octal, and has no 8 or 9");
  if (c != 0) at.back();
  return TokenKind::number;
}

TokenKind punctuation(char32_t c) {
  switch (c) {
    case '[':
      return TokenKind::open_list;
    case ']':
      return TokenKind::close_list;
    case '{':
      return TokenKind::open_object;
    case '}':
      return TokenKind::close_object;
    case ',':
      return TokenKind::comma;
    default:
      return TokenKind::other;
  }
}

// One that begins with a dot.
TokenKind finish_dot(Cursor& at) {
  if (!is_decimal(static_cast<unsigned char>(at.peek()))) return TokenKind::other;
  const char32_t c = skip_digits(at, '0');
  // An e ends it: the exponent's digits are no part of the number.
  if (c == 'e' || c == 'E') at.next();
  return TokenKind::real;
}

TokenKind finish_hcl(Cursor& at, char32_t c, Token& token) {
  const Place place = token.place;
  switch (c) {
    case 0:
      return TokenKind::end;
    case '"':
      token.plain = finish_quoted(at, place);
      return TokenKind::quoted;
    case '#':
    case '/':
      finish_comment(at, c, place);
      return TokenKind::comment;
    case '<':
      finish_heredoc(at, place);
      return TokenKind::heredoc;
    case '=':
      return TokenKind::equals;
    case '.':
      return finish_dot(at);
    case '0':
      return finish_zero(at, place);
    case '-':
      if (!is_decimal(static_cast<unsigned char>(at.peek()))) return TokenKind::other;
      return at.next() == '0' ? finish_zero(at, place) : finish_number(at);
    default:
      break;
  }
  if (is_decimal(c)) return finish_number(at);
  if (is_letter(c)) {
    finish_name(at);
    return TokenKind::name;
  }
  const TokenKind kind = punctuation(c);
  if (kind == TokenKind::other && c != '+') at.refuse(place, "a letter that begins nothing");
  return kind;
}

TokenKind finish_json_quoted(Cursor& at, Token& token) {
  at.skip_all(in_quotes);
  token.plain = at.peek() == '"';
  for (;;) {
    at.skip_all(in_quotes);
    const char32_t c = at.next();
    if (c == '"') return TokenKind::quoted;
    if (c == 0 || c == '\n') {
      at.refuse(token.place, open_text);
      return TokenKind::refused;
    }
    if (c == '\\') finish_escape(at);
  }
}

TokenKind finish_json_word(Cursor& at, Place place, std::size_t begin) {
  char32_t c = at.next();
  while (continues_name(c)) c = at.next();
  if (c != 0) at.back();
  const std::string_view word = at.text().substr(begin, at.offset() - begin);
  if (word == "true" || word == "false") return TokenKind::boolean;
  if (word != "null") at.refuse(place, "a word that is none of true, false and null");
  return TokenKind::null;
}

TokenKind finish_json_number(Cursor& at, Place place, bool zero) {
  const std::size_t begin = at.offset();
  const TokenKind kind = finish_number(at);
  // At the end of the file it is one even alone.
  if (zero && kind == TokenKind::number && (at.offset() != begin || at.at_end()))
    at.refuse(place, "a number that begins with 0");
  return kind;
}

TokenKind finish_json(Cursor& at, char32_t c, Token& token, std::size_t begin) {
  const Place place = token.place;
  switch (c) {
    case 0:
      return TokenKind::end;
    case '"':
      return finish_json_quoted(at, token);
    case '.':
      return finish_dot(at);
    case ':':
      return TokenKind::colon;
    case '-':
      if (is_decimal(static_cast<unsigned char>(at.peek()))) {
        const bool zero = at.next() == '0';
        return finish_json_number(at, place, zero);
      }
      break;
    default:
      break;
  }
  if (is_decimal(c)) return finish_json_number(at, place, c == '0');
  if (is_letter(c)) return finish_json_word(at, place, begin);
  const TokenKind kind = punctuation(c);
  if (kind == TokenKind::other) at.refuse(place, "a letter that begins nothing in JSON");
  return kind;
}

}  // namespace

TokenKind finish_fraction(Cursor& at) {
  const char32_t c = skip_digits(at, static_cast<unsigned char>(at.peek()));
  if (c == 'e' || c == 'E') {
    at.next();
    finish_exponent(at);
  }
  return TokenKind::real;
}

TokenKind finish_number(Cursor& at) {
  skip_digits(at, '0');
  const char32_t c = at.next();
  if (c == 'e' || c == 'E') {
    finish_exponent(at);
    return TokenKind::real;
  }
  if (c == '.') return finish_fraction(at);
  if (c != 0) at.back();
  return TokenKind::number;
}

void finish_escape(Cursor& at) {
  const Place place = at.place();
  const char32_t c = at.next();
  const bool octal = c >= '0' && c <= '7';
  const int digits = octal ? 2 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  bool good = digits > 0 || (c != 0 && c < 0x80 &&
                             std::string_view("abfnrtv\\\"").find(static_cast<char>(c)) != std::string_view::npos);
  for (int i = 0; i < digits && good; ++i) good = digit_value(at.next()) < (octal ? 8U : 16U);
  if (!good) at.refuse(place, "an escape behind a backslash that there is not, or that lacks digits");
}

void read_hcl_token(Cursor& at, Token& token) {
  skip_blanks(at);
  token.place = at.place();
  const std::size_t begin = at.offset();
  token.plain = false;
  token.kind = finish_hcl(at, at.next(), token);
  token.text = at.text().substr(begin, at.offset() - begin);
  if (token.kind == TokenKind::name && (token.text == "true" || token.text == "false")) token.kind = TokenKind::boolean;
  if (at.refused()) token.kind = TokenKind::refused;
}

void read_json_token(Cursor& at, Token& token) {
  skip_blanks(at);
  token.place = at.place();
  const std::size_t begin = at.offset();
  token.plain = false;
  token.kind = finish_json(at, at.next(), token, begin);
  token.text = at.text().substr(begin, at.offset() - begin);
  if (at.refused()) token.kind = TokenKind::refused;
}

}  // namespace lictor::hcl
