#include "hcl/cursor.hpp"

namespace lictor::hcl {

namespace {

constexpr Letter no_letter{0xfffd, 0};

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

}  // namespace

Letter first_letter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return no_letter;
  char32_t code = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!continues(text[i])) return no_letter;
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  // Overlong, half a surrogate pair, or beyond Unicode.
  if ((bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000) || (code >= 0xd800 && code < 0xe000) ||
      code > 0x10ffff)
    return no_letter;
  return {code, bytes};
}

void append_utf8(std::string& out, char32_t code) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const char32_t lead = more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0;
  out += static_cast<char>(lead | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80U | (code >> (6 * i) & 0x3fU));
}

char32_t Cursor::next_special() {
  const auto [code, bytes] = first_letter(text_.substr(now_.offset));
  if (bytes == 0) {
    refuse(place(), "bytes that are no UTF-8");
    return 0;
  }
  if (nul_ == Nul::refused && (code == 0 || code == 0xe123)) {
    refuse(place(), code == 0 ? "a NUL" : "the letter U+E123, which is kept for the reader's own use");
    return 0;
  }
  now_.offset += bytes;
  now_.line_begin += bytes - 1;
  return code;
}

void Cursor::refuse(Place place, std::string_view what) {
  if (!error_) error_ = {place, what};
}

}  // namespace lictor::hcl
