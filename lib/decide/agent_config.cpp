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
// A word shorter than this is in many texts by chance.
constexpr std::size_t shortest_secret = 8;

// Replaces secrets in a JSON value by ***, and keeps what they were.
class Hiding {
 public:
  std::vector<std::string> found;

  void hide_secrets(Json& value, bool join = false) {
    if (value.is_object()) {
      for (auto& [key, member] : value.items()) {
        if (names_a_secret(key)) {
          hide(member);
        } else if (lower(key) == "header" && member.is_object()) {
          hide_headers(member);
        } else {
          hide_secrets(member, key.find("join") != std::string::npos);
        }
      }
    } else if (value.is_array()) {
      for (auto& element : value) hide_secrets(element, join);
    } else if (value.is_string()) {
      const std::string text = value.get<std::string>();
      value = join ? without_join_secrets(text) : without_url_secrets(text);
    }
  }

  // https://user:PASSWORD@host/path?token=TOKEN
  std::string without_url_secrets(const std::string& text) {
    std::string out = text;
    const auto host = out.find("://");
    if (host == out.npos) return out;
    const auto end = std::min(out.find_first_of("/?# ", host + 3), out.size());
    const auto at = out.rfind('@', end), colon = out.find(':', host + 3);
    if (at != out.npos && at > host && colon < at) replace(out, colon + 1, at);
    for (auto name = out.find_first_of("?&", host); name != out.npos; name = out.find('&', name + 1)) {
      const auto next = std::min(out.find('&', name + 1), out.size()), equals = out.find('=', name);
      if (equals < next && names_a_secret(std::string_view(out).substr(name + 1, equals - name - 1)))
        replace(out, equals + 1, next);
    }
    return out;
  }

 private:
  void replace(std::string& text, std::size_t from, std::size_t to) {
    found.push_back(text.substr(from, to - from));
    text.replace(from, to - from, hidden);
  }

  // go-discover's form, which retry_join takes for clouds: provider=aws secret_access_key=... "quoted values may hold
  // blanks".
  std::string without_join_secrets(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const auto equals = text.find('=');
      if (equals == std::string_view::npos) break;
      const auto word = text.substr(0, equals).find_last_of(" \t\n") + 1;
      const std::string_view key = text.substr(word, equals - word);
      std::string_view rest = text.substr(equals + 1);
      const bool quoted = rest.substr(0, 1) == "\"";
      const auto end = quoted ? rest.find('"', 1) : rest.find_first_of(" \t\n");
      const auto length = std::min(end, rest.size()) + (quoted && end != rest.npos ? 1 : 0);
      out += text.substr(0, equals + 1);
      if (names_a_secret(key)) {
        found.emplace_back(quoted ? rest.substr(1, std::max<std::size_t>(length, 2) - 2) : rest.substr(0, length));
        out += hidden;
      } else {
        out += rest.substr(0, length);
      }
      text = rest.substr(length);
    }
    return out.append(text);
  }

  // Headers authenticate in many words: only these are known to say nothing.
  void hide_headers(Json& headers) {
    constexpr std::array harmless{"accept", "accept-encoding", "content-type", "host", "user-agent"};
    for (auto& [name, value] : headers.items()) {
      if (std::find(harmless.begin(), harmless.end(), lower(name)) == harmless.end()) hide(value);
    }
  }

  void hide(Json& value) {
    if (value.is_object() && !value.empty()) {
      for (auto& member : value) hide(member);
    } else if (!value.empty() && !value.is_boolean() && value != "") {
      for (const Json& text : value.is_array() ? value : Json::array({value})) {
        if (text.is_string()) found.push_back(text.get<std::string>());
      }
      value = hidden;
    }
  }
};

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
  Hiding().hide_secrets(shown);
  return shown;
}

std::vector<std::string> secrets_in(const Json& value) {
  Json shown = value;
  Hiding hiding;
  hiding.hide_secrets(shown);
  std::erase_if(hiding.found, [](const std::string& secret) { return secret.size() < shortest_secret; });
  return std::move(hiding.found);
}

std::string without_secrets(std::string line, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (auto at = line.find(secret); at != line.npos; at = line.find(secret, at))
      line.replace(at, secret.size(), hidden);
  }
  return line;
}

std::vector<std::string> hook_environment(const Plan& plan, const Hook& hook) {
  std::vector<std::string> secrets = secrets_in(plan.consul_json);
  if (!plan.registration_token.empty()) secrets.push_back(plan.registration_token);
  std::vector<std::string> out;
  for (const std::string& variable : plan.environment) {
    const std::string name = variable.substr(0, variable.find('='));
    const bool asked_for = std::find(hook.environment.begin(), hook.environment.end(), name) != hook.environment.end();
    const bool holds_one =
        without_secrets(variable, secrets) != variable || Hiding().without_url_secrets(variable) != variable;
    if (asked_for || (!names_a_secret(name) && !holds_one)) out.push_back(variable);
  }
  return out;
}

}  // namespace lictor
