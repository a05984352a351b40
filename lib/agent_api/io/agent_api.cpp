#include "agent_api/io/agent_api.hpp"

#include "agent_api/io/agent_answer.hpp"
#include "agent_api/standing.hpp"
#include "base/json_parts.hpp"
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
// Of what is not read; of what concerns this node alone; of all else.
constexpr std::size_t first_words = 64 << 10, short_answer = 4 << 20, long_answer = 64 << 20;
// At once: more than there are kinds of calls, each of which the life asks once at a time, but for those that nobody waits for.
constexpr std::size_t most_calls = 32;
constexpr Duration member_deadline = std::chrono::milliseconds(500);
constexpr Duration reach_deadline = std::chrono::milliseconds(500);
// Bytes: serf takes 512 of a member's tags, Consul 64 pairs of 640 of an entry's Meta.
constexpr std::size_t longest_member = 64 << 10, longest_entry = 256 << 10;
// Entries of the catalog that claim what is ours: more than are told of by name.
constexpr std::size_t most_entries = 1000;

}  // namespace

AgentApi::AgentApi(boost::asio::any_io_executor executor, const std::string& socket, std::function<void()> refused)
    : probes_(executor, socket, short_answer),
      own_(executor, socket, first_words, 2),
      work_(executor, socket, long_answer, most_calls),
      farewell_(executor, socket, short_answer),
      orders_(executor, socket),
      member_(executor, socket, short_answer),
      check_(executor, socket),
      executor_(executor),
      pause_(executor),
      refused_(std::move(refused)),
      heard_{Heard(HttpClient(executor, socket, long_answer)), Heard(HttpClient(executor, socket, long_answer))} {}

void AgentApi::use_socket(const std::string& socket) {
  for (HttpClient* client : {&probes_, &own_, &work_, &farewell_, &orders_, &member_, &check_})
    client->use_peer(socket);
  for (Heard& heard : heard_) heard.client.use_peer(socket);
}

void AgentApi::reset(std::string token) {
  probes_.reset();
  own_.reset();
  work_.reset();
  farewell_.reset();
  orders_.reset();
  member_.reset();
  check_.reset();
  drop_news();
  for (Heard& heard : heard_) heard.forget();
  longest_wait_ = Duration::max();
  known_servers_ = -1;
  index_ = checks_index_ = 0;
  silence_ = {};
  flushed_ = 0;
  process_ = std::make_shared<const int>();
  pause_.expires_at(std::chrono::steady_clock::time_point::max());
  reach_.reset();
  forget_sent();
  self_refused_ = refused_last_ = leaving_ = false;
  facts_.server.clear();
  faulty_.clear();
  token_ = std::move(token);
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

void AgentApi::probe(Duration deadline, bool servers, std::function<void(ProbeAnswer)> done) {
  ask_for_leader(deadline / 2, servers, [this, deadline, done = std::move(done)](const LeaderResult& answer) mutable {
    if (answer) return done(*answer);
    if (answer.error().failure == HttpFailure::closed) return done(ProbeAnswer::closed);
    if (answer.error().failure != HttpFailure::late) return done(ProbeAnswer::silent);
    HttpRequest any = request("GET", "/", Key::recovery);
    any.deadline = deadline / 2;
    probes_.ask(std::move(any), [done = std::move(done)](const HttpResult& own) {
      done(own ? ProbeAnswer::no_leader : ProbeAnswer::silent);
    });
  });
}

void AgentApi::look_up_catalog(const std::string& node, const std::string& id, const Services& desired,
                               bool entry_alone, std::function<void(Look)> done) {
  // Of thousands of services the answer is megabytes.
  HttpRequest get = request("GET",
                            "/v1/catalog/node/" + percent_encode(node) + "?consistent" +
                                (entry_alone ? "&filter=" + percent_encode(R"(ID == "")") : ""),
                            Key::registration);
  get.deadline = catalog_deadline;
  shown_ = nullptr;
  const auto reading = std::make_shared<CatalogEntry>(desired, entry_alone ? SentServices() : unseen_);
  get.take = [reading](std::string_view piece) { reading->feed(piece); };
  work_.ask(std::move(get),
            [this, id, desired, entry_alone, reading, done = std::move(done)](const HttpResult& answer) {
              index_ = answer && answer->status == 200 ? answer->index : 0;
              if (answer && answer->status == 403) {
                if (refused_) refused_();
                return done({CatalogAnswer::forbidden});
              }
              if (!answer || answer->status != 200) return done({CatalogAnswer::failed});
              Json body = reading->entry();
              in_catalog_ = body.is_object();
              if (body.is_null()) return done({CatalogAnswer::gone});
              if (!body.is_object()) return done({CatalogAnswer::failed});
              const bool own = of_this_node(id, body);
              const Json& entry = object_of(body, "Node");
              const NodeKey holder{text_of(entry, "Node"), text_of(entry, "ID"), text_of(entry, "Address")};
              // Without an id an entry is anybody's, and the servers let us have it.
              const bool other = !own && !holder.id.empty() && holder.id != id;
              if (other) return done({CatalogAnswer::taken, holder});
              if (entry_alone) return done({CatalogAnswer::incomplete, holder});
              std::vector<std::string> leftovers = leftovers_in_catalog(desired, body);
              std::vector<std::string> lacking = lacking_in_catalog(desired, body);
              if (own) {
                note_shown(desired, lacking);
                note_seen(*reading);
              }
              if (own && lacking.empty()) return done({CatalogAnswer::registered, {}, std::move(leftovers)});
              shown_ = std::move(body);
              const auto gone = [this](const std::string& service) { return shown_services_.contains(service); };
              const bool lost = !own || std::any_of(lacking.begin(), lacking.end(), gone);
              std::erase_if(lacking, gone);
              done({CatalogAnswer::incomplete, holder, std::move(leftovers), std::move(lacking), lost});
            });
}

// What the agent was sent is with the servers when it answers, or its syncer has failed: then it is to send it once more.
void AgentApi::note_seen(const CatalogEntry& entry) {
  if (entry.behind()) flushed_ = 0;
  for (const auto& [id, service] : entry.unseen()) {
    const auto unseen = unseen_.find(id);
    if (unseen != unseen_.end() && unseen->second == service) unseen_.erase(unseen);
  }
}

// What is no longer desired is forgotten. `lacking`: in the order of `desired`, as lacking_in_catalog() has it.
void AgentApi::note_shown(const Services& desired, const std::vector<std::string>& lacking) {
  std::set<std::string> shown;
  auto next = lacking.begin();
  for (const SharedJson& service : desired) {
    const std::string& id = service.id();
    const bool lacks = next != lacking.end() && *next == id;
    if (lacks) ++next;
    if (!lacks || shown_services_.contains(id)) shown.insert(id);
  }
  shown_services_ = std::move(shown);
}

void AgentApi::await_change(const std::string& node, Duration limit, std::function<void(bool)> done) {
  const bool checks = in_catalog_;
  const std::uint64_t index = checks ? std::max(index_, checks_index_) : index_;
  if (index_ == 0) return boost::asio::post(executor_, [done = std::move(done)] { done(false); });
  const std::string entry = (checks ? "/v1/health/node/" : "/v1/catalog/node/") + percent_encode(node);
  HttpRequest get = request("GET", entry, Key::registration);
  get.deadline = seconds(1);
  hold_until_newer(get, index, limit);
  work_.ask(std::move(get), [this, checks, done = std::move(done)](const HttpResult& answer) {
    const bool told = answer && answer->status == 200 && answer->index > 0;
    if (told && checks) checks_index_ = answer->index;
    done(told);
  });
}

// The members of a large cluster are read as they come, and by then it is known which of them matter.
void AgentApi::look_around(const NodeKey& own, std::function<void(const Result<Surroundings>&)> done) {
  ask_catalog(own, [this, own, done = std::move(done)](Result<std::vector<CatalogNode>> listed) mutable {
    auto seen = std::make_shared<Surroundings>();
    if (listed) seen->catalog = std::move(*listed);
    // Whom the address belongs to no agent can be asked by a filter: to its expressions that is no text.
    ask_members(own, seen->catalog, "", agent_deadline,
                [this, seen, listed = std::move(listed), done = std::move(done)](const Result<MemberSieve>& members) {
                  if (!members) return done(members.error());
                  facts_.members = members->members;
                  facts_.servers = members->living_servers;
                  if (!members->version.empty()) facts_.version = members->version;
                  if (!listed) return done(listed.error());
                  seen->members = members->kept();
                  done(std::move(*seen));
                });
  });
}

void AgentApi::ask_members(const NodeKey& own, const std::vector<CatalogNode>& catalog, const std::string& filter,
                           Duration deadline, std::function<void(const Result<MemberSieve>&)> done) {
  struct Reading {
    MemberSieve sieve;
    JsonValues list;
    Reading(const NodeKey& node, const std::vector<CatalogNode>& entries)
        : sieve(node, entries),
          list(
              [this](std::string_view, const Json& element) {
                if (auto member = read_member(element)) sieve.take(std::move(*member));
              },
              longest_member) {}
  };
  const auto reading = std::make_shared<Reading>(own, catalog);
  HttpRequest get = request("GET", "/v1/agent/members", Key::recovery);
  if (!filter.empty()) get.target += "?filter=" + percent_encode(filter);
  get.deadline = deadline;
  get.take = [reading](std::string_view piece) { reading->list.feed(piece); };
  work_.ask(std::move(get), [reading, done = std::move(done)](const HttpResult& answer) {
    if (const auto told = success_of(answer, "members"); !told) return done(told.error());
    if (!reading->list.list()) return done(no_list("members"));
    done(reading->sieve);
  });
}

void AgentApi::ask_catalog(const NodeKey& own, std::function<void(Result<std::vector<CatalogNode>>)> done) {
  struct Reading {
    std::vector<CatalogNode> nodes{};
    JsonValues list;
    explicit Reading(const NodeKey& node)
        : list(
              [this, node](std::string_view, const Json& element) {
                auto entry = read_catalog_node(element);
                if (entry && nodes.size() < most_entries && MemberSieve::concerns(node, *entry))
                  nodes.push_back(std::move(*entry));
              },
              longest_entry) {}
  };
  const auto reading = std::make_shared<Reading>(own);
  const std::string filter =
      fmt::format(R"(Address == "{}" or Node == "{}" or ID == "{}")", own.address, own.name, own.id);
  HttpRequest get = request("GET", "/v1/catalog/nodes?filter=" + percent_encode(filter), Key::registration);
  get.deadline = catalog_deadline;
  get.take = [reading](std::string_view piece) { reading->list.feed(piece); };
  work_.ask(std::move(get), [reading, done = std::move(done)](const HttpResult& answer) mutable {
    // Where the catalog may not be read there is nothing to be seen there; what the members show still holds.
    if (answer && answer->status == 403) return done(std::vector<CatalogNode>{});
    if (const auto told = success_of(answer, "catalog"); !told) return done(told.error());
    if (!reading->list.list()) return done(no_list("catalog"));
    done(std::move(reading->nodes));
  });
}

void AgentApi::look_at_member(std::function<void(MemberAnswer)> done) {
  HttpRequest get = request("GET", "/v1/agent/self", Key::recovery);
  get.deadline = member_deadline;
  member_.ask(std::move(get), [done = std::move(done)](const HttpResult& answer) {
    done(answer && answer->status == 200 ? parse_member(answer->body) : MemberAnswer::unanswered);
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

void AgentApi::join(JoinTargets targets, std::function<void(bool)> done) {
  reach_.emplace(
      executor_, targets.addresses, reach_deadline,
      [this, names = std::move(targets.names), done = std::move(done)](const std::optional<std::string>& peer) {
        if (!peer && names.empty()) return done(false);
        const std::string& whom = peer ? *peer : names[next_name_++ % names.size()];
        work_.ask(request("PUT", "/v1/agent/join/" + percent_encode(whom), Key::recovery),
                  [done](const HttpResult&) { done(true); });
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
  flushed_ = 0;  // what its checks were before is not known
  work_.ask(request("PUT", "/v1/agent/reload", Key::recovery),
            [done = std::move(done)](const HttpResult& answer) { done(success_of(answer, "reload")); });
}

void AgentApi::repeat_leave(const std::string& node, Done done) {
  HttpRequest put = request("PUT", "/v1/agent/force-leave/" + percent_encode(node), Key::registration);
  put.deadline = catalog_deadline;
  // It is answered when the message has gone out, some rounds of gossip later: no look at the catalog waits for that.
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

}  // namespace lictor
