// What lictor tells its agent of the node, for the check by which all others see it (agent_api/node_check.hpp), and when.
//
// The check passes while the node is ready, as /readyz has it, and is critical when it has not been for node_check_patience:
// neither an election nor an agent that is restarted makes it flip. It has that time also from the moment when a leader is found, once
// until it has been ready; meanwhile it is said to be as it will be. Where lictor says nothing any more the agent takes the node for
// critical itself, after node_check_ttl.
//
// An agent sends the servers a new status at once, and new words alone only minutes later (check_update_interval). Those with which
// a node begins to be ready, with another agent or another lictor, are therefore written to the catalog as well.
#pragma once

#include "agent_api/node_check.hpp"
#include "report/node_problems.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

inline constexpr Duration node_check_patience = std::chrono::seconds(10);
// How much earlier than it has to be it is said again, where lictor is awake anyway.
inline constexpr Duration node_check_early = std::chrono::seconds(2);
// From a first attempt that failed to the next, before it is left until it would be said again; and for which what is written
// waits for the agent's version.
inline constexpr Duration node_check_pause = std::chrono::seconds(2);
// Restarts that are told of: the last ones.
inline constexpr std::size_t node_restarts_told = 5;

struct NodeWord {
  bool passing = false;
  bool write = false;  // to the catalog as well
  std::string output{};
};

// What is to be known beside the life.
struct NodeFacts {
  // Whether the agent has the check, as far as is known; how often it was sent one that it did not have, which has no words.
  bool there = false;
  unsigned begun = 0;
  std::string lictor{}, consul{};  // versions; empty: not known yet
  BesideLife beside{};
  std::chrono::system_clock::time_point wall{};  // what `at` is by that clock
};

class NodeTelling {
 public:
  // After each step of the life.
  void observe(const LifeView& life, const NodeFacts& facts, Time at);

  // What is to be told now; answered() follows, unless the agent ends first.
  std::optional<NodeWord> due(const LifeView& life, const NodeFacts& facts, Time at);
  // `written`: it was, or the servers refuse it.
  void answered(bool taken, bool written, Time at);

  // When it is to be asked again, if nothing happens before.
  std::optional<Time> wake() const;

 private:
  NodeWord word(const LifeView& life, const NodeFacts& facts, Time at) const;
  bool to_write(const NodeFacts& facts, Time at) const;

  std::optional<std::chrono::sys_seconds> started_{};
  std::vector<NodeRestart> restarts_{};
  std::optional<Time> last_restart_{};
  int launches_ = 0;
  std::optional<Time> ready_{};    // since when
  std::optional<Time> unready_{};  // since when, or since a leader was found
  bool leader_ = false, patient_ = true;
  // Of the agent that runs now.
  struct Told {
    NodeWord word{};
    unsigned begun = 0;  // registrations before it
  };
  std::optional<Told> asked_{};  // an answer is outstanding
  std::optional<Told> told_{};
  std::optional<unsigned> written_{};  // what was told after so many registrations
  bool failed_ = false;                // the last attempt
  std::optional<Time> renewed_{}, again_{}, write_again_{};
};

}  // namespace lictor
