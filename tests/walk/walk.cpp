// What happens, and what is asked of the whole (life/life.hpp). Law: awake; of quit-once, that nothing follows.
#include "walk.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>
#include <vector>

namespace lictor::walk {

using std::chrono::seconds;

void hold(bool kept, const char* law, const char* how) {
  if (!kept) throw Broken(law, how);
}

void Walk::one() {
  std::array<int, 13> weights{}, what{};
  std::size_t possible = 0;
  const auto add = [&](int turn, int weight) {
    what[possible] = turn;
    weights[possible++] = weight;
  };
  if (!owed_.empty()) add(0, 62);
  add(1, 30);
  add(2, 2);
  add(3, 1);
  add(4, 3);
  // Settings on trial are a moment in which much could go wrong, and a short one.
  const bool on_trial = kept_ && agent_ && !answered_;
  if (agent_) add(5, on_trial ? 6 : 1);
  if (on_trial) add(7, 6);
  if (agent_ && gossip_) add(6, 1);
  add(8, 1);
  // So is the one between two names.
  if (asked_leave_ && !agent_ && !launching_ && !stop_at_) add(9, 20);
  if (agent_ && answered_ && !leaves_ && !asked_leave_) add(10, 1);
  if (agent_ && leader_) add(11, 1);
  add(12, 2);
  switch (what[choices_->among({weights.data(), possible})]) {
    case 0:
      return answer(among(owed_.size()));
    case 1:
      return pass_time();
    case 2:
      return signal(static_cast<SignalKind>(by_weight(9, 9, 9, 9, 9, 9, 2, 2)));
    case 3:
      return host_changes();
    case 4:
      return stale_answer();
    case 5:
      return agent_dies();
    case 6:
      gossip_ = false;
      return;
    case 7:
      return signal(SignalKind::reload);
    case 8:
      if (preparing_ || seen().reloading()) at_once_ = true;
      return tell(HostRenamed{}, "host renamed");
    case 9:
      return signal(SignalKind::restart);
    case 10:
      leaves_ = true;
      if (mostly(50)) tell(LeaveAnnounced{}, "the agent's log says that it leaves");
      return;
    case 11:
      doubt();
      return tell(ServersDoubted{}, "the agent's log doubts the servers");
    case 12:
      note_to_read();
      return tell(SettingsChanged{}, "a settings file has changed");
  }
}

void Walk::signal(SignalKind kind) {
  static const char* const names[] = {"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "leave", "RTMIN+1"};
  const bool by_policy = kind == SignalKind::terminate || kind == SignalKind::interrupt;
  const bool ordered = kind == SignalKind::leave || kind == SignalKind::stay;
  const bool stops = by_policy || ordered || kind == SignalKind::quit;
  if (kind == SignalKind::quit) quit_signal_ = true;
  if (stops && !stop_at_ && !given_up_) {
    // A leave that is under way is that of the stop from here on.
    const bool leaves = rejoins_ && agent_;
    if (leaves) knew_leader_ = leader_;
    const bool stays = seen().rules().stop_policy == StopPolicy::stay;
    // Until the platform has said otherwise it is to leave.
    note_stop((!stays && (by_policy || kind == SignalKind::leave)) || leaves,
              stays || !by_policy || leaves || (life_.stopping.goes_on && asked_leave_));
  }
  if (kind == SignalKind::restart) restart_asked_ = true;
  if (kind == SignalKind::reload && note_to_read()) at_once_ = true;
  tell(Signal{kind}, names[static_cast<int>(kind)]);
}

void Walk::to_the_end() {
  if (!quit_ && !stop_at_) signal(SignalKind::terminate);
  for (int extra = 0; !quit_; ++extra) {
    hold(extra < 20000, "awake", "the stop does not come to an end");
    one();
  }
  hold(step(life_, {now_, Tick{}}).empty(), "quit-once", "an effect after Quit");
}

void Walk::pass_time() {
  std::optional<Time> until = next_wake(life_);
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (!until || owed_[i].latest <= *until) {
      until = owed_[i].latest;
      first = i;
    }
  }
  hold(until.has_value(), "awake", "nothing is owed and there is no time to wake up at");
  if (*until > now_ && seldom(20)) {
    now_ += upto(*until - now_);
    return;
  }
  now_ = std::max(now_, *until);
  first ? answer(*first) : tell(Tick{}, "tick");
}

void Walk::stale_answer() {
  if (launches_ < 1) return tell(Tick{}, "tick");
  const int old = agent_ ? launches_ - 1 : launches_;
  switch (among(13)) {
    case 0:
      return tell(Probed{old, ProbeAnswer::leader, 3}, "stale probe");
    case 1:
      return tell(ServicesSent{old, ""}, "stale services");
    case 2:
      return tell(CatalogSeen{old, mostly(50) ? CatalogAnswer::gone : CatalogAnswer::registered}, "stale catalog");
    case 3:
      return tell(LeaveAnswered{old, ""}, "stale leave");
    case 4:
      return tell(Deregistered{old, ""}, "stale deregistration");
    case 5:
      return tell(LookedAround{old, {}, ""}, "stale look around");
    case 6:
      return tell(Cleared{old, ClearAnswer::cleared, ""}, "stale clearing");
    case 7:
      return tell(Joined{old}, "stale join");
    case 8:
      return tell(SentAgain{old, "", false}, "stale sending again");
    case 9:
      return tell(ChangeSeen{old, false}, "stale change");
    case 10:
      return tell(Flushed{old, true}, "stale flush");
    case 11:
      return tell(NewsSeen{old, NodePart::checks, NewsAnswer::differs, StandingAnswer::failed}, "stale news");
    default:
      return tell(HookEnded{old, ""}, "stale hook");
  }
}

void Walk::answer(std::size_t index) {
  const Effect effect = owed_[index].effect;
  fresh_ = owed_[index].after_leave;
  owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(index));
  std::visit([this](const auto& e) { respond(e); }, effect);
}

void Walk::tell(Happening what, const char* name) {
  note_full_sync();
  note_turn_has_come();
  turns_.push_back({now_, name, seen().phase()});
  const std::vector<Effect> effects = step(life_, {now_, std::move(what)});
  count_killings(effects);
  note_registered();
  for (const Effect& effect : effects) {
    ++effects_;
    hold(!quit_, "quit-once", "an effect after Quit");
    std::visit([this](const auto& e) { take(e); }, effect);
  }
  hold_awaited();
  hold_in_force();
  hold_spread();
  hold_registration();
  hold_stopping();
  hold_flushed();
  hold_replaced();
  hold_heard();
  hold_rest();
  hold_budget();
  hold_decided();
  hold(next_wake(life_).value_or(Time::max()) > now_, "awake", "the life wakes up where nothing is to be done");
}

void Walk::owe(const Effect& effect, Duration most) { owed_.push_back({effect, now_ + upto(most), asked_leave_}); }

}  // namespace lictor::walk
