// What is wrong with a node, by name: for programs, and for whoever looks at many nodes. What each is about in full is among the
// `problems` of the status.
#pragma once

#include "life/view.hpp"

#include <array>
#include <string>
#include <vector>

namespace lictor {

enum class NodeProblem {
  waiting,              // for files, mounts, a lock or an address, at the start
  no_leader,            // the agent knows none
  registration_failed,  // as a whole
  hooks_unfinished,     // of post_start, and the node waits for them
  services_refused,     // some are not registered as they are defined
  services_left_over,   // the catalog shows what the agent has given up
  held_for_failed,      // by the servers
  conflict,             // another node claims what is this node's
  address_missing,      // this node's is gone
  address_unseen,       // the host's can't be looked at
  settings_refused,     // new ones were, and older ones are in force
  settings_unwatched,   // a change of theirs may go unnoticed
  connections_closed,   // the agent ends each without an answer
  keyring_differs       // from the gossip key of the settings
};
inline constexpr std::array node_problems{NodeProblem::waiting,
                                          NodeProblem::no_leader,
                                          NodeProblem::registration_failed,
                                          NodeProblem::hooks_unfinished,
                                          NodeProblem::services_refused,
                                          NodeProblem::services_left_over,
                                          NodeProblem::held_for_failed,
                                          NodeProblem::conflict,
                                          NodeProblem::address_missing,
                                          NodeProblem::address_unseen,
                                          NodeProblem::settings_refused,
                                          NodeProblem::settings_unwatched,
                                          NodeProblem::connections_closed,
                                          NodeProblem::keyring_differs};
const char* to_string(NodeProblem problem);  // as users see it: the enumerator's name

// What the life does not tell.
struct BesideLife {
  bool settings_refused = false, settings_unwatched = false, keyring_differs = false;
};

// In the order of node_problems.
std::vector<NodeProblem> problems_of(const LifeView& life, const BesideLife& beside, Time now);

}  // namespace lictor
