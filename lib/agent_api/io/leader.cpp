// Whether the agent knows a leader, asked so that it costs the agent no line of its log.
#include "agent_api/io/agent_api.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace lictor {
namespace {

// consul/structs: ErrNoServers. An agent that does not show what it knows has said it all the same.
constexpr const char* no_servers = "No known Consul servers";

}  // namespace

// An agent that knew a leader a moment ago is asked for it at once: at rest that is one question instead of two. One that tells
// nothing of itself may know a leader all the same.
void AgentApi::ask_for_leader(Duration within, std::function<void(const LeaderResult&)> done) {
  if (!facts_.server.empty() || self_refused_) return ask_servers_for_leader(within, std::move(done));
  HttpRequest self = request("GET", "/v1/agent/self", Key::recovery);
  self.deadline = within / 2;
  const auto end = std::chrono::steady_clock::now() + within;
  probes_.ask(std::move(self), [this, end, done = std::move(done)](const HttpResult& answer) mutable {
    if (!answer && answer.error().failure != HttpFailure::late) return done(answer.error());
    if (answer) self_refused_ = answer->status / 100 == 4;
    if (answer && answer->status == 200 && knows_no_server(answer->body)) return done(ProbeAnswer::no_server);
    const Duration left = std::chrono::duration_cast<Duration>(end - std::chrono::steady_clock::now());
    ask_servers_for_leader(std::max<Duration>(left, std::chrono::milliseconds(1)), std::move(done));
  });
}

bool AgentApi::knows_no_server(const std::string& self) {
  const Json body = foreign_json(self);
  const Json& stats = object_of(body, "Stats");
  const int members = std::atoi(text_of(object_of(stats, "serf_lan"), "members").c_str());
  if (members > 0) facts_.members = members;
  return text_of(object_of(stats, "consul"), "known_servers") == "0";
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
