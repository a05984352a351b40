// JSON as people write it.
#pragma once

#include "decide/problem.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace lictor {

// `text` with // and /* */ comments allowed. Problems, with `name` (a file or a variable) as their subject: a syntax
// error, with its line and column, a key given twice in one object, of which a parser would silently drop one, and a
// number beyond what a double holds.
// No problem quotes the text, which may hold secrets.
Result<nlohmann::json> parse_json(const std::string& name, std::string_view text);

// Everything that goes into JSON must be.
bool is_utf8(const std::string& text);

// The string at `key`; empty where `object` is no object, lacks it, or holds something else there.
std::string text_of(const nlohmann::json& object, const char* key);

}  // namespace lictor
