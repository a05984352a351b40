#include "agent_config/definitions.hpp"
#include "agent_config/plan.hpp"
#include "base/json_text.hpp"

#include <algorithm>
#include <set>

namespace lictor {
namespace {

// From Consul's page "Agent Configuration", section "Reloadable Configuration". What it lists for servers alone is
// left out. So is "HTTP client address": the listeners of a running agent stay as they are. And "Node Metadata": the
// servers hear of it with the agent's next full sync, up to two minutes later, and the agent keeps what was taken out.
// In doubt a restart is the safe side: it costs a second and flips no check, while a reload that does nothing goes
// unnoticed.
const std::set<std::string> whole{"service",
                                  "services",
                                  "check",
                                  "checks",
                                  "watches",
                                  "log_level",
                                  "discard_check_output",
                                  "acl_token",
                                  "acl_agent_token",
                                  "acl_agent_master_token"};
const std::map<std::string, std::vector<std::string>> members{
    {"acl", {"tokens"}},
    {"limits", {"rpc_rate", "rpc_max_burst", "http_max_conns_per_client"}},
    {"telemetry", {"prefix_filter"}}};
// Reloadable while TLS is on before and after.
const std::set<std::string> tls_files{"ca_file", "ca_path", "cert_file", "key_file"};

Json at(const Json& json, const std::string& key) {
  const auto found = json.find(key);
  return found == json.end() ? Json() : *found;
}

Json without(Json object, const std::vector<std::string>& keys) {
  if (!object.is_object()) return object.is_null() ? Json::object() : object;
  for (const std::string& key : keys) object.erase(key);
  return object;
}

// false is what an agent does that says nothing of it.
Json without_default(Json acl) {
  const auto found = acl.find("enable_token_persistence");
  if (found != acl.end() && *found == false) acl.erase(found);
  return acl;
}

bool reloadable(const std::string& key, const Json& before, const Json& after) {
  if (whole.count(key)) return true;
  if (tls_files.count(key)) return !before.is_null() && !after.is_null();
  const auto found = members.find(key);
  if (found == members.end()) return false;
  const Json rest_before = without(before, found->second), rest_after = without(after, found->second);
  return rest_before == rest_after || (key == "acl" && rest_before.is_object() && rest_after.is_object() &&
                                       without_default(rest_before) == without_default(rest_after));
}

}  // namespace

std::map<std::string, std::vector<std::string>> agent_files(const AgentSettings& settings) {
  std::map<std::string, std::vector<std::string>> files;
  const auto add = [&files](const std::string& key, const Json& value) {
    if (value.is_string() && !value.get_ref<const std::string&>().empty()) files[key].push_back(value);
  };
  const Json tls = at(settings.merged, "tls");
  for (const char* key : {"ca_file", "cert_file", "key_file"}) {
    add(key, at(settings.merged, key));
    for (const auto& [name, stanza] : tls.items()) {
      if (stanza.is_object()) add("tls", at(stanza, key));
    }
  }
  return files;
}

PlanDifference plan_difference(const Plan& before, const Plan& after) {
  PlanDifference difference;
  const auto differs = [&](const std::string& key, Change change) {
    difference.keys.push_back(key);
    difference.change = std::max(difference.change, change);
  };
  std::set<std::string> keys;
  for (const Plan* plan : {&before, &after}) {
    for (const auto& [key, value] : plan->effective.merged.items()) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const auto value = [&key](const Plan& plan) {
      const Json all = at(plan.effective.merged, key);
      return holds_definitions(key) ? digests_of(all) : all;
    };
    const Json old_value = value(before), new_value = value(after);
    if (old_value == new_value) continue;
    differs(key, reloadable(key, old_value, new_value) ? Change::reload : Change::restart);
  }
  for (const auto& [key, digest] : after.contents) {
    const auto old = before.contents.find(key);
    if (old == before.contents.end() || old->second == digest) continue;
    if (!std::count(difference.keys.begin(), difference.keys.end(), key)) differs(key, Change::reload);
  }
  if (before.registration_token != after.registration_token) differs("agent.tokens.registration_file", Change::none);
  if (before.argv != after.argv) differs("argv", Change::restart);
  if (before.environment != after.environment) differs("environment", Change::restart);
  if (before.rights.groups != after.rights.groups) differs("agent.groups", Change::restart);
  if (before.rights.capabilities != after.rights.capabilities) differs("agent.capabilities", Change::restart);
  if (before.rights.no_new_privs != after.rights.no_new_privs) differs("agent.no_new_privs", Change::restart);
  return difference;
}

}  // namespace lictor
