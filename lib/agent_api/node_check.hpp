// How a node is, in the words of its own check: what lictor tells its agent of it, and what is read of it in the catalog, of a
// fleet's nodes.
//
//   ready; phase serve; no problems; lictor 0.1.0; consul 1.8.7; started 2026-11-30T11:00Z
//   not ready; phase register; problems no_leader, settings_refused; lictor 0.1.0; consul 1.8.7; started 2026-11-30T11:00Z;
//       restarts 2026-11-30T12:03Z died, 2026-11-30T12:10Z hung
//
// Nothing in it changes by itself: no ages, no counts. An agent sends the servers what has changed, and nothing else.
#pragma once

#include "agent_api/services.hpp"
#include "base/time.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// Of the default service's check, and of any other service's that is to tell the same.
inline constexpr const char* node_check_id = "lictor-node";
// After which an agent that hears nothing of lictor takes the node for critical, and how often it hears of it.
inline constexpr Duration node_check_ttl = std::chrono::seconds(28), node_check_interval = std::chrono::seconds(12);

struct NodeRestart {
  std::chrono::sys_seconds at;  // whole minutes
  std::string reason;           // RestartReason's
  bool operator==(const NodeRestart&) const = default;
};

struct NodeWords {
  bool ready = false;
  std::string phase{};
  std::vector<std::string> problems{};                // by name
  std::string lictor{}, consul{};                     // versions; empty: not known
  std::optional<std::chrono::sys_seconds> started{};  // lictor; whole minutes
  std::vector<NodeRestart> restarts{};                // of its agent, the last ones
  // Read back: the agent had not heard from lictor for the TTL. What is here is from before that.
  bool expired = false;
  bool operator==(const NodeWords&) const = default;
};

std::string node_check_output(const NodeWords& words);

// What is no such output has no phase; parts that are not known here, or longer than any are, are left out.
NodeWords parse_node_check(std::string_view output);

// A body for PUT /v1/catalog/register that writes the check, as it is in GET /v1/agent/checks, and nothing else, where the
// catalog has the node; nothing where it is not there.
std::optional<Json> node_check_registration(const std::string& node, const std::string& id, const std::string& address,
                                            const Json& checks);

// Whether one of the services has that check: its id; empty: none.
std::string service_with_node_check(const Services& services);

}  // namespace lictor
