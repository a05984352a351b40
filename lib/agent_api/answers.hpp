// What the agent's API is asked for, and what comes of it: the words in which the life and the calls (io/agent_calls.hpp) speak.
#pragma once

namespace lictor {

// closed: the agent takes connections, and ends them without a word.
enum class ProbeAnswer { silent, closed, no_leader, leader };

// What is sent of the services: what is news since they were last sent, which takes no question; what the agent's own list
// lacks.
enum class Sending { news, difference };

// taken: the entry under our name has another id.
enum class CatalogAnswer { gone, incomplete, registered, forbidden, failed, taken };

// Whether the servers hold a node for failed (its check serfHealth). unanswered: the question failed; untold: nothing there that
// tells of it, or that may be read.
enum class StandingAnswer { unanswered, forbidden, untold, alive, failed };

// What the agent says of itself. leaves: it is leaving the cluster, or has left it.
enum class MemberAnswer { unanswered, member, leaves };

enum class ClearAnswer { cleared, forbidden, failed };

}  // namespace lictor
