#include "agent_config/doubts.hpp"

#include "agent_config/check_rules.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

namespace lictor {
namespace {

constexpr std::size_t body_limit = 512 * 1024;  // of a request, from 2.0.3 on
constexpr AgentVersion first_with_limit{2, 0, 3};

// Calls visit(path, check) for each check of a service.
template <class Visit>
void each_check(const Json& service, const std::string& path, const Visit& visit) {
  if (const Json* check = spelled(service, "check"); check && check->is_object()) visit(path + ".check", *check);
  const Json* checks = spelled(service, "checks");
  for (std::size_t i = 0; checks && checks->is_array() && i < checks->size(); ++i) {
    if ((*checks)[i].is_object()) visit(path + ".checks[" + std::to_string(i) + "]", (*checks)[i]);
  }
}

std::string definition_path(std::size_t index) { return "services[" + std::to_string(index) + "]"; }

std::string id_of(const Json& service) {
  const std::string id = text_in(spelled(service, "id"));
  return id.empty() ? text_in(spelled(service, "name")) : id;
}

// In agent.config_files and the like a place is a setting's name, and what stands in one is meant to beat the files.
bool is_file(const std::string& place) { return !place.starts_with("agent.") && place != "CONSUL_LOCAL_CONFIG"; }

bool names_any(const Json* list) { return list && list->is_array() && !list->empty(); }

// The names of those whom an agent tries at its start: a line for each news of a member, the last one counts.
std::set<std::string> remembered_members(const std::string& snapshot, bool rejoin) {
  std::set<std::string> names;
  for (const std::string& line : split_list(snapshot, '\n')) {
    const auto told = [&line](std::string_view news) {
      return line.starts_with(news) ? std::optional(line.substr(news.size())) : std::nullopt;
    };
    if (const auto alive = told("alive: "); alive && alive->rfind(' ') != alive->npos) {
      names.insert(alive->substr(0, alive->rfind(' ')));
    } else if (const auto gone = told("not-alive: ")) {
      names.erase(*gone);
    } else if (line == "leave" && !rejoin) {
      names.clear();
    }
  }
  return names;
}

}  // namespace

Problems service_faults(const std::vector<SharedJson>& desired, const AgentSettings& agent,
                        const std::optional<AgentVersion>& version) {
  Problems problems;
  const bool scripts = is_true(EffectiveSettings(agent).get("enable_script_checks"));
  for (std::size_t i = 0; i < desired.size(); ++i) {
    each_check(desired[i], definition_path(i), [&](const std::string& path, const Json& check) {
      if (runs_a_program(check) && !scripts)
        problems.push_back(
            Problem{path, "the check runs a program, and the agent takes none such by its API",
                    "set enable_script_checks to true in the agent's settings, or write the service into a "
                    "file of agent.config_dirs and set enable_local_script_checks"});
      if (const auto fault = check_fault(check)) problems.push_back(Problem{path, fault->why, fault->hint});
    });
    const std::size_t size = json_text(*desired[i]).size();
    if (size > body_limit && version && *version >= first_with_limit)
      problems.push_back(Problem{definition_path(i),
                                 fmt::format("its definition takes {} bytes, and the agent takes {}", size, body_limit),
                                 "shorten it: its meta, tags or checks"});
  }
  return problems;
}

std::vector<std::string> unknown_service_keys(const Json& definitions) {
  std::vector<std::string> lines;
  const auto unknown = [&lines](const std::string& path, const std::string& key) {
    lines.push_back(path + "." + key +
                    ": no key of Consul's, and the agent passes over it; correct it, or take it out");
  };
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    for (const auto& [key, value] : definitions[i].items()) {
      if (!is_key_of_service(key)) unknown(definition_path(i), key);
    }
    each_check(definitions[i], definition_path(i), [&](const std::string& path, const Json& check) {
      for (const auto& [key, value] : check.items()) {
        if (!is_key_of_check(key)) unknown(path, key);
      }
    });
  }
  return lines;
}

std::vector<std::string> misspelt_names(const Json& definitions) {
  static const std::vector<std::string> known{"address", "bind_address", "node_name", "node_id", "http_port"};
  std::vector<std::string> lines;
  const auto look_at = [&lines](const std::string& path, const Json& words) {
    for (const Json& word : words.is_array() ? words : Json::array()) {
      if (!word.is_string()) continue;
      expand(
          word.get_ref<const std::string&>(),
          [&](const std::string& name) -> std::optional<std::string> {
            const auto close = nearest(name, known);
            if (close && *close != name)
              lines.push_back(
                  fmt::format("{}: ${{{}}} stays as it is written; did you mean \"${{{}}}\"?", path, name, *close));
            return std::nullopt;
          },
          nullptr, true);
    }
  };
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    each_check(definitions[i], definition_path(i), [&](const std::string& path, const Json& check) {
      for (const char* key : {"args", "Args", "script_args", "ScriptArgs"}) {
        if (check.contains(key)) look_at(path + "." + key, check[key]);
      }
    });
  }
  return lines;
}

std::vector<std::string> ids_twice(const AgentSettings& agent, const std::vector<SharedJson>& desired) {
  std::vector<std::string> lines;
  std::map<std::string, int> of_agent;
  const auto found = agent.merged.find("services");
  for (const Json& service : found != agent.merged.end() && found->is_array() ? *found : Json::array()) {
    if (service.is_object()) ++of_agent[id_of(service)];
  }
  if (const auto one = agent.merged.find("service"); one != agent.merged.end() && one->is_object())
    ++of_agent[id_of(*one)];
  const auto origin = agent.origins.find("services");
  const std::string from = origin == agent.origins.end() ? "" : " (" + origin->second + ")";
  for (const auto& [id, times] : of_agent) {
    if (times > 1)
      lines.push_back(
          fmt::format("services{}: the id {} stands {} times, and the agent takes the last one alone; give each an "
                      "\"id\" of its own",
                      from, json_text(id), times));
  }
  for (std::size_t i = 0; i < desired.size(); ++i) {
    const std::string id = id_of(desired[i]);
    if (of_agent.count(id))
      lines.push_back(
          fmt::format("{}: the id {} stands in the agent's settings, too{}, and each reload of the agent takes those; "
                      "take one of the two out",
                      definition_path(i), json_text(id), from));
  }
  return lines;
}

std::vector<std::string> contradicting_files(const AgentSettings& agent) {
  std::vector<std::string> lines;
  for (const Contradiction& one : agent.contradictions) {
    if (!is_file(one.before) || !is_file(one.after)) continue;
    lines.push_back(
        fmt::format("{}: {} says otherwise than {}, and the agent goes by it, the later one; take one of the two out",
                    one.path, one.after, one.before));
  }
  return lines;
}

bool nobody_to_join(const AgentSettings& agent, const std::string& node, const std::string& snapshot) {
  const EffectiveSettings look(agent);
  for (const char* key : {"retry_join", "start_join", "auto_config.server_addresses"}) {
    if (names_any(look.get(key))) return false;
  }
  auto members = remembered_members(snapshot, is_true(look.get("rejoin_after_leave")));
  // It remembers itself, too.
  members.erase(node);
  return members.empty();
}

}  // namespace lictor
