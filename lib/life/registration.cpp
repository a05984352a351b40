#include "life/registration.hpp"

#include "base/text.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;
using std::chrono::seconds;

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
}

void Registration::leader_found() {
  if (active()) {
    own_.task_at = turn_.now;
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
  if (own_.state == RegistrationStep::serving) return check_now(Sending::difference);
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
  } else {
    look();
  }
}

void Registration::send() {
  own_.sending = turn_.now;
  turn_.emit(SendServices{turn_.launch(), *std::exchange(own_.to_send, std::nullopt)});
  look_beside();
}

void Registration::send_later(Sending at_least) { own_.to_send = std::max(own_.to_send.value_or(at_least), at_least); }

// Hundreds of services take seconds, and for a name that is not this node's are sent in vain.
void Registration::look_beside() {
  if (own_.state == RegistrationStep::registering) own_.task_at = turn_.now + beside_sending;
}

void Registration::look() {
  own_.task_at.reset();
  if (own_.looking) return;
  own_.looking = true;
  turn_.emit(LookUpCatalog{turn_.launch()});
}

void Registration::send_again() {
  own_.task_at.reset();
  own_.sending_again = true;
  turn_.emit(SendAgain{turn_.launch(), own_.seen || !turn_.rules().acl});
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
  if (!e.failure.empty()) {
    send_later(Sending::difference);
  } else if (passed_on) {
    own_.held = turn_.now;
  } else if (e.changed || !own_.held) {
    // Kept from an agent before, or taken when there was no server to tell: what is not in the catalog has to be sent.
    own_.held = turn_.now - on_its_way;
  }
  if (!active()) return;
  if (e.failure.empty()) return register_more();
  note_failure(e.failure, e.refused);
  not_registered();
  // The catalog alone tells why: a former entry of this node, or another node, stands in the way.
  look();
}

void Registration::on(const SentAgain& e) {
  own_.sending_again = false;
  own_.sent_again = turn_.now;
  if (e.missing) send_later(Sending::difference);
  if (!active()) return;
  if (e.failure.empty()) {
    own_.blocked = false;
    return register_more();
  }
  note_failure(e.failure, e.refused);
  own_.task_at = turn_.now + until_sent_anew();
}

void Registration::note(const CatalogSeen& e) {
  own_.looking = false;
  own_.looked = true;
  own_.seen = own_.seen || shows_entry(e.answer);
}

void Registration::on(const CatalogSeen& e) {
  if (shows_entry(e.answer)) note_leftovers(e.leftovers);
  if (e.answer == CatalogAnswer::taken) return name_taken();
  if (own_.sending) return look_beside();  // what is missing is on its way
  const Duration waited = turn_.now - own_.since;
  const bool hidden = may_be_hidden(e.answer) && !own_.blocked && waited >= unseen_limit;
  const bool forbidden = e.answer == CatalogAnswer::forbidden || hidden;
  const bool good = e.answer == CatalogAnswer::registered || forbidden;
  const bool unsaid = e.answer == CatalogAnswer::failed && own_.registered;  // nobody said that it is not there
  if (!good && !unsaid) not_registered();
  // Sent in vain, or new settings came meanwhile and this answer is about the old ones.
  if (own_.to_send) return own_.failure.empty() ? register_more() : void(own_.task_at = turn_.now + until_sent_anew());
  if (hooks_are_due()) return register_more();  // looked at beside the sending
  if (good) return registered(forbidden);
  if (unsaid) {
    own_.task_at = turn_.now + seconds(1);
    return;
  }
  if (lost(e.answer)) return send_again();
  const Duration seldom = own_.blocked ? refusal_interval : Duration(seconds(1));
  own_.task_at = turn_.now + paced(turn_.now - own_.since, 20, milliseconds(2), seldom);
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
  own_.blocked = false;
  own_.failure.clear();
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
  // A server that has not yet heard of this node's return takes out what was just registered (leaveReconcile), and
  // that the agent only finds with its full sync. So the first look of those to come is when that is over.
  const std::optional<Time> sync = joining_.synced();
  own_.task_at = sync && *sync > turn_.now ? *sync : turn_.now + check_interval;
  if (own_.left_over.since && !own_.left_over.told)
    own_.task_at = std::min(*own_.task_at, *own_.left_over.since + left_over_limit);
}

}  // namespace lictor
