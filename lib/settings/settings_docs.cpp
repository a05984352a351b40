#include "settings/settings.hpp"
#include "settings/settings_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lictor {
namespace {

constexpr const char* duration_pattern = R"(^(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|ms|s|m|h))+)$)";

// {"agent", "tokens"} of "agent.tokens.agent_file".
std::vector<std::string> groups_of(std::string_view path) {
  std::vector<std::string> groups;
  for (auto dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    groups.emplace_back(path.substr(0, dot));
    path.remove_prefix(dot + 1);
  }
  return groups;
}

// The text as // comments of lines that fit a terminal, each at `indent`.
std::string comment(std::string_view text, std::string_view indent) {
  constexpr std::size_t width = 100;
  std::string out;
  while (!text.empty()) {
    const auto blank = text.size() <= width ? text.npos : text.rfind(' ', width);
    out += fmt::format("\n{}// {}", indent, text.substr(0, blank));
    text.remove_prefix(blank == text.npos ? text.size() : blank + 1);
  }
  return out;
}

std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('.') + 1)); }

Json strings() { return {{"type", "array"}, {"items", {{"type", "string"}}}}; }

Json duration() { return {{"type", "string"}, {"pattern", duration_pattern}}; }

Json closed_object(Json properties) {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

Json hooks() {
  Json timeout = duration();
  timeout["default"] = default_hook_timeout;
  Json command = strings();
  command["minItems"] = 1;
  Json hook = closed_object({{"command", command},
                             {"timeout", timeout},
                             {"environment", strings()},
                             {"on_failure", {{"enum", {"retry", "ignore", "fail"}}, {"default", "retry"}}}});
  hook["required"] = {"command"};
  return {{"type", "array"}, {"items", hook}};
}

Json type_schema(SettingType type) {
  switch (type) {
    case SettingType::string:
      return {{"type", "string"}};
    case SettingType::boolean:
      return {{"type", "boolean"}};
    case SettingType::integer:
      return {{"type", "integer"}, {"minimum", 1}};
    case SettingType::duration:
      return duration();
    case SettingType::string_list:
      return strings();
    case SettingType::string_map:
      return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    case SettingType::object:
      return {{"type", "object"}};
    case SettingType::object_list:
      return {{"type", "array"}, {"items", {{"type", "object"}}}};
    case SettingType::hook_list:
      return hooks();
  }
  return {};
}

Json key_schema(const SettingKey& key) {
  Json schema = type_schema(key.type);
  schema["description"] = key.meaning;
  schema["default"] = Json::parse(key.fallback);
  if (!key.values.empty()) schema["enum"] = key.values;
  if (schema["default"].is_null()) schema["type"] = {schema["type"], "null"};
  return schema;
}

// Its default as people write it: text without quotes.
std::string shown_default(const SettingKey& key) {
  const Json fallback = Json::parse(key.fallback);
  return fallback.is_string() && fallback != "" ? fallback.get<std::string>() : key.fallback;
}

// As text of a manual page, in lines that begin with a word: what stands in backquotes is quoted.
std::string manual_text(std::string_view text) {
  constexpr std::size_t width = 78;
  std::string escaped;
  bool quoted = false;
  for (const char c : text) {
    if (c == '`') {
      escaped += (quoted = !quoted) ? "\\(oq" : "\\(cq";
    } else {
      escaped += c == '\\' ? "\\e" : c == '"' ? "\\(dq" : c == '-' && quoted ? "\\-" : std::string(1, c);
    }
  }
  std::string out;
  for (std::string_view rest = escaped; !rest.empty();) {
    const auto blank = rest.size() <= width ? rest.npos : rest.rfind(' ', width);
    out += std::string(rest.substr(0, blank)) + "\n";
    rest.remove_prefix(blank == rest.npos ? rest.size() : blank + 1);
  }
  return out;
}

}  // namespace

std::string default_settings_text() {
  std::string out = "// The settings of lictor, each at its default: keep what you change, the rest may go.\n{";
  std::vector<std::string> open;  // groups whose braces are open
  const auto indent = [&open] { return std::string(2 * (open.size() + 1), ' '); };
  const auto close_down_to = [&](std::size_t depth) {
    while (open.size() > depth) {
      open.pop_back();
      out += "\n" + indent() + "}";
    }
  };
  for (const SettingKey& key : setting_keys()) {
    const std::vector<std::string> groups = groups_of(key.path);
    const auto differs = std::mismatch(open.begin(), open.end(), groups.begin(), groups.end()).first;
    close_down_to(static_cast<std::size_t>(differs - open.begin()));
    if (&key != &setting_keys().front()) out += ",";
    while (open.size() < groups.size()) {
      out += fmt::format("\n{}\"{}\": {{", indent(), groups[open.size()]);
      open.push_back(groups[open.size()]);
    }
    out += comment(key.meaning, indent());
    out += fmt::format("\n{}\"{}\": {}", indent(), name_of(key.path), key.fallback);
  }
  close_down_to(0);
  return out + "\n}\n";
}

Json settings_schema() {
  Json properties = Json::object();
  for (const SettingKey& key : setting_keys()) {
    Json* inner = &properties;
    for (const std::string& group : groups_of(key.path)) {
      if (!inner->contains(group)) (*inner)[group] = closed_object(Json::object());
      inner = &(*inner)[group]["properties"];
    }
    (*inner)[name_of(key.path)] = key_schema(key);
  }
  Json schema = closed_object(std::move(properties));
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "Settings of lictor";
  return schema;
}

std::string settings_table() {
  std::string out = "| key | default | meaning |\n|---|---|---|\n";
  for (const SettingKey& key : setting_keys())
    out += fmt::format("| `{}` | `{}` | {} |\n", key.path, shown_default(key), key.meaning);
  return out;
}

std::string settings_manual() {
  std::string out;
  for (const SettingKey& key : setting_keys()) {
    out += fmt::format(".It Cm {}\n{}", key.path, manual_text(key.meaning));
    if (std::string_view(key.fallback) != "null")
      out += manual_text(fmt::format("(default: `{}`)", shown_default(key)));
  }
  return out;
}

}  // namespace lictor
