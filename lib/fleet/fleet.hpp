// All nodes of a datacenter as their own checks tell of them (agent_api/node_check.hpp), from one list of the servers: the checks
// serfHealth, lictor-node and that of maintenance, in any order.
//
// A node is, by the first that holds:
//   failed     its agent is gone, as the servers say (serfHealth)
//   silent     its agent has not heard from its lictor for the TTL
//   not_ready  as lictor says
//   unwell     ready, with problems
//   untold     its check says nothing that is known here
//   well
// What a node that is failed or silent said before is not counted, but for its versions.
#pragma once

#include "agent_api/node_check.hpp"
#include "base/json.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lictor {

// For GET /v1/health/state/any. `more`: an expression that what lictor says of a node has to meet, in Consul's words; empty: none.
std::string fleet_filter(const std::string& more);

enum class NodeState { failed, silent, not_ready, unwell, untold, well };
inline constexpr std::array node_states{NodeState::failed, NodeState::silent, NodeState::not_ready,
                                        NodeState::unwell, NodeState::untold, NodeState::well};
const char* to_string(NodeState state);  // as programs see it: the enumerator's name

struct FleetNode {
  bool attended = false;  // it has lictor's check
  bool alive = true;      // its agent
  bool critical = false;  // lictor's check
  NodeWords words{};
  std::optional<std::string> maintenance{};  // why

  NodeState state() const;
  // By name: what it says itself, and agent_failed or lictor_silent.
  std::vector<std::string> problems() const;
};

// Which nodes are looked at.
struct FleetChoice {
  std::string problem{};  // that has it; empty: any
  std::string version{};  // of lictor or of Consul, or how it begins: "1.21" is 1.21.4, too, and not 1.210; empty: any
  bool narrowed = false;  // the list is not of all nodes: nothing is known of those that are not in it
  bool takes(const FleetNode& node) const;
  // Whether those that are well are of interest, too.
  bool all() const { return !problem.empty() || !version.empty(); }
};

class Fleet {
 public:
  // One of the list; anything else is left out, and a name that is no node's for its length. No more nodes are taken than `most`, and `full` says so.
  void take(const Json& check);
  static constexpr std::size_t most = 100'000;
  bool full() const { return full_; }

  // One that is a server: it is no node that lictor is missing on.
  void is_server(const std::string& node) { servers_.insert(node); }

  const std::map<std::string, FleetNode>& nodes() const { return nodes_; }
  // Names of living ones that have no check of lictor's, without the servers.
  std::vector<std::string> unattended() const;

 private:
  std::map<std::string, FleetNode> nodes_;
  std::set<std::string> servers_;
  bool full_ = false;
};

// Of those with lictor's check that the choice takes.
struct FleetTotals {
  using Counts = std::map<std::string, std::size_t>;
  std::size_t nodes = 0, maintenance = 0;
  std::array<std::size_t, node_states.size()> states{};
  Counts lictor{}, consul{};  // by version; "": not told
  Counts phases{}, problems{};
  // In the last hour: agents by reason, the nodes that they are of, and lictors that were started.
  Counts restarts{};
  std::size_t restarted = 0, started = 0;
};
FleetTotals totals_of(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now);

}  // namespace lictor
