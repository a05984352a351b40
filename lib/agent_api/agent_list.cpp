#include "agent_api/agent_list.hpp"

#include "agent_api/service_record.hpp"
#include "base/json_text.hpp"

#include <algorithm>

namespace lictor {
AgentServices::AgentServices(const Services& desired) {
  for (const SharedJson& service : desired) desired_.emplace(service.id(), service);
}

AgentServices::AgentServices(const Services& desired, const Json& listed) : AgentServices(desired) {
  if (!listed.is_object()) return;
  for (const auto& [id, service] : listed.items()) add(id, service);
}

void AgentServices::add(const std::string& id, const Json& service) {
  const auto wanted = desired_.find(id);
  const bool known = wanted != desired_.end();
  all_[id] = known && service.is_object() && lictor::as_desired(service, wanted->second);
  if (text_of(object_of(service, "Meta"), "managed-by") == "lictor") managed_.insert(id);
  if (known && tags_may_be_theirs(wanted->second)) tags_[id] = tags_of(service);
}

bool AgentServices::as_desired(const std::string& id) const {
  const auto found = all_.find(id);
  return found != all_.end() && found->second;
}

std::vector<std::string> AgentServices::tags(const std::string& id) const {
  const auto found = tags_.find(id);
  return found == tags_.end() ? std::vector<std::string>{} : found->second;
}

AgentCheck read_check(const Json& check) {
  return {.service = text_of(check, "ServiceID"), .critical = text_of(check, "Status") == "critical"};
}

bool shown_by_agent(const Json& service, const AgentServices& services, const AgentChecks& checks) {
  const std::string id = text_of(service, "ID");
  if (!services.as_desired(id)) return false;
  if (has_sidecar(service)) return false;  // its own parts are the agent's to make
  const std::vector<std::string> wanted = check_ids(service);
  const std::set<std::string> each(wanted.begin(), wanted.end());
  return each.size() == wanted.size() && std::all_of(each.begin(), each.end(), [&](const std::string& check) {
           const auto found = checks.find(check);
           return found != checks.end() && found->second.service == id;
         });
}

ServiceChanges service_changes(const Services& desired, const AgentServices& actual, const SentServices& sent) {
  ServiceChanges changes;
  std::set<std::string> wanted;
  for (const SharedJson& service : desired) {
    const std::string& id = service.id();
    wanted.insert(id);
    // The agent makes the sidecar a service of its own, with the Meta of its parent, our mark included.
    const bool sidecar = has_sidecar(service);
    if (sidecar) wanted.insert(id + "-sidecar-proxy");
    const auto taken = sent.find(id);
    const bool complete = !sidecar || actual.contains(id + "-sidecar-proxy");
    if (taken == sent.end() || taken->second != service || !complete || !actual.as_desired(id))
      changes.put.push_back(service);
  }
  for (const std::string& id : actual.managed()) {
    if (!wanted.contains(id)) changes.remove.push_back(id);
  }
  return changes;
}

ServiceChanges service_changes(const Services& desired, const Json& actual, const SentServices& sent) {
  return service_changes(desired, AgentServices(desired, actual), sent);
}

}  // namespace lictor
