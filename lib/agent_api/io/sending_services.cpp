// AgentApi's part that makes the agent's services those desired.
#include "agent_api/io/agent_answer.hpp"
#include "agent_api/io/agent_api.hpp"
#include "agent_config/blocked_endpoints.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lictor {

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

void AgentApi::use_tokens(Tokens tokens) {
  if (tokens.registration != tokens_.registration || tokens.fallback != tokens_.fallback) forget_sent();
  tokens_ = std::move(tokens);
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
          sent.refused = sent.rejected = true;
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
      so_far.rejected |= answer && answer->status >= 400;
    }
    if (!answer) return done(std::move(so_far));
    send_changes(std::move(changes), std::move(done), std::move(so_far));
  });
}

}  // namespace lictor
