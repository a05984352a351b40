// What the agent tells of its services and checks, so much of it as lictor goes by: of thousands that are as desired next to nothing.
#pragma once

#include "agent_api/services.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace lictor {

// Of GET /v1/agent/services.
class AgentServices {
 public:
  AgentServices() : AgentServices(Services()) {}
  explicit AgentServices(const Services& desired);
  AgentServices(const Services& desired, const Json& listed);  // of the whole body; nothing where that is no object

  // One of the list.
  void add(const std::string& id, const Json& service);

  bool contains(const std::string& id) const { return all_.contains(id); }
  bool as_desired(const std::string& id) const;  // as_desired() of the service and the desired one of that id
  // Those of the list that are marked managed-by: lictor.
  const std::set<std::string>& managed() const { return managed_; }
  // Of one whose tags others may change by its definition; else none.
  std::vector<std::string> tags(const std::string& id) const;

 private:
  std::map<std::string, SharedJson> desired_;
  std::map<std::string, bool> all_;  // id -> as desired
  std::set<std::string> managed_;
  std::map<std::string, std::vector<std::string>> tags_;
};

// Of GET /v1/agent/checks, by id.
struct AgentCheck {
  std::string service;  // the id of the one that it is of; empty: the node's
  bool critical = false;
  bool operator==(const AgentCheck&) const = default;
};
using AgentChecks = std::map<std::string, AgentCheck>;
AgentCheck read_check(const Json& check);

// True if the agent has the service as desired, as far as these show: of a check no more than that it is there. It may have
// more checks, of others or of a former definition.
bool shown_by_agent(const Json& service, const AgentServices& services, const AgentChecks& checks);

// Desired against the agent's list. Only services marked managed-by: lictor
// are ever removed. A service is put if it is missing or if any field that the agent reports differs from what
// is desired, or if `sent` (the bodies that this agent process has already taken, by id) does not hold exactly
// the desired body: the agent does not report checks in that answer, so what was sent is remembered.
// Where `sent` has no entry at all (a fresh lictor or a fresh agent process), the service is put. What the agent adds by itself
// (default weights, lan_ipv4 and the like, proxy defaults) is no difference, nor are the tags of a service whose
// EnableTagOverride lets others change them in the catalog. `actual`: made with the same desired ones.
ServiceChanges service_changes(const Services& desired, const AgentServices& actual, const SentServices& sent);
ServiceChanges service_changes(const Services& desired, const Json& actual, const SentServices& sent);

}  // namespace lictor
