#include "base/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

namespace lictor {
namespace {

using nlohmann::json;

std::string position(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("line {}, column {}", 1 + std::count(before.begin(), before.end(), '\n'),
                     before.size() - line_start + 1);
}

// "[json.exception.parse_error.101] parse error at line 1, column 7: REASON; last read: '...'" holds more than a
// reader needs, and what was read last may be a secret.
std::string reason(std::string_view message) {
  message = message.substr(0, message.find("; last read: "));
  const auto column = message.find(", column ");
  const auto colon = column == std::string_view::npos ? column : message.find(": ", column);
  return std::string(colon == std::string_view::npos ? message : message.substr(colon + 2));
}

// Follows the parser through objects and remembers the first key that one of them has twice.
class DuplicateFinder {
 public:
  bool operator()(std::size_t depth, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) seen_.emplace_back();
    if (event == json::parse_event_t::object_end) seen_.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      path_.resize(depth);
      path_.back() = key;
      if (!seen_.back().insert(key).second && duplicate.empty()) duplicate = dotted();
    }
    return true;
  }
  std::string duplicate;

 private:
  // Lists are levels without a name.
  std::string dotted() const {
    std::string out;
    for (const std::string& name : path_) {
      if (!name.empty()) out += (out.empty() ? "" : ".") + name;
    }
    return out;
  }
  std::vector<std::set<std::string>> seen_;
  std::vector<std::string> path_;
};

// Thrown out of the parser, which knows no other way to end.
struct BeyondLimits {};

// Counts what a parser would make, comments or not; nothing beyond the limits.
struct Count {
  std::size_t members = 0;  // of all objects in it, if it is JSON
};
std::optional<Count> within_limits(std::string_view text) {
  std::size_t depth = 0, values = 1;
  Count count;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\' ? 1 : 0;
        break;
      case '/':
        if (const auto pair = text.substr(i, 2); pair == "//" || pair == "/*") {
          const auto end = text.find(pair == "//" ? "\n" : "*/", i + 2);
          i = end == text.npos ? text.size() : end + (pair == "//" ? 0 : 1);
        }
        break;
      case '[':
      case '{':
        if (++depth > json_depth || ++values > json_values) return std::nullopt;
        break;
      case ']':
      case '}':
        depth -= depth > 0 ? 1 : 0;
        break;
      case ',':
        if (++values > json_values) return std::nullopt;
        break;
      case ':':
        ++count.members;
        break;
      default:
        break;
    }
  }
  return count;
}

std::size_t members_in(const json& value) {
  std::size_t count = value.is_object() ? value.size() : 0;
  if (value.is_structured()) {
    for (const json& part : value) count += members_in(part);
  }
  return count;
}

}  // namespace

Result<json> parse_json(const std::string& name, std::string_view text) try {
  const auto count = within_limits(text);
  if (!count) {
    return Problem{name,
                   fmt::format("nested deeper than {} levels, or of more than {} values", json_depth, json_values),
                   "write less into it"};
  }
  // Which key is there twice takes much longer to find out than that one is.
  if (json parsed = json::parse(text, nullptr, true, true); members_in(parsed) == count->members)
    return Result<json>(boost::system::in_place_value, std::move(parsed));
  DuplicateFinder duplicates;
  json parsed = json::parse(
      text,
      [&](int depth, json::parse_event_t event, json& value) {
        return duplicates(static_cast<std::size_t>(depth), event, value);
      },
      true, true);
  if (!duplicates.duplicate.empty()) {
    return Problem{fmt::format("{} ({})", duplicates.duplicate, name), "given twice", "keep one of the two"};
  }
  return Result<json>(boost::system::in_place_value, std::move(parsed));
} catch (const json::parse_error& e) {
  return Problem{name, fmt::format("{}: {}", position(text, e.byte), reason(e.what())), "mend the JSON there"};
} catch (const json::out_of_range&) {
  return Problem{name, "a number is larger than any that can be stored", "write one below 1e308"};
}

// dump() is the library's way to say so.
bool is_utf8(const std::string& text) try {
  static_cast<void>(json(text).dump());
  return true;
} catch (const json::type_error&) {
  return false;
}

json foreign_json(std::string_view text) {
  return within_limits(text) ? json::parse(text, nullptr, false) : json(json::value_t::discarded);
}

bool each_element(std::string_view text, const std::function<void(const json&)>& take) try {
  std::size_t values = 0;
  const auto whole = json::parse(
      text,
      [&](int depth, json::parse_event_t event, json& value) {
        if (static_cast<std::size_t>(depth) > json_depth || ++values > json_values) throw BeyondLimits();
        const bool whole_one = event == json::parse_event_t::object_end || event == json::parse_event_t::array_end ||
                               event == json::parse_event_t::value;
        if (depth != 1 || !whole_one) return true;
        values = 0;
        take(value);
        return false;
      },
      false);
  return whole.is_array();
} catch (const BeyondLimits&) {
  return false;
}

std::string json_text(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string text_of(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::int64_t integer_of(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

bool flag_of(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

const json& object_of(const json& object, const char* key) {
  static const json none = json::object();
  const auto it = object.find(key);
  return it != object.end() && it->is_object() ? *it : none;
}

}  // namespace lictor
