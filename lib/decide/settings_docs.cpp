#include "decide/settings.hpp"
#include "decide/settings_check.hpp"

#include <fmt/format.h>

namespace lictor {
namespace {

constexpr const char* duration_pattern = R"(^(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|ms|s|m|h))+)$)";

std::string group_of(std::string_view path) {
  const auto dot = path.find('.');
  return std::string(path.substr(0, dot == path.npos ? 0 : dot));
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

std::string name_of(std::string_view path) { return std::string(path.substr(path.find('.') + 1)); }

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

}  // namespace

std::string default_settings_text() {
  std::string out = "// The settings of lictor, each at its default: keep what you change, the rest may go.\n{";
  std::string open;  // group whose brace is open
  for (const SettingKey& key : setting_keys()) {
    const std::string group = group_of(key.path);
    const bool changes = group != open;
    if (changes && !open.empty()) out += "\n  }";
    if (&key != &setting_keys().front()) out += ",";
    if (changes && !group.empty()) out += fmt::format("\n  \"{}\": {{", group);
    const std::string_view indent = group.empty() ? "  " : "    ";
    out += comment(key.meaning, indent);
    out += fmt::format("\n{}\"{}\": {}", indent, name_of(key.path), key.fallback);
    open = group;
  }
  return out + (open.empty() ? "\n}\n" : "\n  }\n}\n");
}

Json settings_schema() {
  Json properties = Json::object();
  for (const SettingKey& key : setting_keys()) {
    const std::string group = group_of(key.path);
    if (!group.empty() && !properties.contains(group)) properties[group] = closed_object(Json::object());
    (group.empty() ? properties : properties[group]["properties"])[name_of(key.path)] = key_schema(key);
  }
  Json schema = closed_object(std::move(properties));
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "Settings of lictor";
  return schema;
}

std::string settings_table() {
  std::string out = "| key | default | meaning |\n|---|---|---|\n";
  for (const SettingKey& key : setting_keys()) {
    const Json fallback = Json::parse(key.fallback);
    out += fmt::format("| `{}` | `{}` | {} |\n", key.path,
                       fallback.is_string() ? fallback.get<std::string>() : key.fallback, key.meaning);
  }
  return out;
}

}  // namespace lictor
