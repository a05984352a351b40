// A text gone through letter by letter, with lines and columns. For lib/hcl alone.
#pragma once

#include "hcl/document.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace lictor::hcl {

// The letter at the beginning of `text`, which is not empty, and how many bytes it has; 0 bytes: it is no UTF-8.
struct Letter {
  char32_t code;
  std::size_t bytes;
};
Letter first_letter(std::string_view text);
void append_utf8(std::string& out, char32_t code);

// Unicode's categories L and Nd, as Go's unicode.IsLetter and IsDigit have them.
bool is_letter(char32_t code);
bool is_digit(char32_t code);
inline bool is_decimal(char32_t code) { return code >= '0' && code <= '9'; }
// 16 for what is no digit.
inline unsigned digit_value(char32_t c) {
  if (is_decimal(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

class Cursor {
 public:
  enum class Nul : bool { ends, refused };
  using Bytes = std::array<bool, 256>;

  Cursor(std::string_view text, Nul nul) : text_(text), nul_(nul) {}

  std::string_view text() const { return text_; }
  std::size_t offset() const { return now_.offset; }
  bool at_end() const { return now_.offset == text_.size(); }
  Place place() const { return {now_.line, static_cast<std::uint32_t>(now_.offset - now_.line_begin + 1)}; }

  // The next letter, and goes behind it; 0 at the end, for a NUL, and where the text is refused.
  char32_t next() {
    before_ = now_;
    if (at_end()) return 0;
    const auto byte = static_cast<unsigned char>(text_[now_.offset]);
    if (byte >= 0x80 || byte == 0) return next_special();
    ++now_.offset;
    if (byte == '\n') {
      ++now_.line;
      now_.line_begin = now_.offset;
    }
    return byte;
  }
  // Back to where the last next() started.
  void back() { now_ = before_; }
  // The next byte, or 0: enough to tell ASCII.
  char peek() const { return at_end() ? '\0' : text_[now_.offset]; }
  // Goes on by bytes that are ASCII and no line ends.
  void skip(std::size_t bytes) { now_.offset += bytes; }
  void skip_all(const Bytes& these) {
    while (!at_end() && these[static_cast<unsigned char>(text_[now_.offset])]) ++now_.offset;
  }
  void skip_line_end() {
    ++now_.offset;
    ++now_.line;
    now_.line_begin = now_.offset;
  }

  // The first thing that was wrong counts.
  void refuse(Place place, std::string_view what);
  bool refused() const { return error_.has_value(); }

  struct Refusal {
    Place place;
    std::string_view what;
  };
  const std::optional<Refusal>& refusal() const { return error_; }

 private:
  // A line's begin is moved on by the bytes that its letters have beyond one each: so a column is a mere difference.
  struct State {
    std::size_t offset = 0, line_begin = 0;
    std::uint32_t line = 1;
  };

  char32_t next_special();

  std::string_view text_;
  Nul nul_;
  State now_, before_;
  std::optional<Refusal> error_;
};

}  // namespace lictor::hcl
