// What the agent's API is asked for, and what comes of it: the words in which the life and the calls (io/agent_calls.hpp) speak.
#pragma once

#include <string>

namespace lictor {

// closed: the agent takes connections, and ends them without a word. no_server: it knows no server that is alive; no_leader:
// it knows some, as far as is known, and they have no leader, or don't say.
enum class ProbeAnswer { silent, closed, no_server, no_leader, leader };

// Asked by the way of an agent that does not answer of itself. silent: they don't answer, or have no leader; changed: they do, but
// since the agent last answered one has failed, or another one leads; steady: neither.
enum class ServersAnswer { silent, changed, steady };

// What is sent of the services: what is news since they were last sent, which takes no question; what the agent's own list
// lacks.
enum class Sending { news, difference };

// taken: the entry under our name has another id.
enum class CatalogAnswer { gone, incomplete, registered, forbidden, failed, taken };

// A service that was not taken as it is defined now, and what it is told of.
struct ServiceFault {
  std::string id;
  std::string reason;       // who refused it, why, and what it needs
  bool permission = false;  // for want of one
  bool missing = false;     // the agent has no former definition of it either
  bool operator==(const ServiceFault&) const = default;
};

// A service that the agent no longer had, although lictor had not taken it out, and has taken again.
struct ServiceReturn {
  std::string id;
  bool critical;  // the agent itself had taken it out, for a critical check (deregister_critical_service_after)
  bool operator==(const ServiceReturn&) const = default;
};

// What the servers have of this node: its checks, serfHealth among them; its entry with its services.
enum class NodePart { checks, services };

// Of a question that they hold until the part that it is about may have changed. unanswered: it failed; same: nothing that counts
// is another than at the last answer; differs: something that was there is not, or is otherwise than the agent has it.
enum class NewsAnswer { unanswered, forbidden, same, changed, differs };

// Whether the servers hold a node for failed (its check serfHealth). untold: nothing there that tells of it, or that may be read.
enum class StandingAnswer { untold, alive, failed };

// What the agent says of itself. leaves: it is leaving the cluster, or has left it.
enum class MemberAnswer { unanswered, member, leaves };

enum class ClearAnswer { cleared, forbidden, failed };

}  // namespace lictor
