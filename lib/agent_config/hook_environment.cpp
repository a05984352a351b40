#include "agent_config/plan.hpp"
#include "secrets/secrets.hpp"

#include <algorithm>

namespace lictor {

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
