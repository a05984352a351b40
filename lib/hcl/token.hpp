// The words of HCL, and of JSON where HCL's reader takes it. For lib/hcl alone.
#pragma once

#include "hcl/cursor.hpp"

namespace lictor::hcl {

enum class TokenKind : std::uint8_t {
  refused,
  end,
  comment,
  name,
  number,
  real,
  boolean,
  quoted,
  heredoc,
  null,
  open_list,
  close_list,
  open_object,
  close_object,
  comma,
  equals,
  colon,
  other,  // a dot, plus or minus that is no part of a number: nowhere allowed
};

struct Token {
  TokenKind kind = TokenKind::end;
  Place place;
  std::string_view text;  // as it stands in the source
  bool plain = false;     // of a quoted one: what is in the quotes stands for itself
};

// One of these for each of the two. A token of the kind `refused`: the cursor tells why, and nothing is to be read on. Into
// its place, for a copy of what was only just written in parts makes the processor wait.
void read_hcl_token(Cursor& at, Token& token);
void read_json_token(Cursor& at, Token& token);

// What both share. The first digit, at which the number starts, is read.
TokenKind finish_number(Cursor& at);
TokenKind finish_fraction(Cursor& at);  // behind a dot that begins a number
void finish_escape(Cursor& at);         // behind a backslash

// What a literal stands for. Nothing: it is none.
enum class Escapes : std::uint8_t { hcl, json };
std::optional<std::string_view> unquoted(std::string_view literal, Escapes escapes, std::string& space);
std::string_view heredoc_text(std::string_view literal, std::string& space);
// As Go's strconv.ParseInt(text, 0, 64): signs, 0x, 0o, 0b, 0 for octal, and underscores.
std::optional<std::int64_t> whole_number_of(std::string_view text);
// As Go's strconv.ParseFloat(text, 64), of which no reader of these needs more than decimals.
std::optional<double> real_of(std::string_view text);

}  // namespace lictor::hcl
