#include "hcl/builder.hpp"
#include "hcl/hcl.hpp"
#include "hcl/token.hpp"

#include <algorithm>

namespace lictor::hcl {

namespace {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text), builder_(text.size()) {}

  Parsed read() {
    skip_blanks();
    const Place begin = place();
    const Builder::Index root = builder_.add(Kind::null, begin);
    if (!value(root)) return SyntaxError{place(), std::string(why_)};
    skip_blanks();
    if (at_ != text_.size()) return SyntaxError{place(), "something behind the end of the object"};
    const Kind kind = builder_.kind(root);
    if (kind != Kind::object && kind != Kind::null) return SyntaxError{begin, "no object"};
    return builder_.finish();
  }

 private:
  bool fail(std::string_view why) {
    why_ = why;
    return false;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    const bool there = peek() == c && at_ < text_.size();
    at_ += there ? 1 : 0;
    return there;
  }
  bool take(std::string_view word) {
    const bool there = text_.substr(at_, word.size()) == word;
    at_ += there ? word.size() : 0;
    return there;
  }

  void skip_blanks() {
    for (; peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n'; ++at_) {
      if (peek() != '\n') continue;
      ++line_;
      line_begin_ = at_ + 1;
    }
  }
  // Texts move a line's begin on by the bytes that their letters have beyond one each.
  Place place() const { return {line_, static_cast<std::uint32_t>(at_ - line_begin_ + 1)}; }

  bool value(Builder::Index into) {
    switch (peek()) {
      case '{':
        return object(into);
      case '[':
        return list(into);
      case '"':
        return text(into);
      case 't':
        builder_.set_boolean(into, true);
        return take("true") || not_a_value();
      case 'f':
        builder_.set_boolean(into, false);
        return take("false") || not_a_value();
      case 'n':
        return take("null") || not_a_value();
      default:
        return number(into);
    }
  }
  bool not_a_value() { return fail("a value is expected: a text in \", a number, true, false, null, [ or {"); }

  bool object(Builder::Index into) {
    if (++depth_ > nesting_limit) return fail("more than 128 levels");
    builder_.make_empty(into, Kind::object);
    Builder::Members known(builder_, into);
    take('{');
    skip_blanks();
    if (!take('}')) {
      do {
        skip_blanks();
        if (!member(known)) return false;
        skip_blanks();
      } while (take(','));
      if (!take('}')) return fail("a comma or } is expected behind a value");
    }
    --depth_;
    return true;
  }

  bool member(Builder::Members& known) {
    if (builder_.too_many()) return fail("too many values");
    const Place where = place();
    if (peek() != '"') return fail("a key in \" is expected here");
    const auto key = quoted();
    if (!key) return false;
    Builder::Index made = known.find(*key);
    if (made == Builder::none) {
      made = builder_.add(Kind::null, where);
      builder_.set_key(made, *key, where);
      known.add(made);
    } else {
      // As if the earlier one were not there.
      builder_.set_null(made);
      builder_.set_place(made, where);
    }
    skip_blanks();
    if (!take(':')) return fail(": is missing behind a key");
    skip_blanks();
    return value(made);
  }

  bool list(Builder::Index into) {
    if (++depth_ > nesting_limit) return fail("more than 128 levels");
    builder_.make_empty(into, Kind::list);
    take('[');
    skip_blanks();
    if (!take(']')) {
      do {
        skip_blanks();
        const Builder::Index made = builder_.add(Kind::null, place());
        builder_.append(into, made);
        if (!value(made)) return false;
        skip_blanks();
      } while (take(','));
      if (!take(']')) return fail("a comma or ] is expected behind a value in a list");
    }
    --depth_;
    return true;
  }

  bool digits() {
    const std::size_t begin = at_;
    while (is_decimal(static_cast<unsigned char>(peek()))) ++at_;
    return at_ > begin;
  }

  bool number(Builder::Index into) {
    const std::size_t begin = at_;
    take('-');
    if (!take('0') && !digits()) return not_a_value();
    if (take('.') && !digits()) return fail("a number without digits behind its point");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return fail("a number without digits in its exponent");
    }
    const auto value = real_of(text_.substr(begin, at_ - begin));
    if (!value) return fail("a number too large");
    builder_.set_real(into, *value);
    return true;
  }

  bool text(Builder::Index into) {
    const auto content = quoted();
    if (content) builder_.set_text(into, *content);
    return content.has_value();
  }

  // Good until the next one is read.
  std::optional<std::string_view> quoted() {
    const std::size_t begin = ++at_;
    const auto plain = [&] { return at_ < text_.size() && is_plain(text_[at_]); };
    while (plain()) ++at_;
    if (take('"')) return text_.substr(begin, at_ - 1 - begin);
    space_ = text_.substr(begin, at_ - begin);
    while (!take('"')) {
      const std::size_t from = at_;
      while (plain()) ++at_;
      space_ += text_.substr(from, at_ - from);
      if (at_ == from && !(peek() == '\\' ? escape() : letter())) return std::nullopt;
    }
    return space_;
  }
  static bool is_plain(char c) {
    const auto code = static_cast<unsigned char>(c);  // a char has a sign on some processors only
    return code >= 0x20 && code < 0x80 && c != '"' && c != '\\';
  }

  bool letter() {
    if (at_ == text_.size()) return fail("a text whose closing quote is missing");
    if (static_cast<unsigned char>(peek()) < 0x20) return fail("a line end or another control character in a text");
    const Letter letter = first_letter(text_.substr(at_));
    append_utf8(space_, letter.code);
    at_ += std::max(letter.bytes, std::size_t{1});
    line_begin_ += std::max(letter.bytes, std::size_t{1}) - 1;
    return true;
  }

  std::optional<char32_t> four_digits() {
    char32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const unsigned digit = digit_value(static_cast<unsigned char>(peek()));
      if (digit == 16) return std::nullopt;
      code = code << 4U | digit;
    }
    return code;
  }

  bool escape() {
    ++at_;
    if (!take('u')) {
      constexpr std::string_view named = "bfnrt\\/\"", meant = "\b\f\n\r\t\\/\"";
      const auto which = at_ == text_.size() ? named.npos : named.find(peek());
      if (which == named.npos) return fail("an escape behind a backslash that there is not");
      space_ += meant[which];
      ++at_;
      return true;
    }
    auto code = four_digits();
    if (!code) return fail("an escape \\u without its four digits");
    if (*code >= 0xd800 && *code < 0xdc00) {
      // With the second half of a pair, if that follows.
      const std::size_t behind = at_;
      const auto second = take("\\u") ? four_digits() : std::nullopt;
      if (second && *second >= 0xdc00 && *second < 0xe000) {
        code = 0x10000 + ((*code - 0xd800) << 10U) + (*second - 0xdc00);
      } else {
        at_ = behind;
      }
    }
    append_utf8(space_, *code);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_begin_ = 0, depth_ = 0;
  std::uint32_t line_ = 1;
  Builder builder_;
  std::string space_;
  std::string_view why_;
};

}  // namespace

Parsed parse_json(std::string_view text) {
  if (text.size() > size_limit) return SyntaxError{{1, 1}, "more than 256 MiB"};
  return JsonReader(text).read();
}

}  // namespace lictor::hcl
