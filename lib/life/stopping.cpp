#include "life/stopping.hpp"

#include "life/claims.hpp"
#include "life/deciding.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/messages.hpp"
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
Time end_of(const Stop& stop, const Rules& rules) { return stop.asked + budget_of(stop, rules); }

}  // namespace

Duration budget_of(const Stop& stop, const Rules& rules) {
  if (!stop.grace) return rules.stop_timeout;
  return std::min<Duration>(rules.stop_timeout, *stop.grace - std::min<Duration>(grace_kept, *stop.grace / 10));
}

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

Duration Stopping::budget() const { return budget_of(*own_.stop, turn_.rules()); }

bool Stopping::cut() const { return budget() < turn_.rules().stop_timeout; }

Time Stopping::end_of_time() const { return end_of(*own_.stop, turn_.rules()); }

Time Stopping::end_of_leave() const { return std::max(turn_.now, end_of_time() - reserve(budget(), killing_reserve)); }

void Stopping::trouble(const std::string& text) {
  if (own_.stop && own_.stop->leave && own_.stop->trouble.empty()) own_.stop->trouble = text;
}

// ---- its beginning

bool Stopping::begin(bool interrupt) {
  if (!std::exchange(own_.goes_on, false)) own_.stop = Stop{};
  own_.stop->asked = turn_.now;
  own_.stop->interrupted = interrupt;
  if (!own_.stop->asked_to_leave) {
    enter(StopStep::deciding);
    return true;
  }
  say_what(true, "it has begun to leave already");
  return false;
}

void Stopping::say_what(bool leave, const std::string& evidence) {
  Fields fields{{"policy", to_string(turn_.rules().stop_policy)}};
  if (!evidence.empty()) fields.push_back({"evidence", evidence});
  if (own_.stop->grace) fields.push_back({"grace", format_duration(*own_.stop->grace)});
  turn_.say(Tone::info, leave ? "stopping: the node leaves the cluster" : "stopping: the node stays in the catalog",
            std::move(fields));
}

void Stopping::decided(const Decided& what, bool launching, bool restarting) {
  if (!in(StopStep::deciding)) return;
  own_.stop->leave = what.verdict.leave;
  own_.stop->grace = what.grace;
  say_what(what.verdict.leave, what.verdict.evidence);
  go_on(launching, restarting);
}

void Stopping::go_on(bool launching, bool restarting) {
  const bool leave = own_.stop->leave;
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
  const Duration most = std::min<Duration>(settle_limit, budget() / 3);
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
  own_.deadline = own_.stop->asked + budget() / 2;
  pre_stop();
}

bool Stopping::hooks_last() const { return cut() && budget() < 2 * leave_takes; }

bool Stopping::hooks_left() const { return others_.hooks.done < turn_.rules().pre_stop.size(); }

void Stopping::pre_stop() {
  own_.task_at.reset();
  // One that is leaving already would break that off for a second request.
  if (!own_.stop->member) return turn_.post(LookAtMemberNow{});
  if (!hooks_left() || hooks_last()) return leave();
  // A hook may be what tells the agent to leave.
  own_.task_at = turn_.now + look_at_member;
  others_.hooks.running ? turn_.post(LookAtMemberNow{}) : turn_.post(HookDue{HookKind::pre_stop});
}

void Stopping::still_member() {
  if (!in(StopStep::pre_stop) || std::exchange(own_.stop->member, true)) return;
  pre_stop();
}

void Stopping::hook_done() {
  if (in(StopStep::linger)) return hooks_left() ? turn_.post(HookDue{HookKind::pre_stop}) : hooks_over();
  own_.stop->member = false;
  pre_stop();
}

void Stopping::retry_hook() {
  if (in(StopStep::linger)) return hooks_over();
  own_.task_at = turn_.now + paced(turn_.now - own_.since, 4, seconds(1), seconds(30));
}

// There is no time to run one once more.
void Stopping::hooks_over() { own_.deadline = std::min(*own_.deadline, end_of_linger()); }

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
    case StopStep::deciding:  // what to do without it is told by the decision
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
  if (in(StopStep::linger) && others_.hooks.running)
    turn_.say(Tone::warn, "the pre_stop hooks are not over in time; ending the agent without waiting for them");
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

// By what somebody has told; empty: nobody has.
std::string Stopping::evidence() const {
  const auto& verdict = others_.deciding.verdict;
  return verdict && verdict->told ? fmt::format(" ({})", verdict->evidence) : "";
}

Quit Stopping::last_words() const {
  if (own_.verdict) return *own_.verdict;
  const Stop& stop = *own_.stop;
  if (stop.leave && !stop.trouble.empty()) {
    return quit_over(Problem{
        "leave", stop.trouble + evidence(),
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
  if (!stop.leave)
    return {Exit::ok, "stopped without leaving; a node that does not come back is a failed member" + evidence()};
  if (!stop.asked_to_leave) return {Exit::ok, "stopped before the agent was started; there was nothing to leave"};
  return {Exit::ok, std::string("the node has left the cluster, ") +
                        (stop.confirmed ? "confirmed by a server" : "by the agent's word") + evidence()};
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
