// JSON as people write it, and as other programs do.
#pragma once

#include "base/problem.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lictor {

// No text is taken that is nested deeper, or has more values: a short one can be a large tree, and what is done with a tree
// takes stack for each level.
constexpr std::size_t json_depth = 128, json_values = 1'000'000;

// `text` with // and /* */ comments allowed. Problems, with `name` (a file or a variable) as their subject: a syntax
// error, with its line and column, a key given twice in one object, of which a parser would silently drop one, a
// number beyond what a double holds, and more than the limits above.
// No problem quotes the text, which may hold secrets.
Result<nlohmann::json> parse_json(const std::string& name, std::string_view text);

// What another program wrote, without comments; a discarded value where it is no JSON or beyond the limits above.
nlohmann::json foreign_json(std::string_view text);

// The same for the list of a large cluster, which is megabytes: calls `take` with each element, which alone has to be within
// the limits, and drops it at once. False: `text` is no JSON array; `take` may have been called all the same.
bool each_element(std::string_view text, const std::function<void(const nlohmann::json&)>& take);

// `value` as text, with each byte that is no UTF-8 replaced by U+FFFD: no word of others keeps anything from being written.
std::string json_text(const nlohmann::json& value, int indent = -1);

bool is_utf8(const std::string& text);

// The string at `key`; empty where `object` is no object, lacks it, or holds something else there.
std::string text_of(const nlohmann::json& object, const char* key);
// The same for whole numbers and flags: 0 and false.
std::int64_t integer_of(const nlohmann::json& object, const char* key);
bool flag_of(const nlohmann::json& object, const char* key);
// The object at `key`; an empty one.
const nlohmann::json& object_of(const nlohmann::json& object, const char* key);

}  // namespace lictor
