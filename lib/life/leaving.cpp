// The leave of a stop (life/stopping.hpp): from the request to the end of linger.
#include "life/claims.hpp"
#include "life/deciding.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/registration.hpp"
#include "life/stopping.hpp"
#include "life/turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;

void Stopping::leave() {
  if (others_.claims.held_elsewhere(turn_.own())) {
    // A leave in that name would be a leave of the other node.
    trouble(fmt::format("the name {} belongs to another node, at {}, so nothing was left", turn_.own().name,
                        others_.claims.contested->address));
    return end_gently();
  }
  await_leave();
  turn_.emit(AskLeave{turn_.launch(), *own_.deadline - turn_.now});
}

void Stopping::told_to_leave() {
  if (in(StopStep::deciding)) say_what(true, others_.deciding.verdict->evidence);
  await_leave();
  own_.stop->leave = own_.stop->by_other = true;
  // By the last looks; one that shows another node under our name has been permitted.
  own_.stop->forbidden = others_.registration.registered && !others_.registration.seen && !others_.claims.contested;
}

void Stopping::await_leave() {
  enter(StopStep::leaving);
  Stop& stop = *own_.stop;
  stop.asked_to_leave = turn_.now;
  stop.knew_leader = others_.joining.leader;
  stop.old_look = others_.registration.looking;
  own_.deadline = end_of_leave();
  stop.repeat_at = turn_.now + std::min<Duration>(unheard_after, (*own_.deadline - turn_.now) / 2);
  // A server takes the entry out 0.4 s after the request at the earliest.
  own_.task_at = turn_.now + milliseconds(200);
}

void Stopping::on(const CatalogSeen& e) {
  if (std::exchange(own_.stop->old_look, false)) {
    own_.task_at = turn_.now;
    return;
  }
  in(StopStep::linger) ? seen_while_lingering(shows_entry(e.answer)) : seen_while_leaving(e.answer);
}

void Stopping::seen_while_leaving(CatalogAnswer answer) {
  Stop& stop = *own_.stop;
  const bool there = shows_entry(answer);
  // What was never seen can't be seen to go.
  if (answer == CatalogAnswer::taken) answer = CatalogAnswer::gone;
  if (answer == CatalogAnswer::gone && !others_.registration.seen) answer = CatalogAnswer::forbidden;
  if (answer == CatalogAnswer::gone) {
    confirmed();
  } else if (answer == CatalogAnswer::forbidden) {
    stop.forbidden = true;
    if (stop.answered) left_by_its_own_word("the agent did not answer");
  } else {
    unconfirmed(there);
  }
}

void Stopping::confirmed() {
  Stop& stop = *own_.stop;
  stop.confirmed = true;
  turn_.say(Tone::info, "a server confirmed the leave", {seconds_field(turn_.now - stop.asked)});
  enter(StopStep::linger);
  const bool hooks = !own_.goes_on && !stop.by_other && hooks_last() && hooks_left();
  own_.deadline = hooks ? end_of_leave() : end_of_linger();
  if (hooks) turn_.post(HookDue{HookKind::pre_stop});
  linger_on();
}

Time Stopping::end_of_linger() const {
  // Whoever has told the agent to leave waits for its answer.
  if (own_.stop->by_other) return end_of_leave();
  const Time latest = cut() ? std::max(own_.since, own_.stop->asked + budget() / 2) : end_of_leave();
  return std::min(own_.since + turn_.rules().linger, latest);
}

void Stopping::unconfirmed(bool there) {
  Stop& stop = *own_.stop;
  if (there && stop.repeated <= most_repeats && turn_.now >= stop.repeat_at) tell_again();
  // Of a catalog that can't be read just now a change is not told either.
  there ? look_again(look_often) : void(own_.task_at = turn_.now + look_less_often);
  if (turn_.now < stop.repeat_at) own_.task_at = std::min(*own_.task_at, stop.repeat_at);
}

// Each time other members get the message. Where another one that serf sends, that the node is gone, did not get through, no
// repetition helps: the servers would find out some seconds after the agent's end.
void Stopping::tell_again() {
  Stop& stop = *own_.stop;
  if (stop.repeated == 0) turn_.say(Tone::warn, "the servers have not heard of the leave; telling them again");
  if (stop.repeated < most_repeats) {
    turn_.emit(RepeatLeave{turn_.launch()});
  } else {
    turn_.say(Tone::warn, "the servers have still not heard of the leave; taking the node out of the catalog");
    turn_.emit(Deregister{turn_.launch()});
  }
  ++stop.repeated;
  const Duration pace = (*own_.deadline - *stop.asked_to_leave) / 16;
  stop.repeat_at = turn_.now + std::clamp<Duration>(pace, milliseconds(50), repeat_after);
}

void Stopping::seen_while_lingering(bool there) {
  if (!there) return linger_on();
  // The agent's periodic full sync fell into the leave. Its next one is a minute away.
  turn_.say(Tone::warn, "the catalog entry came back after the leave; taking it out again");
  own_.stop->came_back = true;
  own_.task_at.reset();
  own_.deadline = end_of_leave();
  turn_.emit(Deregister{turn_.launch()});
}

// At once when the servers tell of a change, else by and by; `pace`: where they can't be asked to.
void Stopping::look_again(Duration pace) {
  Stop& stop = *own_.stop;
  const Duration left = *own_.deadline - turn_.now;
  if (!stop.untold && !stop.awaiting && left > Duration{}) {
    stop.awaiting = turn_.now;
    turn_.emit(AwaitChange{turn_.launch(), left});
  }
  // Once the agent is done leaving, there is not much time left for a word that was lost.
  const bool told_in_time = stop.awaiting && !(in(StopStep::leaving) && stop.answered);
  own_.task_at = turn_.now + (told_in_time ? look_anyway : pace);
}

// The last look is shortly before the end.
void Stopping::linger_on() {
  look_again(look_less_often);
  if (const Time last = *own_.deadline - look_less_often; last > turn_.now)
    own_.task_at = std::min(*own_.task_at, last);
}

void Stopping::on(const ChangeSeen& e) {
  if (!own_.stop) return;
  Stop& stop = *own_.stop;
  const std::optional<Time> since = std::exchange(stop.awaiting, std::nullopt);
  if (!in(StopStep::leaving) && !in(StopStep::linger)) return;
  stop.untold |= !e.told;
  // In a busy catalog there is always something to tell.
  if (own_.task_at && since) own_.task_at = std::min(*own_.task_at, std::max(turn_.now, *since + look_often));
}

void Stopping::on(const LeaveAnswered& e) {
  if (!in(StopStep::leaving)) return;
  Stop& stop = *own_.stop;
  stop.answered = e.failure.empty();
  stop.refusal = e.failure;
  if (stop.forbidden) return left_by_its_own_word("the agent did not answer");
  // The agent is done; a server's word can only be moments away.
  own_.deadline = std::min(*own_.deadline, turn_.now + last_look);
  if (own_.task_at) own_.task_at = turn_.now;
}

// No server confirmed, and none will any more: what is the agent's own word worth?
void Stopping::left_by_its_own_word(const std::string& instead) {
  const Stop& stop = *own_.stop;
  if (!stop.answered) {
    trouble(!stop.refusal.empty() ? "the agent did not leave: " + stop.refusal : instead);
  } else if (!stop.knew_leader) {
    trouble("the agent left, but it knew no server, so no server saw it");
  } else if (!stop.forbidden) {
    trouble("the agent says it left, but no server confirmed it");
  }
  turn_.process() ? end_by_kill(stop.answered ? "it has left" : "it did not leave") : sweep();
}

void Stopping::on(const Deregistered& e) {
  if (in(StopStep::leaving)) {
    if (e.failure.empty())
      own_.task_at = turn_.now;
    else
      turn_.say(Tone::warn, "the node could not be taken out of the catalog", {{"reason", e.failure}});
  }
  // Where the entry has not come back, the answer is to a request of before the confirmation.
  if (!in(StopStep::linger) || !own_.stop->came_back) return;
  own_.stop->came_back = !e.failure.empty();
  if (own_.stop->came_back)
    turn_.say(Tone::error, "the catalog entry could not be taken out again", {{"reason", e.failure}});
  own_.stop->by_other && !own_.stop->came_back ? linger_on() : end_by_kill("it has left");
}

}  // namespace lictor
