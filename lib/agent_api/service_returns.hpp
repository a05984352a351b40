// Services that the agent no longer has, although lictor has not taken them out: when they are sent again, and how.
//
// The agent itself takes out a service whose check has been critical for too long (deregister_critical_service_after, at least a
// minute). Sent again as it is defined, it would be passing until its check has run, where the definition says so, and be taken
// out again after a while, and so on for ever. So it is sent without its initial states, at once the first time, and then
// after ever longer pauses, until its definition is another one. What somebody has deregistered over the API is sent at once.
#pragma once

#include "agent_api/agent_list.hpp"
#include "agent_api/services.hpp"
#include "base/time.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace lictor {

inline constexpr Duration shortest_absence = std::chrono::minutes(1), longest_absence = std::chrono::hours(1);

// Why the agent lacks a service that is desired.
enum class Absence {
  none,          // it has not had it, or another agent had
  deregistered,  // over the API
  critical,      // the agent did it, for its check
  waiting        // the same, and it is too early to send it again
};

class ServiceReturns {
 public:
  // By the agent's checks (GET /v1/agent/checks): which services have a check that is critical, of those that were sent and may be
  // deregistered for that. To be asked at least once a minute: no agent takes a service out sooner.
  void look(const std::set<std::string>& sent, const AgentChecks& checks);

  // Of a service that the agent lacks now. `sent`: it was sent to this agent, `before`: to one on this data directory.
  Absence absent(const SharedJson& service, bool sent, bool before, Time now);
  // What is sent of a service: the same, or without its initial states until the agent has it again.
  Json body(const Json& service) const;
  // Whether that is another one.
  bool changes(const SharedJson& service) const;
  void taken(const std::string& id);

 private:
  struct Return {
    std::optional<SharedJson> definition{};
    int times = 0;  // the agent has taken it out
    Time at{};      // sent again not before
    bool away = false;
    bool sent = false;      // to this agent, before that
    bool critical = false;  // it is away for its check
  };
  std::set<std::string> critical_;
  std::map<std::string, Return> returns_;
};

// True if a check of the service has it deregistered when it has been critical for long.
bool may_be_deregistered(const Json& service);
bool may_be_deregistered(const SharedJson& service);

}  // namespace lictor
