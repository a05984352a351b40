#include "life/stopping.hpp"

#include "life/claims.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/registration.hpp"
#include "life/reloading.hpp"
#include "life/turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Quit quit_over(const Problem& problem) { return {problem.exit, to_string(problem)}; }

// It ends with the settings that it began with.
Time end_of(const Stop& stop, const Rules& rules) { return stop.asked + rules.stop_timeout; }

}  // namespace

std::optional<Time> out_of_time(const StoppingState& stopping, const Rules& rules) {
  if (!stopping.stop || stopping.step >= StopStep::ending) return std::nullopt;
  return end_of(*stopping.stop, rules);
}

void Stopping::enter(StopStep step) {
  own_.step = step;
  own_.since = turn_.now;
  own_.deadline.reset();
  own_.task_at.reset();
}

Time Stopping::end_of_time() const { return end_of(*own_.stop, turn_.rules()); }

Time Stopping::end_of_leave() const {
  return std::max(turn_.now, end_of_time() - reserve(turn_.rules(), killing_reserve));
}

void Stopping::trouble(const std::string& text) {
  if (own_.stop && own_.stop->leave && own_.stop->trouble.empty()) own_.stop->trouble = text;
}

// ---- its beginning

void Stopping::begin(bool leave, bool interrupt) {
  if (std::exchange(own_.goes_on, false)) {
    own_.stop->asked = turn_.now;
    own_.stop->leave = leave = leave || own_.stop->asked_to_leave;
    own_.stop->interrupted = interrupt;
  } else {
    own_.stop = Stop{.asked = turn_.now, .leave = leave, .interrupted = interrupt};
  }
  turn_.say(Tone::info, leave ? "stopping: the node leaves the cluster" : "stopping: the node stays in the catalog");
}

void Stopping::go_on(bool launching, bool restarting) {
  const bool leave = own_.stop->leave;
  if (own_.stop->asked_to_leave) return;
  if (restarting && turn_.process() && turn_.process()->killed) {
    if (!own_.left) trouble("the agent was being restarted, so it could not leave");
    return end_by_kill("it is replaced");
  }
  if (!turn_.process() && !launching) return turn_.launch() > 0 && !own_.left ? agent_missing() : sweep();
  // An agent that is already being ended can't be asked any more.
  if (restarting) trouble("the agent was being restarted, so it could not leave");
  if (!leave || restarting) return end_gently();
  enter(StopStep::settle);
  settle();
}

void Stopping::leave_first() {
  own_.goes_on = true;
  own_.stop = Stop{.asked = turn_.now};
  enter(StopStep::settle);
  settle();
}

void Stopping::leave_is_over() {
  const Stop stop = *own_.stop;
  if (!stop.trouble.empty())
    turn_.say(Tone::warn, "the node has not left under the name that it had", {{"reason", stop.trouble}});
  own_ = StoppingState();
  own_.left = stop.confirmed && !stop.came_back;
  turn_.post(LeaveOver{stop.confirmed, stop.asked_to_leave.has_value()});
}

void Stopping::give_up(const Problem& why) {
  own_.verdict = quit_over(why);
  sweep();
}

void Stopping::end_with(const Problem& why) { own_.verdict = quit_over(why); }

bool Stopping::second_interrupt() { return std::exchange(own_.stop->interrupted, true); }

void Stopping::cut_short(const char* why, bool agent) {
  if (own_.stop->leave && !own_.stop->confirmed) trouble(why);
  if (agent) end_by_kill(why);
}

// ---- settle, and hooks

void Stopping::settle() {
  const Duration most = std::min<Duration>(settle_limit, turn_.rules().stop_timeout / 3);
  const Time limit = own_.stop->asked + most;
  own_.deadline = limit;
  if (!turn_.process()) {
    // Its launch is under way, and what comes of it wakes the life.
    if (turn_.due(limit)) own_.deadline.reset();
    return;
  }
  const JoiningState& agent = others_.joining;
  // Servers that are back are told all there is, as new ones are: after a leave that would undo it. So would a reload.
  own_.deadline = others_.reloading.work.running ? limit : std::min(limit, agent.synced().value_or(limit));
  if (!turn_.due(own_.deadline)) {
    // Whose name is it? The time until the leave is enough to ask.
    if (agent.joined && !others_.registration.looked && !others_.registration.looking) turn_.post(LookAtCatalog{});
    return;
  }
  if (!agent.answered) {
    trouble("the agent's API never answered, so it could not be asked to leave");
    return end_by_kill("its API never answered");
  }
  if (own_.goes_on) return leave();
  enter(StopStep::pre_stop);
  own_.deadline = own_.stop->asked + turn_.rules().stop_timeout / 2;
  pre_stop();
}

void Stopping::pre_stop() {
  own_.task_at.reset();
  // One that is leaving already would break that off for a second request.
  if (!own_.stop->member) return turn_.post(LookAtMemberNow{});
  if (others_.hooks.done >= turn_.rules().pre_stop.size()) return leave();
  // A hook may be what tells the agent to leave.
  own_.task_at = turn_.now + look_at_member;
  others_.hooks.running ? turn_.post(LookAtMemberNow{}) : turn_.post(HookDue{HookKind::pre_stop});
}

void Stopping::still_member() {
  if (!in(StopStep::pre_stop) || std::exchange(own_.stop->member, true)) return;
  pre_stop();
}

void Stopping::hook_done() {
  own_.stop->member = false;
  pre_stop();
}

void Stopping::retry_hook() { own_.task_at = turn_.now + paced(turn_.now - own_.since, 4, seconds(1), seconds(30)); }

// ---- leaving

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
  stop.repeat_at = turn_.now + unheard_after;
  own_.deadline = end_of_leave();
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
    stop.confirmed = true;
    turn_.say(Tone::info, "a server confirmed the leave", {seconds_field(turn_.now - stop.asked)});
    enter(StopStep::linger);
    // Whoever has told the agent to leave waits for its answer.
    own_.deadline = stop.by_other ? end_of_leave() : std::min(turn_.now + turn_.rules().linger, end_of_leave());
    linger_on();
  } else if (answer == CatalogAnswer::forbidden) {
    stop.forbidden = true;
    if (stop.answered) left_by_its_own_word("the agent did not answer");
  } else {
    unconfirmed(there);
  }
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
  stop.repeat_at = turn_.now + repeat_after;
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

// ---- the agent's end

void Stopping::agent_missing() {
  trouble("the agent was not running, so it could not leave");
  sweep();
}

void Stopping::launch_failed() {
  if (in(StopStep::settle) || in(StopStep::ending)) agent_missing();
}

void Stopping::ended(const AgentEnded& e) {
  switch (own_.step) {
    case StopStep::leaving:
      if (e.code == 0) own_.stop->answered = true;
      return left_by_its_own_word(fmt::format("the agent ended during the leave ({})", how_it_ended(e)));
    case StopStep::linger:
    case StopStep::ending:
      return sweep();
    case StopStep::settle:
    case StopStep::pre_stop:
      return agent_missing();
    case StopStep::none:
    case StopStep::sweep:
    case StopStep::ended:
      return;
  }
}

void Stopping::end_gently() {
  if (own_.goes_on) return leave_is_over();
  enter(StopStep::ending);
  turn_.post(EndForGood{end_of_time(), false});
}

void Stopping::end_by_kill(const std::string& why) {
  if (own_.goes_on) return leave_is_over();
  enter(StopStep::ending);
  turn_.post(EndForGood{end_of_time(), true, why});
}

// ---- the end

void Stopping::sweep() {
  if (own_.goes_on) return leave_is_over();
  enter(StopStep::sweep);
  own_.deadline = turn_.now + sweep_grace;
  turn_.emit(SignalChildren{SIGTERM});
  turn_.emit(AwaitChildren{});
}

void Stopping::on_sweep() {
  if (!turn_.due(own_.deadline)) return;
  if (turn_.now - own_.since >= sweep_limit) return quit();
  turn_.emit(SignalChildren{SIGKILL});
  own_.deadline = turn_.now + milliseconds(50);
}

void Stopping::on(const ChildrenGone&) {
  if (in(StopStep::sweep)) quit();
}

void Stopping::quit() {
  enter(StopStep::ended);
  turn_.emit(last_words());
}

Quit Stopping::last_words() const {
  if (own_.verdict) return *own_.verdict;
  const Stop& stop = *own_.stop;
  if (!stop.trouble.empty()) {
    return quit_over(Problem{
        "leave", stop.trouble,
        fmt::format("if the node does not come back, `consul force-leave -prune {}` takes it out", turn_.own().name),
        Exit::incomplete});
  }
  if (stop.came_back) {
    return quit_over(Problem{"leave", "the node left, but its catalog entry came back and could not be taken out again",
                             "the servers take it out within a minute, or give the agent's default token node:write",
                             Exit::incomplete});
  }
  if (own_.left)
    return {Exit::ok,
            "the node has left the cluster, confirmed by a server; stopped before the next agent was started"};
  if (!stop.leave) return {Exit::ok, "stopped without leaving"};
  if (!stop.asked_to_leave) return {Exit::ok, "stopped before the agent was started; there was nothing to leave"};
  return {Exit::ok, stop.confirmed ? "the node has left the cluster, confirmed by a server"
                                   : "the node has left the cluster, by the agent's word"};
}

// ---- time

void Stopping::on_out_of_time() {
  trouble("the leave was not over within stop.timeout");
  end_by_kill("stop.timeout is over");
}

void Stopping::on_deadline() {
  switch (own_.step) {
    case StopStep::settle:
      return settle();
    case StopStep::pre_stop:
      turn_.say(Tone::warn,
                "the pre_stop hooks have used up their half of stop.timeout; leaving without waiting for them");
      return turn_.post(HooksOverdue{});
    case StopStep::leaving:
      return left_by_its_own_word("the leave was not over within stop.timeout");
    case StopStep::linger:
      return end_by_kill("it has left");
    default:
      own_.deadline.reset();
  }
}

void Stopping::on_task() {
  if (in(StopStep::pre_stop)) return pre_stop();
  own_.task_at.reset();
  if (in(StopStep::leaving) || in(StopStep::linger)) turn_.post(LookAtCatalog{});
}

}  // namespace lictor
