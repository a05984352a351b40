// Services, hooks and catalog (life/registration.hpp). Laws: ready, each; of awake, that something is done to register.
#include "walk.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lictor::walk {

using std::chrono::seconds;

namespace {

bool is_registering(const Owed& owed) {
  return std::holds_alternative<SendServices>(owed.effect) || std::holds_alternative<LookUpCatalog>(owed.effect) ||
         std::holds_alternative<SendAgain>(owed.effect) || std::holds_alternative<LookAtMember>(owed.effect) ||
         std::holds_alternative<RunHook>(owed.effect);
}

}  // namespace

void Walk::respond(const SendServices& e) {
  const bool good = mostly(80);
  const bool refused = !good && seldom(50), changed = mostly(50);
  if (changed) paused_ = now_;
  // One that is refused, and that the agent has as it was before, or not at all.
  const std::vector<ServiceFault> faults(refused, {"db", "403", changed, changed});
  sent_ = sent_ || good || (refused && (!changed || ever_registered_));
  // What was refused is looked at once more when it is not.
  calm_ = calm_ && good && !changed && !refused_;
  if (good || refused) refused_ = refused;
  unsent_ = !good;
  const bool registered = seen().registered();
  tell(ServicesSent{e.launch, good || refused ? "" : "no answer", changed, faults}, good      ? "services sent"
                                                                                    : refused ? "a service refused"
                                                                                              : "services not sent");
  hold(!registered || seen().registered(), "each", "what was not sent or not taken has cost the node what it has");
}

void Walk::respond(const SendAgain& e) {
  const bool good = mostly(70);
  told_of_difference_ = told_of_difference_ || (e.altered && !good);
  tell(SentAgain{e.launch, good ? "" : "403", !good && seldom(50), seldom(10), {}, good},
       good ? "sent again" : "not sent again");
}

void Walk::respond(const LookUpCatalog& e) {
  using A = CatalogAnswer;
  static constexpr A living[] = {A::registered, A::gone,  A::incomplete, A::forbidden,
                                 A::failed,     A::taken, A::incomplete};
  static constexpr A left[] = {A::gone, A::registered, A::incomplete, A::forbidden, A::failed, A::taken, A::incomplete};
  // A node that is registered anew is watched anew.
  for (HeardOf& heard : heard_) {
    heard.in_haste.clear();
    if (seen().phase() != Phase::serve) heard.lately.clear();
  }
  const std::size_t chosen = by_weight(19, 19, 12, 18, 18, 8, 6);
  CatalogAnswer answer = (asked_leave_ || leaves_ ? left : living)[chosen];
  if (e.entry_alone && answer == A::registered) answer = A::incomplete;
  const bool awaited = chosen == 6;  // nothing that was there is gone
  const bool taken = answer == CatalogAnswer::taken;
  const bool elsewhere = taken && seldom(50);
  if (answer != CatalogAnswer::failed && answer != CatalogAnswer::forbidden)
    holder_ = elsewhere ? "10.0.0.9" : taken ? in_force_.own.address : "";
  if (answer == CatalogAnswer::incomplete || answer == CatalogAnswer::registered) seen_ = true;
  if (answer != CatalogAnswer::failed) {
    const bool believed = std::exchange(believed_, false);
    gone_ = answer == CatalogAnswer::gone && seen_ && !believed;
  }
  const bool unreadable = answer == CatalogAnswer::forbidden || ((answer == CatalogAnswer::gone || taken) && !seen_);
  if (fresh_ && unreadable) forbidden_ = true;
  if (fresh_ && (answer == CatalogAnswer::gone || taken) && seen_) confirmed_ = true;
  // An entry that was asked for alone says nothing of the services.
  const bool alone = e.entry_alone && answer == CatalogAnswer::incomplete;
  if (!asked_leave_ && answer != CatalogAnswer::failed && !alone)
    catalog_ = answer == CatalogAnswer::registered || (unreadable && !taken) || (awaited && ever_registered_);
  static const char* const names[] = {"catalog: gone",      "catalog: incomplete", "catalog: registered",
                                      "catalog: forbidden", "catalog: failed",     "catalog: taken"};
  const char* const id = in_force_.own.id == "another id" ? "a third id" : "another id";
  const bool leftovers = answer == CatalogAnswer::registered && seldom(10);
  // While services are sent or to be sent, or a hook runs, a look tells of nothing but the entry, nor where that begins with it.
  const bool busy = life_.registration.sending || life_.registration.to_send ||
                    life_.hooks.done < life_.reloading.in_force.rules.post_start.size();
  calm_ = answer == CatalogAnswer::registered && !busy && !leftovers && !told_of_difference_ && !refused_ && !unsent_;
  const NodeKey holder{"n1", id, elsewhere ? "10.0.0.9" : in_force_.own.address};
  tell(CatalogSeen{e.launch, answer, holder, leftovers ? std::vector<std::string>{"old"} : std::vector<std::string>{},
                   awaited ? std::vector<std::string>{"db"} : std::vector<std::string>{}, !awaited, e.entry_alone},
       awaited ? "catalog: lacks a new service" : names[static_cast<int>(answer)]);
}

void Walk::take(const SendServices& e) { owe(e, seconds(10)); }

void Walk::take(const LookUpCatalog& e) {
  const auto tells = [](const HeardOf& heard) { return heard.good && !heard.differs; };
  const bool told = tells(heard_[0]) && tells(heard_[1]);
  hold(!calm_ || !told || !ready(life_) || !leader_, "rest",
       "the catalog is looked at, and the servers would have told of a change");
  owe(e, seconds(3));
}

void Walk::take(const SendAgain& e) {
  hold(!gone_, "hands-off", "the catalog is written to, and the agent was not asked whether it leaves");
  hold(agent_ && !stop_at_ && !asked_leave_, "hands-off", "the catalog is written to without an agent, or in a stop");
  hold(!e.altered || told_of_difference_, "rest", "what no server has told to be otherwise is written");
  if (e.altered) told_of_difference_ = false;
  calm_ = false;
  owe(e, seconds(10));
}

void Walk::hold_registration() {
  ever_registered_ = ever_registered_ || seen().registered();
  if (ready(life_)) {
    hold(!asked_leave_, "ready", "ready though the agent is known to leave");
    hold(agent_ && sent_ && catalog_ && hooks_done_ >= hooks_wanted_, "ready",
         "ready without services, hooks and catalog");
    hold(leader_ || (joined_ && !closes_ && !in_force_.rules.ready_needs_leader), "ready",
         "ready without a leader, or with an agent that answers nobody");
    ever_ready_ = true;
  }
  if (seen().phase() == Phase::registering) {
    // One that has been killed is as good as gone.
    hold(killed_ || life_.registration.task_at || std::any_of(owed_.begin(), owed_.end(), is_registering), "awake",
         "nothing is done to register");
  }
}

}  // namespace lictor::walk
