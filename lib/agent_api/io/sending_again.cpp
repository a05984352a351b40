// AgentApi's part that brings back to the catalog what it has lost (agent_api/services.hpp says why not by the agent).
#include "agent_api/io/agent_api.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

// While a service is written its checks go on: what they have become meanwhile is written once more, so often at most.
constexpr int most_rounds = 3;

}  // namespace

// One attempt. What is under way holds it.
struct AgentApi::Again {
  NodeKey own;
  bool seen, altered;
  Json shown;  // the catalog's entry; null: none
  std::function<void(Sent)> done;
  Json node, services, checks;
  std::map<std::string, Json> due, told;  // registrations by service id
  std::vector<std::string> gone;          // told, and since then taken out of the agent
  int rounds = 0;
  Sent sent;

  void fail(const std::string& failure, bool refused) {
    sent.failure += (sent.failure.empty() ? "" : "; ") + failure;
    sent.refused |= refused;
  }
};

void AgentApi::send_again(const NodeKey& own, const Services& desired, bool seen, bool altered,
                          std::function<void(Sent)> done) {
  auto again = std::make_shared<Again>();
  again->own = own;
  again->seen = seen;
  again->altered = altered;
  again->shown = std::exchange(shown_, nullptr);
  again->done = std::move(done);
  own_ids_.clear();
  for (const SharedJson& service : desired) own_ids_.insert(service.id());
  if (altered) return again_altered(again);
  again_read(again, [this, again] {
    if (!again->shown.is_null()) {
      again->node = node_fields(again->shown.value("Node", Json::object()));
      return again_ask(again);
    }
    ask_own_entry(again->own, [this, again](const Json& node) {
      if (!node.is_object()) {
        again->fail("the agent does not tell of itself", false);
        return again->done(std::move(again->sent));
      }
      again->node = node;
      again->seen ? again_node(again) : again_ask(again);
    });
  });
}

// The agent's services and checks, as they are now.
void AgentApi::again_read(const std::shared_ptr<Again>& again, std::function<void()> then) {
  work_.ask(request("GET", "/v1/agent/services", Key::registration),
            [this, again, then = std::move(then)](const HttpResult& services) mutable {
              const bool told = services && services->status == 200;
              again->services = told ? foreign_json(services->body) : Json();
              work_.ask(request("GET", "/v1/agent/checks", Key::registration),
                        [again, then = std::move(then)](const HttpResult& checks) {
                          const bool told = checks && checks->status == 200;
                          again->checks = told ? foreign_json(checks->body) : Json();
                          if (again->services.is_object() && again->checks.is_object()) return then();
                          again->fail("the agent does not tell what it has", false);
                          again->done(std::move(again->sent));
                        });
            });
}

// The node's entry, with the agent's own token, which is the one that may write it.
void AgentApi::again_node(const std::shared_ptr<Again>& again) {
  HttpRequest put = request("PUT", "/v1/txn", Key::agent);
  put.body = json_text(node_transaction(again->node));
  put.deadline = catalog_deadline;
  work_.ask(std::move(put), [this, again](const HttpResult& answer) {
    const bool denied = answer && answer->body.find("Permission denied") != std::string::npos;
    if (denied || (answer && answer->status == 403)) {
      again->fail(fmt::format("the node's entry in the catalog: {} ({} needs node:write on \"{}\")",
                              denied ? "Permission denied" : answer->body, agent_token_name(), again->own.name),
                  true);
      return again->done(std::move(again->sent));
    }
    // 409: something is there already, as where a server has been quicker.
    if (!answer || (answer->status != 200 && answer->status != 409)) {
      again->fail("the node's entry in the catalog: " + (answer ? answer->body : answer.error().why), false);
      return again->done(std::move(again->sent));
    }
    again_ask(again);
  });
}

// ---- what is there, and is not what the agent has

void AgentApi::ask_leader_for(NodePart part, const std::string& node,
                              std::function<void(const std::shared_ptr<NodePartReader>&)> done) {
  HttpRequest get = request("GET", node_part_target(node, part) + "?consistent", Key::registration);
  get.deadline = catalog_deadline;
  const auto reader = std::make_shared<NodePartReader>(part);
  get.take = [reader](std::string_view piece) { reader->feed(piece); };
  work_.ask(std::move(get), [reader, done = std::move(done)](const HttpResult& answer) {
    done(answer && answer->status == 200 && reader->whole() ? reader : nullptr);
  });
}

void AgentApi::again_altered(const std::shared_ptr<Again>& again) {
  ask_leader_for(NodePart::services, again->own.name, [this, again](const std::shared_ptr<NodePartReader>& services) {
    ask_leader_for(NodePart::checks, again->own.name, [=, this](const std::shared_ptr<NodePartReader>& checks) {
      if (!services || !checks) again->fail("no server tells what it has of this node", false);
      // Without an entry of ours there is nothing to be put right.
      if (!services || !checks || text_of(services->entry(), "ID") != again->own.id)
        return again->done(std::move(again->sent));
      again_read(again, [=, this] {
        ask_own_entry(again->own, [=, this](const Json& node) {
          again->node = node_fields(services->entry());
          const bool other = node.is_object() && digest_of_entry(node) != digest_of_entry(services->entry());
          if (other) again->node = node;
          again->due = altered_registrations(again->node, *services, *checks, again->services, again->checks);
          if (other) again->due.try_emplace("", node);
          const PartDigests shown = checks->digests();
          const bool held = std::any_of(shown.begin(), shown.end(),
                                        [](const PartDigest& check) { return check.which == alive_part; });
          held ? again_permit(again) : again_alive(again);
        });
      });
    });
  });
}

void AgentApi::again_alive(const std::shared_ptr<Again>& again) {
  if (leaving_) return again->done({"the node leaves", false, false});
  HttpRequest put = request("PUT", "/v1/txn", Key::agent);
  put.body = json_text(Json::array({node_transaction(again->node).at(1)}));
  put.deadline = catalog_deadline;
  work_.ask(std::move(put), [this, again](const HttpResult& answer) {
    again->sent.changed |= answer && answer->status == 200;
    again_permit(again);
  });
}

// ---- what is written

void AgentApi::again_ask(const std::shared_ptr<Again>& again) {
  again->due = lost_registrations(again->node, again->shown, again->services, again->checks);
  for (const std::string& id : own_ids_) again->sent.missing |= !again->services.contains(id) && !faulty_.contains(id);
  // The entry itself is written by now; its own checks are not.
  if (again->shown.is_null() && again->seen) {
    if (auto own = catalog_registration(again->node, "", again->services, again->checks)) again->due.emplace("", *own);
  }
  again_permit(again);
}

// With ACLs: which of them the servers would take. To try would be a line in the agent's log and in the servers'.
void AgentApi::again_permit(const std::shared_ptr<Again>& again) {
  if (token_.empty()) return again_put(again);
  std::map<std::string, std::string> names;
  for (const auto& [id, registration] : again->due) {
    if (!id.empty()) names[id] = registration.at("Service").value("Service", "");
  }
  ask_permission(std::move(names), [this, again](const Refusals& refusals) {
    std::map<std::string, std::string> ours;
    for (const auto& [id, why] : refusals.services) {
      again->due.erase(id);
      if (own_ids_.contains(id)) ours.emplace(id, why);
    }
    if (!refusals.failure.empty()) again->fail(refusals.failure, false);
    if (ours.empty()) return again_put(again);
    tell_refusal(ours, [this, again, ours](std::string failure) {
      for (const auto& [id, why] : ours) again->sent.faults.push_back({id, failure, true, true});
      again->fail(failure, true);
      again_put(again);
    });
  });
}

void AgentApi::again_put(const std::shared_ptr<Again>& again) {
  if (leaving_) return again->done({"the node leaves", false, false});
  if (!again->gone.empty()) {
    HttpRequest put = request("PUT", "/v1/catalog/deregister", Key::registration);
    put.body = json_text(Json{{"Node", again->own.name}, {"ServiceID", again->gone.back()}});
    put.deadline = catalog_deadline;
    again->gone.pop_back();
    return work_.ask(std::move(put), [this, again](const HttpResult&) { again_put(again); });
  }
  if (again->due.empty()) return again_compare(again);
  auto next = again->due.extract(again->due.begin());
  HttpRequest put = request("PUT", "/v1/catalog/register", next.key().empty() ? Key::agent : Key::registration);
  put.body = json_text(next.mapped());
  // An agent tries for 7 s to find a leader for it. What is given up before may be written later, over what has changed since.
  again->told.insert_or_assign(next.key(), std::move(next.mapped()));
  work_.ask(std::move(put), [this, again, id = next.key()](const HttpResult& answer) {
    // Of an entry that was not seen its fields may differ, and the agent's own sync is the one to mend them.
    const bool forbidden = answer && answer->status == 403;
    if ((!answer || answer->status != 200) && own_ids_.contains(id) && !(forbidden && !again->seen)) {
      const std::string failure = registration_failure(answer, "registering " + id);
      again->sent.faults.push_back({id, failure, forbidden, true});
      again->fail(failure, forbidden);
    }
    if (!answer) return again->done(std::move(again->sent));
    again->sent.changed |= answer->status == 200;
    again_put(again);
  });
}

// What has changed in the agent while it was written: where the agent was quicker with its own word, ours was the older one.
void AgentApi::again_compare(const std::shared_ptr<Again>& again) {
  if (again->told.empty() || ++again->rounds >= most_rounds) return again->done(std::move(again->sent));
  again_read(again, [this, again] {
    for (auto& [id, registration] : std::exchange(again->told, {})) {
      auto now = catalog_registration(again->node, id, again->services, again->checks);
      if (!now) {
        if (!id.empty()) again->gone.push_back(id);
      } else if (*now != registration) {
        again->due.emplace(id, std::move(*now));
      }
    }
    if (again->due.empty() && again->gone.empty()) return again->done(std::move(again->sent));
    again_put(again);
  });
}

// A check that passes and goes on passing has nothing that an agent would send at once, and there may be thousands. Which of
// them are gone has to be known of services alone that the agent may take out.
void AgentApi::flush(bool anew, std::function<void(bool)> done) {
  if (anew) flushed_ = 0;
  digest_checks([this, done = std::move(done)](const HttpResult& answer, std::optional<std::uint64_t> digest) mutable {
    if (!digest) return done(answer && answer->status == 403);
    if (*digest == flushed_ || leaving_) return done(false);
    read_checks(checks_target(),
                [this, digest = *digest, done = std::move(done)](const HttpResult&, const ChecksPtr& checks) {
                  if (!checks) return done(false);
                  returns_.look(may_end_, *checks);
                  const auto free = std::find_if(sent_.begin(), sent_.end(), [&checks](const auto& service) {
                    return !checks->contains("_service_maintenance:" + service.first);
                  });
                  if (free == sent_.end() || leaving_) return done(false);
                  flushed_ = digest;
                  const std::string id = percent_encode(free->first);
                  work_.ask(request("PUT", "/v1/agent/service/maintenance/" + id + "?enable=false", Key::registration),
                            [done](const HttpResult& flushed) { done(flushed && flushed->status == 403); });
                });
  });
}

std::string AgentApi::checks_target() const {
  return may_end_.empty() ? "/v1/agent/checks?filter=" + percent_encode(R"(Status != "passing")") : "/v1/agent/checks";
}

void AgentApi::digest_checks(std::function<void(const HttpResult&, std::optional<std::uint64_t>)> done) {
  const auto digest = std::make_shared<std::uint64_t>(fnv1a(""));
  HttpRequest get = request("GET", checks_target(), Key::registration);
  get.take = [digest](std::string_view piece) { *digest = fnv1a(piece, *digest); };
  work_.ask(std::move(get), [digest, done = std::move(done)](const HttpResult& answer) {
    done(answer, answer && answer->status == 200 ? std::optional(*digest) : std::nullopt);
  });
}

void AgentApi::ask_permission(std::map<std::string, std::string> names, std::function<void(Refusals)> done) {
  auto refusals = std::make_shared<Refusals>();
  auto next = std::make_shared<std::function<void()>>();
  auto left = std::make_shared<std::map<std::string, std::string>>(std::move(names));
  *next = [this, refusals, left, weak = std::weak_ptr(next), done = std::move(done)] {
    if (left->empty() || !refusals->failure.empty()) return done(std::move(*refusals));
    std::map<std::string, std::string> some;
    while (!left->empty() && some.size() < permission_limit) some.insert(left->extract(left->begin()));
    HttpRequest put = request("PUT", "/v1/txn", Key::registration);
    put.body = json_text(permission_question(some));
    put.deadline = catalog_deadline;
    work_.ask(std::move(put), [refusals, some, next = weak.lock()](const HttpResult& answer) {
      if (answer && answer->status == 409) {
        refusals->services.merge(refusals_in(some, answer->body));
      } else if (answer && answer->status == 403) {
        for (const auto& [id, name] : some) refusals->services.emplace(id, answer->body);
      } else {
        refusals->failure = "permissions: " + (answer ? answer->body : answer.error().why);
      }
      (*next)();
    });
  };
  (*next)();
}

// In one line, with the token's accessor where the servers tell it: newer ones in the refusal itself.
void AgentApi::tell_refusal(const std::map<std::string, std::string>& refusals, std::function<void(std::string)> done) {
  if (refused_) refused_();
  std::vector<std::string> ids;
  for (const auto& [id, why] : refusals) ids.push_back(id);
  std::string why = refusals.begin()->second;
  while (!why.empty() && why.back() == '\n') why.pop_back();
  std::string text = fmt::format("registering {}: 403 {} ({} needs service:write and node:read)",
                                 lictor::join(ids, ", "), why, registration_token_name());
  if (why.find("AccessorID") != std::string::npos || why.find("not found") != std::string::npos)
    return done(std::move(text));
  work_.ask(request("GET", "/v1/acl/token/self", Key::registration),
            [text = std::move(text), done = std::move(done)](const HttpResult& answer) mutable {
              const Json token = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
              const std::string accessor = token.is_object() ? text_of(token, "AccessorID") : "";
              if (!accessor.empty()) text += "; the token's accessor is " + accessor;
              done(std::move(text));
            });
}

}  // namespace lictor
