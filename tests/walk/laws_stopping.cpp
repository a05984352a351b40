// The stop, and the end (life/stopping.hpp). Laws: leave-once, settled, truth, quit-once, budget; of awake, that the
// node's entry is looked at.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::note_stop(bool leave, bool decided) {
  decided_ = decided;
  stop_at_ = now_;
  stop_leave_ = leave;
  launches_at_stop_ = launches_;
  asked_member_ = false;
  rules_at_stop_ = seen().rules();
}

void Walk::respond(const AskLeave& e) {
  const bool good = mostly(80);
  if (good) leave_completed_ = true;
  tell(LeaveAnswered{e.launch, good ? "" : "500"}, good ? "leave answered" : "leave refused");
}

void Walk::respond(const AwaitChange& e) {
  const bool told = mostly(80);
  tell(ChangeSeen{e.launch, told}, told ? "change" : "no change can be told");
}

void Walk::respond(const Deregister& e) {
  const bool good = mostly(60);
  came_back_ = came_back_ && !good;
  tell(Deregistered{e.launch, good ? "" : "403"}, good ? "deregistered" : "deregister refused");
}

void Walk::respond(const AwaitChildren&) { tell(ChildrenGone{}, "children gone"); }

void Walk::take(const AskLeave& e) {
  hold(agent_, "leave-once", "a leave without an agent");
  hold(!asked_leave_, "leave-once", "a second leave");
  hold(leave_first_ || (stop_at_ && stop_leave_ && !quit_signal_), "leave-once", "a leave that nobody asked for");
  hold(leave_first_ || decided(), "decided", "a leave before it was decided to leave");
  const bool overdue = stop_at_ && now_ >= *stop_at_ + at_least() / 2;
  hold(leave_first_ || asked_member_ || overdue, "leave-once", "an agent that may be leaving already is asked to");
  hold(holder_.empty() || holder_ == in_force_.own.address, "hands-off", "a leave in the name of another node");
  const Duration most = std::min<Duration>(settle_limit, (stop_at_ ? at_least() : seen().rules().stop_timeout) / 3);
  const bool reloading = std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) {
    return std::holds_alternative<Reload>(o.effect) || std::holds_alternative<Adopt>(o.effect);
  });
  hold((synced_ && !reloading) || now_ >= (stop_at_ ? *stop_at_ : *leave_first_) + most, "settled",
       "a leave before the agent's full sync, or in the middle of a reload");
  asked_leave_ = true;
  knew_leader_ = leader_;
  owe(e, e.deadline);
}

void Walk::take(const RepeatLeave&) {
  hold(asked_leave_ && agent_ && repeated_leave_ < most_repeats && !confirmed_, "leave-once",
       "the members are told again of a leave that was not asked for, or once too often");
  ++repeated_leave_;
}

void Walk::take(const AwaitChange& e) {
  hold(agent_ && asked_leave_ && e.limit > Duration{}, "leave-once", "a change is awaited where nothing is to change");
  owe(e, e.limit + seconds(1));
}

void Walk::take(const Deregister& e) {
  hold(asked_leave_ && agent_, "leave-once", "the node is taken out of the catalog, and has not been asked to leave");
  hold(confirmed_ || (repeated_leave_ == most_repeats && !taken_out_), "leave-once",
       "the node is taken out before its leave was told of again, or once too often");
  taken_out_ = true;
  came_back_ = confirmed_;
  owe(e, seconds(3));
}

void Walk::take(const AwaitChildren& e) {
  if (mostly(80)) owe(e, seconds(1));
}

void Walk::take(const Quit& e) {
  quit_ = true;
  hold(!agent_ && !launching_, "quit-once", "Quit with a live agent");
  if (!stop_at_ || failed_hook_) {
    hold_give_up();
    hold(e.exit != Exit::ok, "truth", "gave up and says all is well");
    return;
  }
  if (e.exit != Exit::ok || !stop_leave_ || launches_at_stop_ == 0) return;
  if (left_before_) return;
  const bool by_its_word = forbidden_ && leave_completed_ && knew_leader_;
  hold(asked_leave_ && !spoilt_ && !came_back_ && (confirmed_ || by_its_word), "truth",
       "says that the node has left without knowing it");
}

void Walk::hold_stopping() const {
  if (life_.stopping.step == StopStep::leaving && agent_ && !life_.stopping.stop->forbidden) {
    const bool looking = std::any_of(owed_.begin(), owed_.end(),
                                     [](const Owed& o) { return std::holds_alternative<LookUpCatalog>(o.effect); });
    hold(looking || (life_.stopping.task_at && *life_.stopping.task_at <= now_ + look_anyway), "awake",
         "nobody looks whether the node has left");
  }
}

// Of the stop: what the settings or the platform give it, whichever is less.
Duration Walk::budget() const {
  return grace_ ? std::min(rules_at_stop_.stop_timeout, *grace_) : rules_at_stop_.stop_timeout;
}

// What of that it has at least: of the platform's grace a tenth may be kept back.
Duration Walk::at_least() const { return grace_ ? budget() - budget() / 10 : budget(); }

void Walk::hold_budget() const {
  if (stop_at_ && !quit_) {
    hold(now_ - *stop_at_ <= budget() + sweep_limit + seconds(1), "budget", "the stop takes longer than its budget");
  }
}

}  // namespace lictor::walk
