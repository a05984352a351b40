#include "agent_api/service_returns.hpp"

#include "base/json_text.hpp"

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

bool may_deregister(const Json* check) {
  if (!check->is_object()) return false;
  const auto after = check->find("DeregisterCriticalServiceAfter");
  return after != check->end() && *after != "" && *after != 0 && !after->is_null();
}

Duration pause_before(int times) {
  Duration pause = shortest_absence;
  for (int i = 2; i < times && pause < longest_absence; ++i) pause *= 2;
  return std::min(pause, longest_absence);
}

}  // namespace

bool may_be_deregistered(const Json& service) {
  const auto checks = check_definitions(service);
  return std::any_of(checks.begin(), checks.end(), may_deregister);
}

bool may_be_deregistered(const SharedJson& service) {
  return service.mentions("DeregisterCriticalServiceAfter") && may_be_deregistered(static_cast<const Json&>(*service));
}

void ServiceReturns::look(const std::set<std::string>& sent, const AgentChecks& checks) {
  // Of one that is not there any more the last look holds.
  std::map<std::string, bool> critical;
  for (const auto& [name, check] : checks) {
    if (!sent.contains(check.service)) continue;
    critical[check.service] |= check.critical;
  }
  for (const auto& [id, now] : critical) now ? void(critical_.insert(id)) : void(critical_.erase(id));
}

Absence ServiceReturns::absent(const SharedJson& service, bool sent, bool before, Time now) {
  const std::string& id = service.id();
  if (!sent && !before) return Absence::none;
  Return& state = returns_[id];
  if (state.definition != service) state = {.definition = service};
  if (!std::exchange(state.away, true)) {
    state.sent = sent;
    state.critical = critical_.contains(id);
    if (state.critical) state.at = ++state.times == 1 ? now : now + pause_before(state.times);
  }
  if (state.critical) return state.at > now ? Absence::waiting : Absence::critical;
  return state.sent ? Absence::deregistered : Absence::none;
}

bool ServiceReturns::changes(const SharedJson& service) const {
  const auto found = returns_.find(service.id());
  return found != returns_.end() && found->second.away;
}

Json ServiceReturns::body(const Json& service) const {
  const auto found = returns_.find(text_of(service, "ID"));
  if (found == returns_.end() || !found->second.away || !may_be_deregistered(service)) return service;
  Json body = service;
  if (body.contains("Check") && body["Check"].is_object()) body["Check"].erase("Status");
  if (body.contains("Checks") && body["Checks"].is_array()) {
    for (Json& check : body["Checks"]) {
      if (check.is_object()) check.erase("Status");
    }
  }
  return body;
}

void ServiceReturns::taken(const std::string& id) {
  critical_.erase(id);
  const auto found = returns_.find(id);
  if (found == returns_.end()) return;
  // How often it was taken out is remembered, for the next time; of others there is nothing to remember.
  if (found->second.times == 0) return void(returns_.erase(found));
  found->second.away = false;
}

}  // namespace lictor
