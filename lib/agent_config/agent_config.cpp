// The user's side of an agent's settings: reading and merging it.
#include "agent_config/agent_view.hpp"
#include "agent_config/flag_sources.hpp"
#include "agent_config/kept_definitions.hpp"
#include "agent_config/plan.hpp"
#include "base/json_text.hpp"
#include "hcl/hcl.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>
#include <variant>

namespace lictor {
namespace {

Problem at(const std::string& path, const hcl::Place& place, const std::string& why) {
  return Problem{path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column), why,
                 "mend the file: the agent would not start with it"};
}

Result<AgentConfigFile> decoded_file(const std::string& path, const hcl::Document& document, Definitions definitions) {
  AgentConfigFile file{path, Json::object()};
  AgentView view = agent_view(document, Places::outside_lists, definitions);
  if (!view.faults.empty()) {
    const AgentFault& fault = view.faults.front();
    return at(path, fault.place, fault.key + ": " + fault.what);
  }
  file.content = std::move(view.tree);
  for (const auto& [key, place] : view.places) file.lines[key] = place.line;
  for (AgentFault& key : view.unknown)
    file.unknown.push_back({at(path, key.place, key.key + ": " + key.what), std::move(key.alone)});
  return file;
}

Result<AgentConfigFile> parse(const std::string& path, const std::string& text, const std::string& format,
                              Definitions definitions) {
  if (text.empty()) return AgentConfigFile{path, Json::object()};  // the agent passes over it
  const bool is_hcl = format.empty() ? path.ends_with(".hcl") : format == "hcl";
  const hcl::Parsed parsed = is_hcl ? hcl::parse_hcl(text) : hcl::parse_json(text);
  if (const auto* error = std::get_if<hcl::SyntaxError>(&parsed)) return at(path, error->place, error->what);
  return decoded_file(path, std::get<hcl::Document>(parsed), definitions);
}

// Where in a text each of it stood is not known.
Problem within_settings(const std::string& name, const AgentFault& fault) {
  return Problem{name, fault.key + ": " + fault.what, "correct it: the agent would not start with it"};
}

}  // namespace

AgentConfig merge_agent_config(const std::vector<AgentConfigFile>& files, const Settings& settings, AgentReads reads) {
  AgentConfig config;
  config.places = std::move(reads.places);
  FlagSources flags = flag_sources(settings.agent.args);
  for (const auto& read : {std::cref(reads.files), std::cref(files), std::cref(reads.fragments)}) {
    for (const AgentConfigFile& file : read.get())
      config.unknown.insert(config.unknown.end(), file.unknown.begin(), file.unknown.end());
  }
  for (AgentConfigFile& flag : flags.lists) config.before.add(std::move(flag));
  for (AgentConfigFile& file : reads.files) config.before.add(std::move(file));
  for (const AgentConfigFile& file : files) config.given.add(file);
  config.given.add({"agent.config", settings.agent.config});
  config.given.add({"CONSUL_LOCAL_CONFIG", settings.consul_local_config});
  std::move(flags.values.begin(), flags.values.end(), std::back_inserter(config.after));
  config.after.insert(config.after.end(), reads.fragments.begin(), reads.fragments.end());
  config.join();
  return config;
}

Result<AgentConfigFile> parse_for_agent(const std::string& path, const std::string& text, const std::string& format) {
  return parse(path, text, format, Definitions::whole);
}

Result<AgentConfigFile> parse_without_definitions(const std::string& path, const std::string& text,
                                                  const std::string& format) {
  return parse(path, text, format, Definitions::digests);
}

Result<AgentConfigFile> parse_agent_config(const std::string& path, const std::string& text) {
  if (path.ends_with(".hcl")) return parse_for_agent(path, text, "hcl");
  Result<Json> json = parse_json(path, text);
  if (!json) return json.error();
  if (!json->is_object()) {
    return Problem{path, std::string("holds ") + json->type_name() + ", not an object",
                   "give one JSON object of agent settings"};
  }
  const hcl::Parsed strict = hcl::parse_json(text);
  if (const auto* document = std::get_if<hcl::Document>(&strict))
    return decoded_file(path, *document, Definitions::whole);
  return look_at_agent_json(path, *json);  // with comments
}

Result<AgentConfigFile> look_at_agent_json(const std::string& name, const Json& settings) {
  AgentConfigFile file{name, settings};
  const hcl::Parsed parsed = hcl::parse_json(json_text(settings));
  const auto* document = std::get_if<hcl::Document>(&parsed);
  if (document == nullptr) return file;
  AgentView view = agent_view(*document, Places::outside_lists, Definitions::digests);
  if (!view.faults.empty()) return within_settings(name, view.faults.front());
  for (AgentFault& key : view.unknown) file.unknown.push_back({within_settings(name, key), std::move(key.alone)});
  return file;
}

}  // namespace lictor
