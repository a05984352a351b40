#include "agent_config/plan.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "secrets/secrets.hpp"

#include <algorithm>
#include <array>

namespace lictor {
namespace {

constexpr std::array proxy_variables{"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
                                     "https_proxy", "ALL_PROXY",  "all_proxy"};

std::string value_of(const Environment& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

// Go's rule (golang.org/x/net/http/httpproxy): of the two spellings of NO_PROXY the first that is not empty, and loopback is
// never asked through a proxy. Other programs go by the other spelling: each that is there gets the addresses.
void spare(const std::vector<std::string>& addresses, Environment& variables) {
  std::vector<std::string> spellings;
  for (const char* name : {"NO_PROXY", "no_proxy"}) {
    if (!value_of(variables, name).empty()) spellings.emplace_back(name);
  }
  if (spellings.empty()) spellings = {"NO_PROXY", "no_proxy"};
  for (const std::string& name : spellings) {
    std::string& value = variables[name];
    const std::vector<std::string> given = split_list(value);
    if (std::find(given.begin(), given.end(), "*") != given.end()) continue;
    for (const std::string& address : addresses) {
      if (std::find(given.begin(), given.end(), address) == given.end()) value += (value.empty() ? "" : ",") + address;
    }
  }
}

}  // namespace

std::vector<std::string> proxies_in(const Environment& variables) {
  std::vector<std::string> names;
  for (const char* name : proxy_variables) {
    if (!value_of(variables, name).empty()) names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> own_addresses(const Json& effective, const PlanFacts& facts) {
  std::vector<std::string> addresses;
  const auto add = [&addresses](const Json& value) {
    if (!value.is_string()) return;
    for (const std::string& one : split_list(value.get<std::string>(), ' ')) {
      const bool every = one == "0.0.0.0" || one == "::";
      if (one_address(one) && !every && std::find(addresses.begin(), addresses.end(), one) == addresses.end())
        addresses.push_back(one);
    }
  };
  add(facts.bind.address);
  for (const char* key : {"bind_addr", "advertise_addr", "client_addr"}) add(effective.value(key, Json()));
  const Json listeners = effective.value("addresses", Json::object());
  for (const char* key : {"http", "https", "grpc"}) {
    if (listeners.is_object()) add(listeners.value(key, Json()));
  }
  return addresses;
}

std::vector<std::string> agent_environment(const Settings& settings, const PlanFacts& facts,
                                           const std::vector<std::string>& own) {
  // The official image's entrypoint's variables, which are settings by now; and those by which a service manager
  // knows lictor: the agent would announce itself in lictor's place.
  constexpr std::array consumed{"CONSUL_LOCAL_CONFIG",
                                "CONSUL_BIND_INTERFACE",
                                "CONSUL_CLIENT_INTERFACE",
                                "CONSUL_DATA_DIR",
                                "CONSUL_CONFIG_DIR",
                                "CONSUL_UID",
                                "CONSUL_GID",
                                "CONSUL_ALLOW_PRIVILEGED_PORTS",
                                "NOTIFY_SOCKET",
                                "WATCHDOG_USEC",
                                "WATCHDOG_PID"};
  Environment variables;
  for (const auto& [name, value] : facts.environment) {
    const bool ours = is_own_variable(name) || std::find(consumed.begin(), consumed.end(), name) != consumed.end();
    if (!ours) variables[name] = value;
  }
  if (!facts.home.empty()) variables["HOME"] = facts.home;
  for (const char* name : {"USER", "LOGNAME"}) {
    if (!facts.user.empty()) variables[name] = facts.user;
  }
  for (const auto& [name, value] : settings.agent.env) variables[name] = value;
  if (!proxies_in(variables).empty() && !own.empty()) spare(own, variables);
  if (facts.limits.gomaxprocs) variables.emplace("GOMAXPROCS", std::to_string(*facts.limits.gomaxprocs));
  if (facts.limits.gomemlimit) variables.emplace("GOMEMLIMIT", std::to_string(*facts.limits.gomemlimit));
  std::vector<std::string> out;
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<std::string> hook_environment(const Plan& plan, const Hook& hook) {
  std::vector<std::string> secrets = secrets_in(plan.consul_json);
  if (!plan.registration_token.empty()) secrets.push_back(plan.registration_token);
  std::vector<std::string> out;
  for (const std::string& variable : plan.environment) {
    const std::string name = variable.substr(0, variable.find('='));
    const bool asked_for = std::find(hook.environment.begin(), hook.environment.end(), name) != hook.environment.end();
    const bool holds_one = without_secrets(variable, secrets) != variable || holds_url_secret(variable);
    if (asked_for || (!names_a_secret(name) && !holds_one)) out.push_back(variable);
  }
  return out;
}

}  // namespace lictor
