// The commands beside `run`: each reads, asks, prints and returns an exit code.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <string>

namespace lictor {

// Standard output, at once, and errors as users see them.
void print(const std::string& text);
// harmless(): for what may hold words of others, such as those of files that the agent's user writes.
void print_line(std::string_view text);
void print_error_line(std::string_view text);  // the same, on standard error
// As JSON, to be printed; with escapes where a letter in it is not harmless().
std::string json_page(const Json& value, int indent = 2);
// "lictor: what: why; what to do" on standard error, one line each. Returns the exit code that fits: the strictest (config
// before retry).
Exit print_problems(const Problems& problems);

// Settings, host, `consul validate` and what it passes and a start does not: all problems at once. With `consul`: for that
// program in the place of agent.binary.
Exit check(const std::optional<std::string>& settings_file, const std::optional<std::string>& consul);
// consul.json as the agent would get it, all that the agent would go by, or each value of that with its origin; secrets as "***".
enum class Rendered { consul_json, effective, explained };
Exit render(const std::optional<std::string>& settings_file, Rendered what);
// What the running lictor tells; without one: Exit::incomplete, and what the settings and the host alone tell. `watch`: until
// SIGINT or SIGTERM; on a terminal the page is drawn anew, elsewhere each change is printed, in JSON on one line.
Exit show_status(const std::optional<std::string>& settings_file, bool json, bool watch);
// All nodes of the datacenter as their own checks tell of them: the totals, and those that are not well. Exit::incomplete where
// nobody tells. `watch`: as of the status.
struct FleetOptions {
  std::string http_address;              // of the agent to ask; empty: this node's own, on its private socket
  std::string problem, version, filter;  // which nodes; empty: all
  bool json = false, watch = false;
};
Exit show_fleet(const std::optional<std::string>& settings_file, const FleetOptions& options);
// Where the time of the last start, restart and stop went: of the running lictor, and what the one before it has left in the
// data directory. As text, as JSON, or as a drawing in the file `svg`. Exit::incomplete where there is neither.
Exit show_timeline(const std::optional<std::string>& settings_file, bool json, const std::optional<std::string>& svg);
enum class Health { live, ready };
// 0: yes, 1: no or no lictor there.
Exit health(const std::optional<std::string>& settings_file, Health which);
enum class Goal { ready, registered, gone };
// Returns as soon as the goal is reached; after `limit`: Exit::incomplete.
Exit wait_for(const std::optional<std::string>& settings_file, Goal goal, Duration limit);
enum class Order { reload, restart, leave };
// Orders it from the running lictor and waits, at most `limit`, for the outcome, which it prints: of a reload whether the
// settings were taken (Exit::config: refused), of a restart that the node is ready again, of a leave what lictor itself ends
// with. Exit::incomplete where that is not known in time; what was ordered goes on.
Exit order(const std::optional<std::string>& settings_file, Order what, Duration limit);
// Puts the node into maintenance or takes it out, as order() orders: done means that the servers show it. REQUIRES: `reason`
// is as maintenance_reason() takes it.
Exit maintain(const std::optional<std::string>& settings_file, bool on, const std::string& reason, Duration limit);
// CONSUL_HTTP_ADDR=... for other programs on the node.
Exit show_environment(const std::optional<std::string>& settings_file);

}  // namespace lictor
