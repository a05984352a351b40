#include "agent_api/io/agent_api.hpp"

#include "agent_config/blocked_endpoints.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <boost/asio/post.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace lictor {
namespace {

using std::chrono::seconds;

constexpr Duration agent_deadline = seconds(10);
// Of what concerns this node alone.
constexpr std::size_t short_answer = 4 << 20;
constexpr Duration reach_deadline = std::chrono::milliseconds(500);
// At what the servers show; and where they don't answer, which the agent writes to its log each time.
constexpr Duration between_looks = std::chrono::milliseconds(20), between_tries = std::chrono::milliseconds(500);

Result<void> success_of(const HttpResult& answer, const std::string& what) {
  if (answer && answer->status == 200) return {};
  std::string why = answer ? fmt::format("{} {}", answer->status, trim(cut(answer->body, 200))) : answer.error().why;
  return Problem{what, std::move(why), "", Exit::retry};
}

}  // namespace

AgentApi::AgentApi(boost::asio::any_io_executor executor, const std::string& socket, std::function<void()> refused)
    : probes_(executor, socket, short_answer),
      work_(executor, socket),
      looks_(executor, socket),
      farewell_(executor, socket, short_answer),
      joins_(executor, socket),
      orders_(executor, socket),
      changes_(executor, socket),
      executor_(executor),
      pause_(executor),
      refused_(std::move(refused)) {}

void AgentApi::reset(std::string token) {
  probes_.reset();
  work_.reset();
  looks_.reset();
  farewell_.reset();
  joins_.reset();
  orders_.reset();
  changes_.reset();
  index_ = checks_index_ = 0;
  pause_.expires_at(std::chrono::steady_clock::time_point::max());
  reach_.reset();
  forget_sent();
  refused_last_ = leaving_ = false;
  token_ = std::move(token);
}

// A success empties it; a refusal says which token lacks what, or what is too large. `size`: bytes that were sent.
std::string AgentApi::registration_failure(const HttpResult& answer, const std::string& what, std::size_t size) const {
  const Result<void> success = success_of(answer, what);
  if (success) return "";
  const std::string failure = to_string(success.error());
  if (answer && answer->status == 413)
    return fmt::format("{} (its definition takes {} bytes; from Consul 2.0.3 on an agent takes 512 KiB, 524288 bytes)",
                       failure, size);
  if (!answer || answer->status != 403) return failure;
  if (const std::string hint = blocked_hint(answer->body); !hint.empty()) return failure + hint;
  if (refused_) refused_();
  return fmt::format("{} ({} needs service:write and node:read)", failure, registration_token_name());
}

std::string AgentApi::registration_token_name() const {
  return tokens_.registration.empty() ? "the agent's default token, agent.tokens.default_file or acl.tokens.default,"
                                      : "the registration token, agent.tokens.registration_file,";
}

std::string AgentApi::agent_token_name() const {
  return tokens_.agent.empty()
             ? "without a token of its own, agent.tokens.agent_file or acl.tokens.agent, its default one"
             : "its own token, agent.tokens.agent_file or acl.tokens.agent,";
}

HttpRequest AgentApi::request(std::string method, std::string target, Key key) const {
  HttpRequest request{
      .method = std::move(method), .target = std::move(target), .body = {}, .headers = {}, .deadline = agent_deadline};
  const std::string& token = key == Key::recovery       ? token_
                             : key == Key::registration ? tokens_.registration
                                                        : tokens_.agent;
  if (!token.empty()) request.headers["X-Consul-Token"] = token;
  return request;
}

void AgentApi::use_tokens(Tokens tokens) {
  if (tokens.registration != tokens_.registration || tokens.fallback != tokens_.fallback) forget_sent();
  tokens_ = std::move(tokens);
}

void AgentApi::probe(Duration deadline, std::function<void(ProbeAnswer)> done) {
  HttpRequest leader = request("GET", "/v1/status/leader", Key::recovery);
  leader.deadline = deadline / 2;
  probes_.ask(std::move(leader), [this, deadline, done = std::move(done)](HttpResult answer) mutable {
    if (answer) {
      const bool known = answer->status == 200 && answer->body.size() > 4;
      facts_.server = known ? cut(std::string_view(answer->body).substr(1, answer->body.rfind('"') - 1), 200) : "";
      return done(known ? ProbeAnswer::leader : ProbeAnswer::no_leader);
    }
    if (answer.error().failure == HttpFailure::closed) return done(ProbeAnswer::closed);
    if (answer.error().failure != HttpFailure::late) return done(ProbeAnswer::silent);
    HttpRequest any = request("GET", "/", Key::recovery);
    any.deadline = deadline / 2;
    probes_.ask(std::move(any), [done = std::move(done)](const HttpResult& own) {
      done(own ? ProbeAnswer::no_leader : ProbeAnswer::silent);
    });
  });
}

void AgentApi::send_services(const std::vector<Json>& desired, Sending what, std::function<void(Sent)> done) {
  const auto settle = [this, done = std::move(done)](Sent sent) {
    sent_is_all_ = sent.failure.empty();
    refused_last_ = sent.refused;
    if (sent_is_all_) keep_record();
    done(std::move(sent));
  };
  if (refused_last_) {
    std::map<std::string, std::string> names;
    for (const Json& service : desired) names[service.at("ID")] = service.at("Name").get<std::string>();
    return ask_permission(std::move(names), [this, desired, settle](const Refusals& refusals) {
      // Where they can't be asked the agent is. Each service stands for itself: the others are sent.
      if (refusals.services.empty()) return send_difference(desired, settle);
      std::vector<Json> granted = desired;
      std::erase_if(granted, [&](const Json& service) { return refusals.services.contains(service.at("ID")); });
      tell_refusal(refusals.services, [this, desired, granted = std::move(granted), settle](std::string refusal) {
        send_difference(desired, granted, [refusal = std::move(refusal), settle](Sent sent) {
          sent.failure = refusal + (sent.failure.empty() ? "" : "; " + sent.failure);
          sent.refused = true;
          settle(std::move(sent));
        });
      });
    });
  }
  auto news = what == Sending::news && sent_is_all_ ? service_news(desired, sent_) : std::nullopt;
  if (!news) return send_difference(desired, settle);
  send_changes(std::make_shared<ServiceChanges>(std::move(*news)), settle, {});
}

void AgentApi::forget_sent() {
  sent_.clear();
  sent_is_all_ = false;
}

void AgentApi::send_difference(const std::vector<Json>& desired, std::function<void(Sent)> done) {
  send_difference(desired, desired, std::move(done));
}

// Of what differs, `granted` alone is put.
void AgentApi::send_difference(const std::vector<Json>& desired, const std::vector<Json>& granted,
                               std::function<void(Sent)> done) {
  work_.ask(request("GET", "/v1/agent/services", Key::registration),
            [this, desired, granted, done = std::move(done)](const HttpResult& answer) mutable {
              if (answer && answer->status == 403) {
                // Without services of its own a node needs no token for them.
                return send_changes(std::make_shared<ServiceChanges>(service_changes(granted, Json::object(), sent_)),
                                    std::move(done), {});
              }
              if (const auto listed = success_of(answer, "list of the agent's services"); !listed)
                return done({.failure = to_string(listed.error())});
              const Json actual = foreign_json(answer->body);
              if (!actual.is_object())
                return done({.failure = "list of the agent's services: the agent's answer is not JSON"});
              recall(desired, actual, [this, desired, granted, actual, done = std::move(done)] {
                auto changes = std::make_shared<ServiceChanges>(service_changes(desired, actual, sent_));
                changes->put = service_changes(granted, actual, sent_).put;
                // Others may have taken one out; what is there all the same is among the changes.
                std::erase_if(sent_, [&](const auto& taken) { return !actual.contains(taken.first); });
                send_changes(std::move(changes), done, {});
              });
            });
}

void AgentApi::use_record(Record record, std::function<void(const Record&)> keep) {
  record_ = std::move(record);
  keep_ = std::move(keep);
}

std::string AgentApi::digest(const Json& service) const {
  return fmt::format("{:016x}", fnv1a(json_text(service), fnv1a(tokens_.registration + ' ' + tokens_.fallback)));
}

// Counts as sent what an agent before this one was sent, and this one has.
void AgentApi::recall(const std::vector<Json>& desired, const Json& actual, std::function<void()> then) {
  std::vector<Json> known;
  for (const Json& service : desired) {
    const std::string id = service.at("ID");
    const auto kept = record_.find(id);
    if (actual.contains(id) && !sent_.contains(id) && kept != record_.end() && kept->second == digest(service))
      known.push_back(service);
  }
  if (known.empty()) return then();
  work_.ask(request("GET", "/v1/agent/checks", Key::registration),
            [this, known = std::move(known), actual, then = std::move(then)](const HttpResult& answer) {
              const Json checks = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
              for (const Json& service : known) {
                if (shown_by_agent(service, actual, checks)) sent_[service.at("ID")] = service;
              }
              then();
            });
}

void AgentApi::keep_record() {
  Record now;
  for (const auto& [id, service] : sent_) now[id] = digest(service);
  if (now == record_) return;
  record_ = std::move(now);
  if (keep_) keep_(record_);
}

// One at a time, in order: several connections are no faster (the agent takes them one by one). Each stands for itself: after
// one that is refused come the others; after one without an answer, nothing.
void AgentApi::send_changes(std::shared_ptr<ServiceChanges> changes, std::function<void(Sent)> done, Sent so_far) {
  if (changes->empty()) return done(std::move(so_far));
  const bool removes = !changes->remove.empty();
  HttpRequest put;
  Json body;
  std::string id;
  if (removes) {
    id = std::move(changes->remove.back());
    changes->remove.pop_back();
    put = request("PUT", "/v1/agent/service/deregister/" + percent_encode(id), Key::registration);
  } else {
    body = std::move(changes->put.back());
    changes->put.pop_back();
    id = text_of(body, "ID");
    put = request("PUT", "/v1/agent/service/register?replace-existing-checks=true", Key::registration);
    put.body = json_text(body);
  }
  const std::size_t size = put.body.size();
  so_far.changed = true;
  work_.ask(std::move(put), [this, removes, size, id = std::move(id), body = std::move(body), changes,
                             done = std::move(done), so_far = std::move(so_far)](const HttpResult& answer) mutable {
    const bool unknown = removes && answer && answer->body.find("Unknown service") != std::string::npos;
    std::string failure =
        unknown ? "" : registration_failure(answer, (removes ? "deregistering " : "registering ") + id, size);
    if (failure.empty()) {
      removes ? void(sent_.erase(id)) : void(sent_[id] = std::move(body));
    } else {
      if (so_far.failure.empty()) so_far.failure = std::move(failure);  // one is enough to begin with
      so_far.refused |= answer && answer->status == 403 && blocked_hint(answer->body).empty();
    }
    if (!answer) return done(std::move(so_far));
    send_changes(std::move(changes), std::move(done), std::move(so_far));
  });
}

void AgentApi::look_up_catalog(const std::string& node, const std::string& id, const std::vector<Json>& desired,
                               std::function<void(Look)> done) {
  HttpRequest get = request("GET", "/v1/catalog/node/" + percent_encode(node) + "?consistent", Key::registration);
  get.deadline = catalog_deadline;
  shown_ = nullptr;
  looks_.ask(std::move(get), [this, id, desired, done = std::move(done)](const HttpResult& answer) {
    index_ = answer && answer->status == 200 ? answer->index : 0;
    if (answer && answer->status == 403) {
      if (refused_) refused_();
      return done({CatalogAnswer::forbidden});
    }
    if (!answer || answer->status != 200) return done({CatalogAnswer::failed});
    Json body = foreign_json(answer->body);
    in_catalog_ = body.is_object();
    if (body.is_null()) return done({CatalogAnswer::gone});
    if (!body.is_object()) return done({CatalogAnswer::failed});
    std::vector<std::string> leftovers = leftovers_in_catalog(desired, body);
    if (registered_in_catalog(desired, id, body)) return done({CatalogAnswer::registered, {}, std::move(leftovers)});
    const Json& entry = object_of(body, "Node");
    const NodeKey holder{text_of(entry, "Node"), text_of(entry, "ID"), text_of(entry, "Address")};
    // Without an id an entry is anybody's, and the servers let us have it.
    const bool other = !holder.id.empty() && holder.id != id;
    if (other) return done({CatalogAnswer::taken, holder});
    shown_ = std::move(body);
    done({CatalogAnswer::incomplete, holder, std::move(leftovers)});
  });
}

void AgentApi::await_change(const std::string& node, Duration limit, std::function<void(bool)> done) {
  const bool checks = in_catalog_;
  const std::uint64_t index = checks ? std::max(index_, checks_index_) : index_;
  if (index_ == 0) return boost::asio::post(executor_, [done = std::move(done)] { done(false); });
  const std::string entry = (checks ? "/v1/health/node/" : "/v1/catalog/node/") + percent_encode(node);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  HttpRequest get = request("GET", fmt::format("{}?index={}&wait={}ms", entry, index, wait), Key::registration);
  // Servers take up to a sixteenth more, and need the time to answer.
  get.deadline = limit + limit / 16 + seconds(1);
  changes_.ask(std::move(get), [this, checks, done = std::move(done)](const HttpResult& answer) {
    const bool told = answer && answer->status == 200 && answer->index > 0;
    if (told && checks) checks_index_ = answer->index;
    done(told);
  });
}

void AgentApi::look_around(const NodeKey& own, bool health, std::function<void(const Result<Surroundings>&)> done) {
  work_.ask(request("GET", "/v1/agent/members", Key::recovery),
            [this, own, health, done = std::move(done)](const HttpResult& answer) mutable {
              if (const auto told = success_of(answer, "members"); !told) return done(told.error());
              auto members = parse_members(answer->body);
              if (!members) return done(members.error());
              auto seen = std::make_shared<Surroundings>();
              seen->members = std::move(*members);
              take_facts(seen->members, own);
              ask_catalog(own, health, std::move(seen), std::move(done));
            });
}

void AgentApi::take_facts(const std::vector<Member>& members, const NodeKey& own) {
  facts_.members = static_cast<int>(members.size());
  facts_.servers = 0;
  for (const Member& member : members) {
    facts_.servers += member.server && member.status == MemberStatus::alive;
    if (member.name == own.name && member.address == own.address) facts_.version = member.version;
  }
}

void AgentApi::ask_catalog(const NodeKey& own, bool health, std::shared_ptr<Surroundings> seen,
                           std::function<void(const Result<Surroundings>&)> done) {
  const std::string filter =
      fmt::format(R"(Address == "{}" or Node == "{}" or ID == "{}")", own.address, own.name, own.id);
  HttpRequest get = request("GET", "/v1/catalog/nodes?filter=" + percent_encode(filter), Key::registration);
  get.deadline = catalog_deadline;
  work_.ask(std::move(get), [this, own, health, seen, done = std::move(done)](const HttpResult& answer) mutable {
    // Where the catalog may not be read there is nothing to be seen there; what the members show still holds.
    if (!answer || answer->status != 403) {
      if (const auto told = success_of(answer, "catalog"); !told) return done(told.error());
      auto nodes = parse_catalog_nodes(answer->body);
      if (!nodes) return done(nodes.error());
      seen->catalog = std::move(*nodes);
    }
    if (!health) return done(std::move(*seen));
    ask_health(own, seen, std::move(done));
  });
}

void AgentApi::ask_health(const NodeKey& own, std::shared_ptr<Surroundings> seen,
                          std::function<void(const Result<Surroundings>&)> done) {
  HttpRequest get = request("GET", "/v1/health/node/" + percent_encode(own.name), Key::registration);
  get.deadline = catalog_deadline;
  work_.ask(std::move(get), [seen, done = std::move(done)](const HttpResult& answer) {
    const Json checks = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
    for (const Json& check : checks.is_array() ? checks : Json::array()) {
      if (text_of(check, "CheckID") == "serfHealth") seen->failed_member = text_of(check, "Status") == "critical";
    }
    done(std::move(*seen));
  });
}

void AgentApi::clear(const Claim& claim, std::function<void(ClearAnswer, std::string)> done) {
  struct Step {
    HttpRequest request;
    std::string doing, permission;
  };
  auto steps = std::make_shared<std::vector<Step>>();
  if (claim.deregister) {
    HttpRequest put = request("PUT", "/v1/catalog/deregister", Key::registration);
    put.body = json_text({{"Node", claim.name}});
    steps->push_back({std::move(put), "deregister", fmt::format("node:write on \"{}\"", claim.name)});
  }
  if (claim.prune) {
    steps->push_back(
        {request("PUT", "/v1/agent/force-leave/" + percent_encode(claim.name) + "?prune", Key::registration),
         "force-leave", "operator:write"});
  }
  for (Step& step : *steps) step.request.deadline = catalog_deadline;
  // Each is tried whatever became of the other: an entry without its member is half of the trouble.
  auto answer = std::make_shared<std::pair<ClearAnswer, std::string>>(ClearAnswer::cleared, "");
  auto next = std::make_shared<std::function<void()>>();
  *next = [this, steps, answer, weak = std::weak_ptr(next), done = std::move(done)] {
    if (steps->empty()) return done(answer->first, answer->second);
    Step step = std::move(steps->back());
    steps->pop_back();
    work_.ask(std::move(step.request), [this, step, answer, next = weak.lock()](const HttpResult& got) {
      const bool forbidden = got && got->status == 403;
      // A member that is no more is what was wanted.
      const bool good = got && (got->status == 200 || got->body.find("No node found") != std::string::npos);
      if (!good) {
        answer->first = forbidden ? ClearAnswer::forbidden : ClearAnswer::failed;
        answer->second += answer->second.empty() ? "" : "; ";
        answer->second += forbidden ? fmt::format("{} is forbidden: {} needs {}", step.doing, registration_token_name(),
                                                  step.permission)
                                    : to_string(success_of(got, step.doing).error());
      }
      (*next)();
    });
  };
  (*next)();
}

void AgentApi::join(JoinTargets targets, std::function<void()> done) {
  const auto ask_to_join = [this](const std::string& peer, std::function<void()> over) {
    joins_.ask(request("PUT", "/v1/agent/join/" + percent_encode(peer), Key::recovery),
               [over = std::move(over)](const HttpResult&) { over(); });
  };
  joins_.ask(request("GET", "/v1/agent/members", Key::recovery),
             [this, ask_to_join, targets = std::move(targets), done = std::move(done)](const HttpResult& answer) {
               if (answer && knows_live_server(foreign_json(answer->body))) return done();
               reach_.emplace(executor_, targets.addresses, reach_deadline,
                              [this, ask_to_join, names = targets.names, done](const std::optional<std::string>& peer) {
                                if (peer) return ask_to_join(*peer, done);
                                if (names.empty()) return done();
                                ask_to_join(names[next_name_++ % names.size()], done);
                              });
             });
}

void AgentApi::rejoin() {
  const std::string host = facts_.server.substr(0, facts_.server.rfind(':'));
  if (host.empty()) return;
  work_.ask(request("PUT", "/v1/agent/join/" + percent_encode(host), Key::recovery), [](const HttpResult&) {});
}

void AgentApi::leave(Duration deadline, Done done) {
  leaving_ = true;
  HttpRequest put = request("PUT", "/v1/agent/leave", Key::recovery);
  put.deadline = deadline;
  put.once = true;
  farewell_.ask(std::move(put),
                [done = std::move(done)](const HttpResult& answer) { done(success_of(answer, "leave")); });
}

void AgentApi::reload(Done done) {
  work_.ask(request("PUT", "/v1/agent/reload", Key::recovery),
            [done = std::move(done)](const HttpResult& answer) { done(success_of(answer, "reload")); });
}

void AgentApi::repeat_leave(const std::string& node, Done done) {
  HttpRequest put = request("PUT", "/v1/agent/force-leave/" + percent_encode(node), Key::registration);
  put.deadline = catalog_deadline;
  work_.ask(std::move(put), [done = std::move(done)](const HttpResult& answer) {
    done(success_of(answer, "tell of the leave again"));
  });
}

void AgentApi::deregister(const std::string& node, Done done) {
  HttpRequest put = request("PUT", "/v1/catalog/deregister", Key::registration);
  put.body = json_text({{"Node", node}});
  put.deadline = catalog_deadline;
  work_.ask(std::move(put),
            [done = std::move(done)](const HttpResult& answer) { done(success_of(answer, "deregister")); });
}

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
