#include "life/registration.hpp"

#include "agent_api/services.hpp"
#include "base/text.hpp"
#include "life/catalog_watch.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool is_about(const std::vector<ServiceFault>& faults, const std::string& id) {
  return std::any_of(faults.begin(), faults.end(), [&id](const ServiceFault& fault) { return fault.id == id; });
}

}  // namespace

// ---- states

void Registration::enter(RegistrationStep state) {
  own_.state = state;
  own_.since = turn_.now;
  own_.task_at.reset();
}

void Registration::ended() {
  const std::optional<Time> first_ready = own_.first_ready;
  own_ = {};
  own_.first_ready = first_ready;
}

void Registration::pause() {
  own_.state = RegistrationStep::off;
  own_.task_at.reset();
  own_.unsettled = false;
}

void Registration::leader_found(Duration without) {
  if (active()) {
    const Duration most = std::min({without, joining_.members * look_spread_of_each, look_spread});
    own_.task_at = turn_.now + Duration(turn_.random(static_cast<std::uint64_t>(most.count()) + 1));
    // The servers have ended a question, and may have lost something.
    own_.unlooked = own_.unlooked || !watch_.covers();
    return;
  }
  enter(RegistrationStep::registering);
  register_more();
}

// The catalog shows what the agent before had registered: this one can take its services while it joins.
void Registration::agent_answers() {
  if (turn_.in(Phase::join) && own_.first_ready && own_.to_send) send();
}

void Registration::on_task() {
  if (waits_for_leader()) return;
  if (own_.state == RegistrationStep::serving && !own_.unsettled) return check_now(Sending::difference);
  if (active()) return own_.sending ? look() : register_more();
  own_.task_at.reset();
}

void Registration::check_now(Sending at_least) {
  if (!active()) return;
  send_later(at_least);
  register_more();
}

// ---- what is to be done next

bool Registration::hooks_are_due() const { return hooks_.done < turn_.rules().post_start.size(); }

void Registration::register_more() {
  own_.task_at.reset();
  if (own_.sending) return look_beside();
  if (own_.looking || own_.sending_again || hooks_.running) return;
  if (own_.to_send) {
    send();
  } else if (hooks_are_due()) {
    turn_.post(HookDue{HookKind::post_start});
  } else if (needs_no_look()) {
    rest();
  } else {
    look();
  }
}

// The servers would have told of it.
bool Registration::needs_no_look() const {
  return own_.state == RegistrationStep::serving && own_.registered && watch_.comes_to_cover() && !own_.differs &&
         !own_.unlooked && !own_.open_since && !own_.left_over.since;
}

void Registration::part_differs() {
  own_.differs = true;
  if (own_.state == RegistrationStep::serving) register_more();
}

void Registration::send() {
  own_.sending = turn_.now;
  turn_.emit(SendServices{turn_.launch(), *std::exchange(own_.to_send, std::nullopt)});
  look_beside();
}

void Registration::send_later(Sending at_least) { own_.to_send = std::max(own_.to_send.value_or(at_least), at_least); }

// Hundreds of services take seconds, and for a name that is not this node's are sent in vain. Thousands take a minute, and a server
// goes through all of them at each look.
void Registration::look_beside() {
  if (own_.state != RegistrationStep::registering) return;
  own_.task_at = turn_.now + paced(turn_.now - *own_.sending, 4, beside_sending, beside_sending_most);
}

// Nobody could say what the catalog has, and each question would be a line of the agent's log.
bool Registration::waits_for_leader() {
  if (!active() || joining_.leader) return false;
  own_.task_at = turn_.now + without_leader;
  return true;
}

void Registration::look() {
  own_.task_at.reset();
  if (own_.looking) return;
  if (waits_for_leader()) return;
  own_.looking = true;
  turn_.emit(LookUpCatalog{turn_.launch(), own_.sending.has_value()});
}

void Registration::send_again() {
  own_.task_at.reset();
  own_.sending_again = own_.unlooked = true;
  turn_.emit(SendAgain{turn_.launch(), own_.seen || !turn_.rules().acl});
}

// The leader shows the node and all its services; what else there is may be other than the agent's.
void Registration::mend() {
  own_.differs = false;
  if (own_.sending_again) return;
  own_.task_at.reset();
  own_.sending_again = own_.mending = own_.unlooked = true;
  turn_.emit(SendAgain{turn_.launch(), true, true});
}

void Registration::mended(const SentAgain& e) {
  if (e.changed)
    turn_.say(Tone::warn, "the catalog had something of this node otherwise than its agent; it is as the agent has it");
  own_.differs = own_.differs || !e.failure.empty();
  if (e.missing) send_later(Sending::difference);
  if (!e.failure.empty())
    turn_.say(Tone::warn, "the catalog has something of this node otherwise than its agent", {{"reason", e.failure}});
  if (!active()) return;
  if (e.failure.empty()) return register_more();
  registered(false);
}

void Registration::hook_done() { register_more(); }

void Registration::retry_hook() {
  own_.task_at = turn_.now + paced(turn_.now - own_.since, 4, seconds(1), seconds(30));
}

// ---- answers

void Registration::on(const ServicesSent& e) {
  const bool passed_on = e.changed && joining_.led && *own_.sending >= *joining_.led;
  own_.sending.reset();
  if (e.changed) turn_.post(SyncerPaused{passed_on});
  const bool waits = waits_for(e.faults);
  if (e.failure.empty()) note_faults(waits ? std::vector<ServiceFault>{} : e.faults);
  note_returns(e.returned);
  const bool failed = waits || !e.failure.empty();
  own_.unlooked = own_.unlooked || e.changed;
  if (failed) {
    send_later(Sending::difference);
  } else if (passed_on) {
    own_.held = turn_.now;
  } else if (e.changed || !own_.held) {
    // Kept from an agent before, or taken when there was no server to tell: what is not in the catalog has to be sent.
    own_.held = turn_.now - on_its_way;
  }
  if (!active()) return;
  own_.unsettled = !failed && own_.first_ready;
  if (!failed) return register_more();
  const bool refused =
      std::any_of(e.faults.begin(), e.faults.end(), [](const auto& fault) { return fault.permission; });
  note_failure(e.failure.empty() ? describe(e.faults) : e.failure, refused);
  // The catalog alone tells why: a former entry of this node, or another node, stands in the way.
  look();
}

// Whether the node can't be ready for want of what was refused. One that has been does not lose it by that.
bool Registration::waits_for(const std::vector<ServiceFault>& faults) const {
  return !own_.first_ready &&
         std::any_of(faults.begin(), faults.end(), [](const auto& fault) { return fault.missing; });
}

void Registration::note_faults(const std::vector<ServiceFault>& faults) {
  for (const ServiceFault& fault : faults) {
    // A missing permission is worded by whoever was asked, the agent or a server.
    const auto said = [&](const ServiceFault& other) {
      return other == fault || (other.id == fault.id && other.permission && fault.permission);
    };
    if (std::any_of(own_.faults.begin(), own_.faults.end(), said)) continue;
    turn_.say(Tone::warn,
              fault.missing ? "a service is not registered"
                            : "a service is not registered as it is defined now: its former definition stays in force",
              {{"service", fault.id}, {"reason", fault.reason}});
  }
  own_.faults = faults;
}

void Registration::note_returns(const std::vector<ServiceReturn>& returned) {
  for (const ServiceReturn& service : returned) {
    turn_.say(Tone::warn,
              service.critical ? "the agent had deregistered a service, as its check was critical for too long; it is "
                                 "registered again, and critical until its check passes"
                               : "somebody had deregistered a service of this node; it is registered again",
              {{"service", service.id}});
  }
}

void Registration::on(const SentAgain& e) {
  own_.sending_again = false;
  if (std::exchange(own_.mending, false)) return mended(e);
  own_.sent_again = turn_.now;
  if (e.missing) send_later(Sending::difference);
  if (!active()) return;
  if (e.failure.empty()) {
    own_.blocked = false;
    return register_more();
  }
  note_failure(e.failure, e.refused);
  own_.unwritten = e.faults;
  if (!own_.awaited.empty()) return registered(false);
  own_.task_at = turn_.now + until_sent_anew();
}

void Registration::note(const CatalogSeen& e) {
  own_.looking = false;
  own_.looked = true;
  own_.seen = own_.seen || shows_entry(e.answer);
}

void Registration::on(const CatalogSeen& e) {
  if (shows_entry(e.answer) && !e.entry_alone) note_leftovers(e.leftovers);
  if (e.answer == CatalogAnswer::taken) return name_taken();
  if (own_.sending) return look_beside();  // what is missing is on its way
  if (e.entry_alone) return register_more();
  const Duration waited = turn_.now - own_.since;
  const bool hidden = may_be_hidden(e.answer) && !own_.blocked && waited >= unseen_limit;
  const bool forbidden = e.answer == CatalogAnswer::forbidden || hidden;
  const bool good = e.answer == CatalogAnswer::registered || forbidden;
  const bool unsaid = e.answer == CatalogAnswer::failed && own_.registered;  // nobody said that it is not there
  const bool comes = e.answer == CatalogAnswer::incomplete && !e.lost && own_.first_ready;
  if (!unsaid) own_.awaited = comes ? e.awaited : std::vector<std::string>{};
  own_.unsettled = own_.unsettled && comes;
  if (!good && !unsaid && !comes) not_registered();
  // Sent in vain, or new settings came meanwhile and this answer is about the old ones.
  if (own_.to_send) return own_.failure.empty() ? register_more() : void(own_.task_at = turn_.now + until_sent_anew());
  if (hooks_are_due()) return register_more();  // looked at beside the sending
  if (good) return shown(forbidden);
  if (unsaid) {
    own_.task_at = turn_.now + seconds(1);
    return;
  }
  if (comes && (refused_by_agent(e.awaited) || comes_late())) return shown(false);
  if (lost(e.answer)) return send_again();
  const Duration seldom = own_.blocked ? refusal_interval : Duration(seconds(1));
  const Time since = comes ? std::max(own_.since, own_.held.value_or(own_.since)) : own_.since;
  own_.task_at = turn_.now + paced(turn_.now - since, 20, milliseconds(2), seldom);
}

void Registration::shown(bool unseen) {
  registered(unseen);
  if (own_.differs) unseen ? void(own_.differs = false) : mend();
}

// What the agent has taken and the catalog does not show, as where the token may write it and not read it.
bool Registration::comes_late() const { return own_.held && turn_.now - *own_.held >= unseen_limit; }

bool Registration::refused_by_agent(const std::vector<std::string>& ids) const {
  return std::all_of(ids.begin(), ids.end(), [this](const std::string& id) { return is_about(own_.faults, id); });
}

void Registration::doubted() { own_.registered = false; }

void Registration::name_taken() {
  not_registered();
  own_.task_at = turn_.now + paced(turn_.now - own_.since, 5, milliseconds(50), seconds(2));
  turn_.post(NameTaken{});
}

// ---- what an answer means

// With ACLs an entry that may not be read looks like none.
bool Registration::may_be_hidden(CatalogAnswer answer) const {
  return turn_.rules().acl && !own_.seen && answer == CatalogAnswer::gone;
}

// What the agent has and the catalog lacks: where it has been there, or has had the time to come there, it is lost or was
// never let in, and the agent does not know that it has to be sent.
bool Registration::lost(CatalogAnswer answer) const {
  if (!own_.held || answer == CatalogAnswer::failed) return false;
  const Time told = std::max(*own_.held, own_.sent_again.value_or(*own_.held));
  return (own_.shown && *own_.shown >= told) || turn_.now - told >= time_to_come(answer);
}

Duration Registration::time_to_come(CatalogAnswer answer) const {
  const bool again = own_.sent_again && *own_.sent_again >= *own_.held;
  if (own_.blocked && !again && !may_be_hidden(answer))
    return {};  // it has not come before, and no agent sends it twice
  if (own_.blocked) return refusal_interval;
  return again ? paced(turn_.now - own_.since, 2, on_its_way, seconds(60)) : on_its_way;
}

Duration Registration::until_sent_anew() const {
  if (own_.blocked) return refusal_interval;
  return paced(turn_.now - own_.since, 10, milliseconds(20), seconds(5));
}

void Registration::note_failure(const std::string& failure, bool refused) {
  own_.blocked = refused;
  if (own_.failure == failure) return;
  turn_.say(Tone::warn, "not registered yet", {{"reason", failure}});
  own_.failure = failure;
}

// Just given up, it may still be on its way out.
void Registration::note_leftovers(const std::vector<std::string>& ids) {
  LeftOver& left_over = own_.left_over;
  if (ids.empty()) left_over = {};
  if (!ids.empty() && !left_over.since) left_over.since = turn_.now;
  left_over.ids = ids;
  if (!left_over.lasts(turn_.now) || std::exchange(left_over.told, true)) return;
  turn_.say(Tone::warn, "the catalog still shows services that this node's agent has given up",
            {{"services", lictor::join(ids, " ")}});
}

std::vector<ServiceFault> open_faults(const RegistrationState& registration) {
  std::vector<ServiceFault> all = registration.faults;
  const auto& awaited = registration.awaited;
  for (const ServiceFault& fault : registration.unwritten) {
    if (!is_about(all, fault.id) && std::find(awaited.begin(), awaited.end(), fault.id) != awaited.end())
      all.push_back(fault);
  }
  if (registration.unsettled) return all;
  for (const std::string& id : awaited) {
    if (!is_about(all, id))
      all.push_back({id, id + ": the agent has it, and the catalog does not show it", false, true});
  }
  return all;
}

void Registration::not_registered() {
  if (own_.state == RegistrationStep::serving) {
    turn_.say(Tone::warn, "the catalog no longer shows what this node registered; registering again");
    enter(RegistrationStep::registering);
  }
  own_.registered = false;
}

void Registration::registered(bool unseen) {
  own_.registered = true;
  own_.shown = turn_.now;
  own_.unlooked = false;
  if (refused_by_agent(own_.awaited)) {
    own_.blocked = false;
    own_.failure.clear();
  }
  const bool open = !own_.faults.empty() || !own_.awaited.empty();
  if (!open) own_.open_since.reset();
  if (open && !own_.open_since) own_.open_since = turn_.now;
  if (!own_.first_registered) own_.first_registered = turn_.now;
  if (!own_.first_ready) own_.first_ready = turn_.now;
  const bool anew = own_.state != RegistrationStep::serving;
  if (anew) {
    enter(RegistrationStep::serving);
    turn_.say(Tone::info,
              unseen ? "registered, by the agent's word: the catalog may not be read (ACL: node:read)" : "registered",
              turn_.agent_fields() + Fields{seconds_field(turn_.now - turn_.process()->started)});
  }
  turn_.post(Registered{anew});
  rest();
}

void Registration::rest() {
  own_.unsettled = false;
  // A server that has not yet heard of this node's return takes out what was just registered (leaveReconcile), and
  // that the agent only finds with its full sync. So the first look of those to come is when that is over.
  const std::optional<Time> sync = joining_.synced();
  own_.task_at = sync && *sync > turn_.now ? *sync : turn_.now + check_interval;
  if (own_.open_since)
    own_.task_at =
        std::min(*own_.task_at, turn_.now + paced(turn_.now - *own_.open_since, 4, refusal_interval, check_interval));
  if (own_.left_over.since && !own_.left_over.told)
    own_.task_at = std::min(*own_.task_at, *own_.left_over.since + left_over_limit);
}

}  // namespace lictor
