// The user's side of consul.json: reading and merging it, and showing it without its secrets.
#include "decide/json_text.hpp"
#include "decide/plan.hpp"
#include "decide/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace lictor {
namespace {

void merge(Json& base, const Json& over) {
  for (const auto& [key, value] : over.items()) {
    if (value.is_null()) continue;
    Json& target = base[key];
    if (target.is_object() && value.is_object()) {
      merge(target, value);
    } else if (target.is_array() && value.is_array()) {
      target.insert(target.end(), value.begin(), value.end());
    } else {
      target = value;
    }
  }
}

// Consul moves each file's single service or check into the list before it merges files: two of them are two
// services, not one made of both.
void keep_both(AgentConfig& config, const Json& over) {
  for (const auto& [one, many] : {std::pair("service", "services"), std::pair("check", "checks")}) {
    if (!config.merged.contains(one) || !over.contains(one)) continue;
    merge(config.merged, Json{{many, Json::array({config.merged[one]})}});
    config.merged.erase(one);
    std::string& origin = config.origins[many];
    origin += (origin.empty() ? "" : ", ") + config.origins[one];
    config.origins.erase(one);
  }
}

void add_source(AgentConfig& config, const std::string& origin, const Json& content) {
  if (!content.is_object()) return;
  keep_both(config, content);
  for (const auto& [key, value] : content.items()) {
    if (value.is_null()) continue;
    std::string& known = config.origins[key];
    const auto before = config.merged.find(key);
    const bool joins = before != config.merged.end() && value.is_structured() && before->type() == value.type();
    known = joins ? known + ", " + origin : origin;
  }
  merge(config.merged, content);
}

constexpr const char* hidden = "***";

bool names_a_secret(std::string_view key) {
  const std::string name = lower(key);
  constexpr std::array parts{"secret", "password", "passwd", "private_key", "privatekey", "key_pem", "authorization"};
  constexpr std::array ends{"token", "tokens", "encrypt", "encrypt_key", "access_key", "api_key"};
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return name.find(part) != name.npos; }) ||
         std::any_of(ends.begin(), ends.end(), [&](std::string_view end) {
           return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
         });
}

// go-discover's form, which retry_join takes for clouds: provider=aws secret_access_key=... "quoted values may hold blanks".
std::string without_join_secrets(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const auto word = text.substr(0, equals).find_last_of(" \t\n") + 1;
    const std::string_view key = text.substr(word, equals - word);
    std::string_view rest = text.substr(equals + 1);
    const auto end = rest.substr(0, 1) == "\"" ? rest.find('"', 1) : rest.find_first_of(" \t\n");
    const auto length = std::min(end, rest.size()) + (rest.substr(0, 1) == "\"" && end != rest.npos ? 1 : 0);
    out += text.substr(0, equals + 1);
    out += names_a_secret(key) ? hidden : rest.substr(0, length);
    text = rest.substr(length);
  }
  return out.append(text);
}

void hide(Json& value) {
  if (value.is_object() && !value.empty()) {
    for (auto& member : value) hide(member);
  } else if (!value.empty() && !value.is_boolean() && value != "") {
    value = hidden;
  }
}

void hide_secrets(Json& value, bool join) {
  if (value.is_object()) {
    for (auto& [key, member] : value.items()) {
      if (names_a_secret(key)) {
        hide(member);
      } else {
        hide_secrets(member, key.find("join") != std::string::npos);
      }
    }
  } else if (value.is_array()) {
    for (auto& element : value) hide_secrets(element, join);
  } else if (join && value.is_string()) {
    value = without_join_secrets(value.get_ref<const std::string&>());
  }
}

}  // namespace

AgentConfig merge_agent_config(const std::vector<AgentConfigFile>& files, const Settings& settings) {
  AgentConfig config;
  for (const AgentConfigFile& file : files) add_source(config, file.path, file.content);
  add_source(config, "agent.config", settings.agent.config);
  add_source(config, "CONSUL_LOCAL_CONFIG", settings.consul_local_config);
  return config;
}

Result<Json> parse_agent_config(const std::string& path, const std::string& text) {
  Result<Json> json = parse_json(path, text);
  if (json && !json->is_object()) {
    return Problem{path, std::string("holds ") + json->type_name() + ", not an object",
                   "give one JSON object of agent settings"};
  }
  return json;
}

Json without_secrets(const Json& consul_json) {
  Json shown = consul_json;
  hide_secrets(shown, false);
  return shown;
}

}  // namespace lictor
