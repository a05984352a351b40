// Small pure helpers on text.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// Whole-name match of a shell glob with * ? and [set], as fnmatch(3) has them: "eth*" matches "eth0" and not "veth0".
bool glob_match(std::string_view pattern, std::string_view name);

// Splits at `separator`, trims blanks, drops empty parts: "a, b,,c" -> a b c.
std::vector<std::string> split_list(std::string_view text, char separator = ',');

std::string_view trim(std::string_view text);

// The number that the whole of the text is: nothing for an empty text, for anything before or behind the digits (a plus
// and blanks included), and for what does not fit into the type.
template <class Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

// Of an argument as Go's flags take it, "-name", "--name" or "-name=value": the name; empty for what is none.
std::string flag_name(std::string_view argument);

// At most `most` bytes of it, none of them a piece of a letter.
std::string_view cut(std::string_view text, std::size_t most);

// `text` in UTF-8: each byte that is none becomes U+FFFD.
std::string utf8(std::string_view text);

// What others wrote, as one line that does nothing to a terminal or a reader: breaks and tabs become blanks, other control
// characters, those that turn the direction of writing, and bytes that are no UTF-8 become U+FFFD.
std::string harmless(std::string_view text);

std::string lower(std::string_view text);  // ASCII letters alone, as Consul compares names

// FNV-1a, 64 bits: tells apart, proves nothing. Longer texts piece by piece, the hash of what came before in `hash`.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL);

// As a segment of a URL's path, or a value in its query: all but letters, digits and -_.~ as %XX (RFC 3986, unreserved).
std::string percent_encode(const std::string& text);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Rows of at most `width` bytes, broken at blanks; 0: one row. A word that is longer stays whole: it may be a path that somebody
// copies.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

// How a page is written for people.
struct PageStyle {
  std::size_t width = 0;  // lines are wrapped to fit; 0: never
  bool colour = false;    // ANSI
};

// The rows of what stands behind a label that takes `column` bytes; one row where too few columns would be left for it.
std::vector<std::string> wrap_behind(std::size_t column, std::string_view text, const PageStyle& style);

// The first candidate with the smallest edit distance to `word`, if that is close enough to be a slip of the
// fingers: at most two edits, or a third of the word's length if that is more, but never the whole word.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// Replaces each ${NAME} by lookup(NAME). A "${" without "}" or a name that lookup does not know is left as it stands and its
// name added to `unknown` (when given). "$${" stands for "${", but not in a text `for_shell`, where "$$" is the shell's own. Any
// other "$" is left alone.
template <class Lookup>
std::string expand(std::string_view text, const Lookup& lookup, std::vector<std::string>* unknown = nullptr,
                   bool for_shell = false) {
  std::string out;
  while (!text.empty()) {
    const auto at = text.find('$');
    out += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at);
    const auto end = text.substr(0, 2) == "${" ? text.find('}') : std::string_view::npos;
    if (!for_shell && text.substr(0, 3) == "$${") {
      out += "${";
      text.remove_prefix(3);
    } else if (end == std::string_view::npos) {
      out += '$';
      text.remove_prefix(1);
    } else {
      const std::string name(text.substr(2, end - 2));
      if (const std::optional<std::string> value = lookup(name)) {
        out += *value;
      } else {
        out += text.substr(0, end + 1);
        if (unknown) unknown->push_back(name);
      }
      text.remove_prefix(end + 1);
    }
  }
  return out;
}

}  // namespace lictor
