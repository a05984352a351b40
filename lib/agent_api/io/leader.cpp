// Whether the agent knows a leader, asked so that it costs the agent no line of its log.
#include "agent_api/io/agent_api.hpp"

#include "base/json_parts.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace lictor {
namespace {

// consul/structs: ErrNoServers. An agent that does not show what it knows has said it all the same.
constexpr const char* no_servers = "No known Consul servers";
constexpr std::size_t longest_of_self = 4 << 20;

// Of GET /v1/agent/self, which has all settings in it, too.
struct SelfStats {
  int servers = -1, members = 0;
  JsonParts parts{"Stats",
                  [this](const JsonParts::Part& part) {
                    if (!part.inner || (part.key != "consul" && part.key != "serf_lan")) return;
                    const Json stats = foreign_json(part.text);
                    const auto number = [&stats](const char* key) {
                      return whole_number<int>(text_of(stats, key)).value_or(-1);
                    };
                    part.key == "consul" ? servers = number("known_servers") : members = number("members");
                  },
                  longest_of_self};
};

}  // namespace

// One that tells nothing of itself may know a leader all the same.
void AgentApi::ask_for_leader(Duration within, bool servers, std::function<void(const LeaderResult&)> done) {
  const bool known = !facts_.server.empty();
  if ((known && servers) || self_refused_) return ask_servers_for_leader(within, std::move(done));
  const auto stats = std::make_shared<SelfStats>();
  HttpRequest self = request("GET", "/v1/agent/self", Key::recovery);
  self.deadline = within / 2;
  self.take = [stats](std::string_view piece) { stats->parts.feed(piece); };
  const auto end = std::chrono::steady_clock::now() + within;
  probes_.ask(std::move(self),
              [this, known, servers, stats, end, done = std::move(done)](const HttpResult& answer) mutable {
                if (!answer && answer.error().failure != HttpFailure::late) return done(answer.error());
                if (answer) self_refused_ = answer->status / 100 == 4;
                const int before = std::exchange(known_servers_, answer && answer->status == 200 ? stats->servers : -1);
                if (stats->members > 0) facts_.members = stats->members;
                if (known_servers_ == 0) {
                  facts_.server.clear();
                  return done(ProbeAnswer::no_server);
                }
                if (!known && !servers && before == 0 && known_servers_ > 0) return done(ProbeAnswer::no_leader);
                if (known && known_servers_ > 0 && (before < 0 || before == known_servers_))
                  return done(ProbeAnswer::leader);
                const Duration left = std::chrono::duration_cast<Duration>(end - std::chrono::steady_clock::now());
                ask_servers_for_leader(std::max<Duration>(left, std::chrono::milliseconds(1)), std::move(done));
              });
}

void AgentApi::ask_servers_for_leader(Duration within, std::function<void(const LeaderResult&)> done) {
  HttpRequest leader = request("GET", "/v1/status/leader", Key::recovery);
  leader.deadline = within;
  probes_.ask(std::move(leader), [this, done = std::move(done)](const HttpResult& answer) {
    facts_.server.clear();
    if (!answer) return done(answer.error());
    const std::string& body = answer->body;
    const bool known = answer->status == 200 && body.size() > 4;
    if (known) facts_.server = cut(std::string_view(body).substr(1, body.rfind('"') - 1), 200);
    const bool alone = answer->status == 500 && body.find(no_servers) != std::string::npos;
    done(known ? ProbeAnswer::leader : alone ? ProbeAnswer::no_server : ProbeAnswer::no_leader);
  });
}

}  // namespace lictor
