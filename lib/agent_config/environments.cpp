#include "agent_config/plan.hpp"
#include "secrets/secrets.hpp"

#include <algorithm>
#include <array>

namespace lictor {

std::vector<std::string> agent_environment(const Settings& settings, const PlanFacts& facts) {
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
    const bool ours =
        name.compare(0, 7, "LICTOR_") == 0 || std::find(consumed.begin(), consumed.end(), name) != consumed.end();
    if (!ours) variables[name] = value;
  }
  if (!facts.home.empty()) variables["HOME"] = facts.home;
  for (const char* name : {"USER", "LOGNAME"}) {
    if (!facts.user.empty()) variables[name] = facts.user;
  }
  for (const auto& [name, value] : settings.agent.env) variables[name] = value;
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
