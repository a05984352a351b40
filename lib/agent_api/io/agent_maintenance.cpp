// AgentApi's part that sets the node's maintenance, and sees that the servers know of it.
#include "agent_api/io/agent_answer.hpp"
#include "agent_api/io/agent_api.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace lictor {
namespace {

// At what the servers show; and where they don't answer, which the agent writes to its log each time.
constexpr Duration between_looks = std::chrono::milliseconds(20), between_tries = std::chrono::milliseconds(500);

}  // namespace

void AgentApi::look_at_maintenance(Done done) {
  // Of all its checks the agent shows the recovery token those of the node alone.
  orders_.ask(request("GET", "/v1/agent/checks?filter=" + percent_encode("ServiceID == \"\""), Key::recovery),
              [this, done = std::move(done)](const HttpResult& answer) {
                if (const auto listed = success_of(answer, "list of the agent's checks"); !listed) return done(listed);
                const Json checks = foreign_json(answer->body);
                if (!checks.is_object())
                  return done(Problem{"list of the agent's checks", "it is not JSON", "", Exit::retry});
                facts_.maintenance = maintenance_in(checks);
                done({});
              });
}

void AgentApi::maintain(const std::string& node, const MaintenanceOrder& order, Duration limit,
                        std::function<void(const Result<ServersSay>&)> done) {
  const std::string target = order.on ? "enable=true&reason=" + percent_encode(order.reason) : "enable=false";
  orders_.ask(request("PUT", "/v1/agent/maintenance?" + target, Key::agent),
              [this, node, limit, on = order.on, done = std::move(done)](const HttpResult& answer) mutable {
                if (auto taken = success_of(answer, "the agent's answer"); !taken) {
                  Problem problem = taken.error();
                  if (answer && answer->status == 403)
                    problem.why += fmt::format(" ({} needs node:write on this node)", agent_token_name());
                  return done(problem);
                }
                look_at_maintenance([this, node, limit, on, done = std::move(done)](const Result<void>& seen) mutable {
                  if (!seen) return done(seen.error());
                  ask_servers(node, on, std::chrono::steady_clock::now() + limit, ServersSay::nothing,
                              [done = std::move(done)](ServersSay servers) { done(servers); });
                });
              });
}

void AgentApi::ask_servers(const std::string& node, bool on, std::chrono::steady_clock::time_point end,
                           ServersSay so_far, std::function<void(ServersSay)> done) {
  HttpRequest get = request("GET", "/v1/health/node/" + percent_encode(node) + "?consistent", Key::registration);
  get.deadline = std::chrono::ceil<Duration>(end - std::chrono::steady_clock::now());
  orders_.ask(std::move(get), [this, node, on, end, so_far, done = std::move(done)](const HttpResult& answer) mutable {
    const bool forbidden = answer && answer->status == 403;
    const Json checks = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
    // With ACLs what may not be read is left out; without them this node's entry is on its way.
    const bool hidden = checks.is_array() && checks.empty() && !token_.empty();
    const bool shown = checks.is_array() && !checks.empty() && maintenance_in(checks).has_value() == on;
    if (answer) {  // else the time is up, or the agent: what was said before stands
      so_far = forbidden || hidden  ? ServersSay::unreadable
               : !checks.is_array() ? ServersSay::nothing
               : shown              ? ServersSay::as_ordered
                                    : ServersSay::otherwise;
    }
    const Duration pause = checks.is_array() ? between_looks : between_tries;
    const bool late = std::chrono::steady_clock::now() + pause >= end;
    if (forbidden || shown || late) return done(so_far);
    pause_.expires_after(pause);
    pause_.async_wait([this, node, on, end, so_far, done = std::move(done)](boost::system::error_code error) mutable {
      // A reset may have come after it fired.
      if (!error && pause_.expiry() <= std::chrono::steady_clock::now())
        ask_servers(node, on, end, so_far, std::move(done));
    });
  });
}

}  // namespace lictor
