// The user's side of consul.json: reading and merging it.
#include "agent_config/plan.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

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

}  // namespace lictor
