// HCL 1 and JSON as Consul's agent reads its files, which is as github.com/hashicorp/hcl (1.8 to 1.20.1 of Consul: v1.0.0;
// 1.20.2 and later: v1.0.1-vault-7) and Go's encoding/json do it. tests/oracle/hcl holds this reader to the former, tree for tree.
//
// A file's format: `config_format` (a flag of the agent, "hcl" or "json") where that is given, for every file; else the end of
// its name, ".hcl" or ".json". A file of no bytes is skipped by the agent in either format, and is not to be given to these.
//
// HCL, as the library has it, beyond what its own page says:
// - A text whose first letter is { is read as JSON, by a reader of the library's own: it stops behind the closing brace of
//   the whole, takes a missing one for granted, needs no commas in lists, drops true and false from them, and a null is an
//   empty text. Objects that hold nothing but objects become labels: {"a": {"b": {"c": 1}}} is a "b" { c = 1 }.
// - A key that stands again in its object: two texts, numbers or flags: the later one counts, in the type of the first, so
//   that 1 after "x" is "1", "2" after 1 is 2, and "x" after 1 refuses the file. Lists join, as blocks do; either
//   is refused beside the other type but for a block after a list, which is its next element.
// - Labels: a "b" { } is a = [{b = [{ }]}]. A block with a label and one without, of one key, refuse the file. Keys of blocks
//   with labels match whatever the case, and each spelling gets all of them.
// - Key and brace may stand on different lines. A comma may follow each value, and any number of them in a list.
// - `a =` at the end of the file is nothing.
// - ${ } in a text may hold quotes and line ends, and nothing in it is an escape; it is not evaluated.
// - A heredoc keeps its last line end. If its closing word is indented, the blanks before that are part of the text, unless it
//   began with <<-: then they are taken off each line if each has them, or off none. An indented heredoc is not closed by a
//   word without indentation.
//
// Read otherwise than there, on purpose:
// - No more than 128 braces and brackets inside one another, 260 levels with labels, and two values for each byte (plus 65536),
//   which only labels many levels deep and case variants of one label can exceed. No such file is in use, and it takes stack
//   or hours there.
// - What makes the library panic (escapes beyond a byte or Unicode, half a surrogate pair in JSON, a replacement character
//   in ${ }) is a syntax error. The agent does not start with such a file either.
// - In labels, letters beyond ASCII match in their own case only.
#pragma once

#include "hcl/document.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace lictor::hcl {

// Why a text is refused, in words that go behind "FILE:LINE:COLUMN: ". They quote nothing of the text, which may hold secrets.
struct SyntaxError {
  Place place;
  std::string what;

  bool operator==(const SyntaxError&) const = default;
};

// What the two versions differ in: the older one forgives a value that is missing or cut short before a closing brace if
// another closing brace follows, `a { b = } }`, and drops that key.
enum class Library : std::uint8_t { v1_0_0, v1_0_1 };

using Parsed = std::variant<Document, SyntaxError>;

// A file in the format "hcl". Linear in time and space, of bounded stack; never throws but for want of memory.
Parsed parse_hcl(std::string_view text, Library library = Library::v1_0_1);

// A file in the format "json", as encoding/json decodes it: no comments, nothing behind the object; bytes that are no UTF-8
// and halves of surrogate pairs become U+FFFD; of equal keys the last one counts, whole; a number beyond a double refuses
// the file. More than 128 levels (10,000 there) are refused.
Parsed parse_json(std::string_view text);

}  // namespace lictor::hcl
