// AgentApi's part that makes the agent's services those desired.
#include "agent_api/io/agent_answer.hpp"
#include "agent_api/io/agent_api.hpp"
#include "agent_api/node_check.hpp"
#include "agent_config/blocked_endpoints.hpp"
#include "base/json_parts.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

// Bytes of a service or check in the agent's lists.
constexpr std::size_t longest_value = 1 << 20;
// Some 2 ms of a slow CPU.
constexpr std::size_t weighed_at_once = 200;

}  // namespace

// One sending. What is under way holds it.
struct AgentApi::Delivery {
  std::string node;
  Services desired;
  std::function<void(Sent)> done;
  std::map<std::string, std::string> refused{};  // by the servers' word: id -> why
  std::optional<AgentServices> actual{};         // the agent's list; nothing: not asked for, or it may not be read
  std::set<std::string> kept{};       // by an agent before this one, as they are desired; and by this one, in name
  std::set<std::string> held_back{};  // desired ones that are not sent now
  std::map<std::string, Absence> absent{};  // that the agent lacks although it had them
  ServiceChanges changes{};
  std::map<std::string, std::vector<std::string>> tags{};           // instead of those defined
  std::vector<std::pair<std::string, std::string>> stale_checks{};  // service, check
  bool weighed_stale = false;
  int puts = 0;
  Sent sent{};

  bool agent_lacks(const std::string& id) const { return actual && !actual->contains(id); }
};

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

void AgentApi::forget_sent() {
  sent_.clear();
  may_end_.clear();
  unseen_.clear();
  sent_is_all_ = false;
}

void AgentApi::note_sent(const std::string& id, const SharedJson& service) {
  may_be_deregistered(service) ? void(may_end_.insert(id)) : void(may_end_.erase(id));
  sent_.insert_or_assign(id, service);
}

void AgentApi::note_not_there(const std::string& id) {
  sent_.erase(id);
  may_end_.erase(id);
  unseen_.erase(id);
}

void AgentApi::use_record(ServiceRecord record, std::function<void(const ServiceRecord&)> keep) {
  record_ = std::move(record);
  keep_ = std::move(keep);
}

std::string AgentApi::digest(const SharedJson& service) const {
  return fmt::format("{:016x}", fnv1a(service.text(), fnv1a(tokens_.registration + ' ' + tokens_.fallback)));
}

void AgentApi::send_services(const std::string& node, const Services& desired, Sending what,
                             std::function<void(Sent)> done) {
  const auto delivery = std::make_shared<Delivery>(Delivery{node, desired, std::move(done)});
  if (refused_last_) {
    std::map<std::string, std::string> names;
    for (const SharedJson& service : desired) names[service.id()] = text_of(*service, "Name");
    return ask_permission(std::move(names), [this, delivery](const Refusals& refusals) {
      // Where they can't be asked the agent is.
      if (refusals.services.empty()) return ask_list(delivery);
      tell_refusal(refusals.services, [this, delivery, services = refusals.services](const std::string& refusal) {
        for (const auto& [id, why] : services) delivery->refused[id] = refusal;
        ask_list(delivery);
      });
    });
  }
  auto news = what == Sending::news && sent_is_all_ ? service_news(desired, sent_) : std::nullopt;
  if (!news) return ask_list(delivery);
  delivery->changes = std::move(*news);
  deliver(delivery);
}

// ---- what is to be sent

void AgentApi::ask_list(const DeliveryPtr& delivery) {
  const auto actual = std::make_shared<AgentServices>(delivery->desired);
  const auto take = [actual](std::string_view id, const Json& service) { actual->add(std::string(id), service); };
  ask_each("/v1/agent/services", take, [this, delivery, actual](const HttpResult& answer, bool whole) {
    const bool unreadable = answer && answer->status == 403;
    if (const auto listed = success_of(answer, "list of the agent's services"); !listed && !unreadable) {
      delivery->sent.failure = to_string(listed.error());
      return delivered(*delivery);
    }
    // Without services of its own a node needs no token for them.
    if (unreadable) return weigh(delivery, nullptr, 0);
    if (whole) {
      delivery->actual = std::move(*actual);
      return ask_checks(delivery);
    }
    delivery->sent.failure = "list of the agent's services: the agent's answer is not JSON";
    delivered(*delivery);
  });
}

// What the agent says of all its services or checks: of thousands it takes tens of milliseconds to read. `whole`: it was an object.
void AgentApi::ask_each(const std::string& target, JsonValues::Take take,
                        std::function<void(const HttpResult& answer, bool whole)> done, JsonValues::Wanted wanted) {
  const auto values = std::make_shared<JsonValues>(std::move(take), longest_value, std::move(wanted));
  HttpRequest get = request("GET", target, Key::registration);
  get.take = [values](std::string_view piece) { values->feed(piece); };
  work_.ask(std::move(get), [values, done = std::move(done)](const HttpResult& answer) {
    done(answer, answer && answer->status == 200 && values->object());
  });
}

void AgentApi::read_checks(const std::string& target, std::function<void(const HttpResult&, ChecksPtr)> done) {
  const auto checks = std::make_shared<AgentChecks>();
  const auto take = [checks](std::string_view id, const Json& check) {
    checks->insert_or_assign(std::string(id), read_check(check));
  };
  ask_each(target, take, [checks, done = std::move(done)](const HttpResult& answer, bool whole) {
    done(answer, whole ? checks : nullptr);
  });
}

// Where they tell whether an agent before this one has what is desired, or why this one will have a service no more.
void AgentApi::ask_checks(const DeliveryPtr& delivery) {
  for (const SharedJson& service : delivery->desired) {
    const std::string& id = service.id();
    const auto known = record_.find(id);
    if (!sent_.contains(id) && !delivery->agent_lacks(id) && known != record_.end() &&
        known->second.digest == digest(service))
      delivery->kept.insert(id);
  }
  if (delivery->kept.empty() && may_end_.empty()) return weigh(delivery, nullptr, 0);
  read_checks("/v1/agent/checks",
              [this, delivery](const HttpResult&, const ChecksPtr& checks) { weigh(delivery, checks, 0); });
}

// Some at a time, for there may be thousands.
void AgentApi::weigh(const DeliveryPtr& delivery, const ChecksPtr& checks, std::size_t from) {
  const Time now = std::chrono::floor<Duration>(std::chrono::steady_clock::now());
  const std::size_t end = std::min(delivery->desired.size(), from + weighed_at_once);
  for (std::size_t i = from; i < end; ++i) weigh(*delivery, delivery->desired[i], checks, now);
  if (end < delivery->desired.size()) return later([this, delivery, checks, end] { weigh(delivery, checks, end); });
  later([this, delivery, checks] { compare(delivery, checks); });
}

void AgentApi::weigh(Delivery& delivery, const SharedJson& service, const ChecksPtr& checks, Time now) {
  const std::string& id = service.id();
  // Counts as sent what an agent before this one was sent, and this one has.
  if (checks && delivery.kept.contains(id)) {
    const Json body = *service;
    if (shown_by_agent(body, *delivery.actual, *checks)) {
      note_sent(id, service);
      maybe_stale_ |= record_[id].checks.size() > given_check_ids(body).size();
    }
  }
  if (const auto refused = delivery.refused.find(id); refused != delivery.refused.end()) {
    delivery.sent.faults.push_back({id, refused->second, true, lacks(delivery, id)});
    delivery.held_back.insert(id);
  }
  if (!delivery.agent_lacks(id)) return;
  const Absence absence = returns_.absent(service, sent_.contains(id), record_.contains(id), now);
  if (absence == Absence::none) return;
  delivery.absent[id] = absence;
  if (absence == Absence::deregistered) return;
  shown_services_.erase(id);  // the catalog has rightly lost it
  if (absence == Absence::waiting && delivery.held_back.insert(id).second)
    delivery.sent.faults.push_back(
        {id,
         fmt::format("{}: the agent has deregistered it again, as its check was critical for too long "
                     "(deregister_critical_service_after); it is registered again after a pause",
                     id),
         false, true});
}

void AgentApi::compare(const DeliveryPtr& delivery, const ChecksPtr& checks) {
  static const AgentServices unreadable;
  const AgentServices& actual = delivery->actual ? *delivery->actual : unreadable;
  if (delivery->actual) {
    if (checks) returns_.look(may_end_, *checks);
    // Others may have taken one out; what is there all the same is among the changes.
    std::vector<std::string> gone;
    for (const auto& [id, service] : sent_) {
      if (!actual.contains(id)) gone.push_back(id);
    }
    for (const std::string& id : gone) note_not_there(id);
  }
  delivery->changes = service_changes(delivery->desired, actual, sent_);
  std::erase_if(delivery->changes.put,
                [&](const SharedJson& service) { return delivery->held_back.contains(service.id()); });
  ask_tags(delivery);
}

void AgentApi::later(std::function<void()> step) {
  boost::asio::post(executor_, [step = std::move(step), process = std::weak_ptr(process_)] {
    if (!process.expired()) step();
  });
}

// What others have made of the tags is in the catalog, from where the agent takes it with its next full sync.
void AgentApi::ask_tags(const DeliveryPtr& delivery) {
  std::vector<SharedJson> theirs;
  for (const SharedJson& service : delivery->changes.put) {
    if (tags_may_be_theirs(service) && delivery->actual && !delivery->agent_lacks(service.id()))
      theirs.push_back(service);
  }
  if (theirs.empty()) return deliver(delivery);
  HttpRequest get =
      request("GET", "/v1/catalog/node/" + percent_encode(delivery->node) + "?consistent", Key::registration);
  get.deadline = catalog_deadline;
  work_.ask(std::move(get), [this, delivery, theirs = std::move(theirs)](const HttpResult& answer) {
    const Json entry = answer && answer->status == 200 ? foreign_json(answer->body) : Json();
    const Json& shown = object_of(entry, "Services");
    for (const SharedJson& service : theirs) {
      const std::string& id = service.id();
      const std::vector<std::string> there = shown.contains(id) ? tags_of(shown.at(id)) : delivery->actual->tags(id);
      const auto kept = record_.find(id);
      const std::vector<std::string> ours = tags_of(*service);
      delivery->tags[id] = merged_tags(kept == record_.end() ? ours : kept->second.tags, ours, there);
    }
    deliver(delivery);
  });
}

// ---- sent

// One at a time, in order: several connections are no faster (the agent takes them one by one). Each stands for itself: after
// one that is refused come the others; after one without an answer, nothing.
void AgentApi::deliver(const DeliveryPtr& delivery) {
  if (!delivery->changes.remove.empty()) return deliver_removal(delivery);
  if (!delivery->changes.put.empty()) return deliver_service(delivery);
  if (!std::exchange(delivery->weighed_stale, true) && maybe_stale_) {
    for (auto& [service, checks] : stale_checks(delivery->desired, sent_, record_)) {
      for (std::string& check : checks) delivery->stale_checks.emplace_back(service, std::move(check));
    }
    maybe_stale_ = !delivery->stale_checks.empty();
  }
  delivery->stale_checks.empty() ? delivered(*delivery) : deliver_stale_check(delivery);
}

void AgentApi::deliver_removal(const DeliveryPtr& delivery) {
  const std::string id = std::move(delivery->changes.remove.back());
  delivery->changes.remove.pop_back();
  delivery->sent.changed = true;
  HttpRequest put = request("PUT", "/v1/agent/service/deregister/" + percent_encode(id), Key::registration);
  work_.ask(std::move(put), [this, delivery, id](const HttpResult& answer) {
    const bool unknown = answer && answer->body.find("Unknown service") != std::string::npos;
    if (!unknown && !note_answer(*delivery, answer, id, "deregistering " + id)) return;
    if (unknown || answer->status == 200) {
      note_not_there(id);
      record_changed_ |= record_.erase(id) > 0;
    }
    deliver(delivery);
  });
}

void AgentApi::deliver_service(const DeliveryPtr& delivery) {
  SharedJson service = std::move(delivery->changes.put.back());
  delivery->changes.put.pop_back();
  delivery->sent.changed = true;
  const std::string& id = service.id();
  HttpRequest put = request("PUT", "/v1/agent/service/register", Key::registration);
  const auto tags = delivery->tags.find(id);
  if (tags != delivery->tags.end() || returns_.changes(service)) {
    Json body = returns_.body(*service);
    if (tags != delivery->tags.end()) body["Tags"] = tags->second;
    put.body = json_text(body);
  } else {
    put.body = service.text();
  }
  const std::size_t size = put.body.size();
  work_.ask(std::move(put), [this, delivery, id, size, service](const HttpResult& answer) {
    if (!note_answer(*delivery, answer, id, "registering " + id, size)) return;
    if (answer->status != 200) return deliver(delivery);
    maybe_stale_ |= note_taken(record_[id], *service, digest(service));
    record_changed_ = true;
    returns_.taken(id);
    if (const auto absent = delivery->absent.find(id); absent != delivery->absent.end())
      delivery->sent.returned.push_back({id, absent->second == Absence::critical});
    // With each change the agent sends the servers all that it has. Checks that it begins change soon after, and during many changes
    // they may do so twice: of these it is not known that nothing is to be sent because they are as they were.
    const auto before = sent_.find(id);
    const bool begins = service.mentions("Check") && (before == sent_.end() || !same_checks(*before->second, *service));
    if (begins || ++delivery->puts > 1) flushed_ = 0;
    if (begins && service.mentions(node_check_id)) ++node_checks_begun_;
    // One that the catalog has not shown before is looked for in any case.
    if (shown_services_.contains(id)) unseen_.insert_or_assign(id, service);
    note_sent(id, service);
    deliver(delivery);
  });
}

void AgentApi::deliver_stale_check(const DeliveryPtr& delivery) {
  const auto [service, check] = std::move(delivery->stale_checks.back());
  delivery->stale_checks.pop_back();
  delivery->sent.changed = true;
  HttpRequest put = request("PUT", "/v1/agent/check/deregister/" + percent_encode(check), Key::registration);
  work_.ask(std::move(put), [this, delivery, service = service, check = check](const HttpResult& answer) {
    const bool unknown = answer && answer->body.find("Unknown check") != std::string::npos;
    if (!unknown &&
        !note_answer(*delivery, answer, service, fmt::format("deregistering the check {} of {}", check, service)))
      return;
    if (unknown || answer->status == 200) {
      std::erase(record_[service].checks, check);
      record_changed_ = true;
    }
    deliver(delivery);
  });
}

// False: there was none, and the sending is over.
bool AgentApi::note_answer(Delivery& delivery, const HttpResult& answer, const std::string& id, const std::string& what,
                           std::size_t size) {
  std::string failure = registration_failure(answer, what, size);
  if (failure.empty()) return true;
  if (!answer) {
    delivery.sent.failure = std::move(failure);
    delivered(delivery);
    return false;
  }
  const bool permission = answer->status == 403 && blocked_hint(answer->body).empty();
  delivery.sent.faults.push_back({id, std::move(failure), permission, lacks(delivery, id)});
  return true;
}

// Where the list may not be read the agent has what it has taken.
bool AgentApi::lacks(const Delivery& delivery, const std::string& id) const {
  return delivery.actual ? delivery.agent_lacks(id) : !sent_.contains(id);
}

void AgentApi::delivered(Delivery& delivery) {
  Sent& sent = delivery.sent;
  sent.refused =
      std::any_of(sent.faults.begin(), sent.faults.end(), [](const auto& fault) { return fault.permission; });
  sent_is_all_ = sent.complete();
  refused_last_ = sent.refused;
  faulty_.clear();
  for (const ServiceFault& fault : sent.faults) faulty_.insert(fault.id);
  if (std::exchange(record_changed_, false) && keep_) keep_(record_);
  delivery.done(std::move(sent));
}

}  // namespace lictor
