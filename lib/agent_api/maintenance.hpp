// Consul's node maintenance mode: a check of the node itself that is critical, and all its services with it, until somebody
// takes it off. The agent keeps it in its data directory, over restarts and over a leave; nothing of it is kept here.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <string>

namespace lictor {

inline constexpr std::size_t reason_limit = 500;  // bytes
// For the servers to show an order. The agent tells them at once, and where that failed again after some seconds.
inline constexpr Duration servers_limit = std::chrono::seconds(5);

struct MaintenanceOrder {
  bool on = false;
  std::string reason;  // where it is turned on: as maintenance_reason() has it
};

// What the agent is given for `text`: that, or where it is empty words that name lictor. A problem for what is no single
// line of UTF-8 without control characters, or longer than reason_limit; Exit::usage.
Result<std::string> maintenance_reason(const std::string& text);

// The body of POST /maint: {"on": true, "reason": "TEXT"}, the reason optional. Problems are Exit::usage.
Result<MaintenanceOrder> parse_maintenance_order(const std::string& body);

// In a list or an object of checks as Consul has them: the reason for which the node is in maintenance; nothing: it is not.
// Whoever gave it, it is one line without control characters, cut off after reason_limit.
std::optional<std::string> maintenance_in(const Json& checks);

// What the servers' catalog says of the order, at last.
enum class ServersSay { as_ordered, otherwise, unreadable, nothing };

// What comes of an order that the agent has taken. `seen`: what the agent shows after it. Exit::ok: the servers show it,
// or may not be read.
Outcome maintenance_outcome(const MaintenanceOrder& order, const std::optional<std::string>& seen, ServersSay servers);

}  // namespace lictor
