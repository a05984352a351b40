// The user's side of an agent's settings: reading and merging it.
#include "agent_config/agent_view.hpp"
#include "agent_config/plan.hpp"
#include "base/json_text.hpp"
#include "hcl/hcl.hpp"

#include <utility>
#include <variant>

namespace lictor {
namespace {

Problem at(const std::string& path, const hcl::Place& place, const std::string& why) {
  return Problem{path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column), why,
                 "mend the file: the agent would not start with it"};
}

}  // namespace

AgentConfig merge_agent_config(const std::vector<AgentConfigFile>& files, const Settings& settings, AgentReads reads) {
  AgentConfig config;
  const AgentFlags flags = read_agent_flags(settings.agent.args);
  config.before.add({"agent.args", flags.lists});
  for (AgentConfigFile& file : reads.files) config.before.add(std::move(file));
  for (const AgentConfigFile& file : files) config.given.add(file);
  config.given.add({"agent.config", settings.agent.config});
  config.given.add({"CONSUL_LOCAL_CONFIG", settings.consul_local_config});
  config.after.push_back({"agent.args", flags.values});
  config.after.insert(config.after.end(), reads.fragments.begin(), reads.fragments.end());
  config.join();
  return config;
}

Result<AgentConfigFile> parse_for_agent(const std::string& path, const std::string& text, const std::string& format) {
  AgentConfigFile file{path, Json::object()};
  if (text.empty()) return file;  // the agent passes over it
  const bool is_hcl = format.empty() ? path.ends_with(".hcl") : format == "hcl";
  const hcl::Parsed parsed = is_hcl ? hcl::parse_hcl(text) : hcl::parse_json(text);
  if (const auto* error = std::get_if<hcl::SyntaxError>(&parsed)) return at(path, error->place, error->what);
  AgentView view = agent_view(std::get<hcl::Document>(parsed), Places::outside_lists);
  if (!view.faults.empty()) {
    const AgentFault& fault = view.faults.front();
    return at(path, fault.place, fault.key + ": " + fault.what);
  }
  file.content = std::move(view.tree);
  for (const auto& [key, place] : view.places) file.lines[key] = place.line;
  return file;
}

Result<AgentConfigFile> parse_agent_config(const std::string& path, const std::string& text) {
  if (path.ends_with(".hcl")) return parse_for_agent(path, text, "hcl");
  Result<Json> json = parse_json(path, text);
  if (!json) return json.error();
  if (!json->is_object()) {
    return Problem{path, std::string("holds ") + json->type_name() + ", not an object",
                   "give one JSON object of agent settings"};
  }
  if (auto strict = parse_for_agent(path, text, "json")) return strict;
  return AgentConfigFile{path, std::move(*json)};  // with comments
}

}  // namespace lictor
