// AgentApi's part that finds out whether the agent answers of itself, and if it does not, whether that is for its servers' sake.
#include "agent_api/io/agent_api.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace lictor {
namespace {

// It is at hand, unless the agent is hung.
constexpr Duration members_deadline = std::chrono::seconds(1);

bool unanswered(const HttpResult& answer) { return !answer && answer.error().failure == HttpFailure::late; }

}  // namespace

void AgentApi::ask_own(Duration deadline, std::function<void(bool)> done) {
  const auto as_now = [this] { silence_ = {.leader = facts_.server, .servers = facts_.servers, .entry = {}}; };
  if (silence_.leader.empty()) as_now();  // first asked, just when a leader is known
  auto left = std::make_shared<int>(2);
  auto told = std::make_shared<bool>(true);
  for (const char* target : {"/v1/agent/services", "/v1/agent/checks"}) {
    HttpRequest get = request("GET", target, Key::recovery);
    get.deadline = deadline;
    // Its beginning is enough.
    own_.ask(std::move(get), [left, told, done, as_now](const HttpResult& answer) {
      *told &= !unanswered(answer);
      if (--*left > 0) return;
      if (*told) as_now();
      done(*told);
    });
  }
}

// One question after the other, until it is known.
void AgentApi::ask_servers(const std::string& node, std::function<void(ServersAnswer, bool)> done) {
  ask_entry({"/v1/catalog/node/" + percent_encode(node), "/v1/health/node/" + percent_encode(node)}, 0,
            [this, done = std::move(done)](std::optional<std::uint64_t> entry) {
              if (!entry) return done(ServersAnswer::silent, false);
              const bool told = silence_.entry.value_or(*entry) != *entry;
              silence_.entry = entry;
              ask_who_leads([told, done](ServersAnswer servers) { done(servers, told); });
            });
}

// A digest of what the leader shows; nothing where it does not answer. Where it may not be read it is the same each time.
void AgentApi::ask_entry(std::vector<std::string> targets, std::uint64_t so_far,
                         std::function<void(std::optional<std::uint64_t>)> done) {
  if (targets.empty()) return done(so_far);
  HttpRequest get = request("GET", targets.front() + "?consistent", Key::registration);
  get.deadline = catalog_deadline;
  const auto digest = std::make_shared<std::uint64_t>(so_far);
  get.take = [digest](std::string_view piece) { *digest = fnv1a(piece, *digest); };
  targets.erase(targets.begin());
  work_.ask(std::move(get),
            [this, targets = std::move(targets), digest, done = std::move(done)](const HttpResult& answer) mutable {
              if (!answer || (answer->status != 200 && answer->status != 403)) return done(std::nullopt);
              ask_entry(std::move(targets), *digest, std::move(done));
            });
}

void AgentApi::ask_who_leads(std::function<void(ServersAnswer)> done) {
  HttpRequest get = request("GET", "/v1/status/leader", Key::recovery);
  get.deadline = catalog_deadline;
  work_.ask(std::move(get), [this, done = std::move(done)](const HttpResult& answer) mutable {
    const Json said = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
    const std::string leader = said.is_string() ? said.get<std::string>() : "";
    if (leader.empty()) return done(ServersAnswer::silent);
    ask_members({}, {}, R"(Tags.role == "consul")", members_deadline,
                [this, leader, done = std::move(done)](const Result<MemberSieve>& members) {
                  Silence now{.leader = leader, .servers = silence_.servers, .entry = silence_.entry};
                  if (members) {
                    now.servers = members->living_servers;
                    // As long as the members have not been looked at all are taken to have been alive.
                    if (silence_.servers == 0) silence_.servers = now.servers + members->failed_servers;
                  }
                  const bool same = now.leader == silence_.leader && now.servers == silence_.servers;
                  silence_ = std::move(now);
                  done(same ? ServersAnswer::steady : ServersAnswer::changed);
                });
  });
}

}  // namespace lictor
