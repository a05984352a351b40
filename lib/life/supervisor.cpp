#include "life/supervisor.hpp"

#include "life/turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;
using std::chrono::seconds;

Duration reserve(Duration whole, Duration wanted) { return std::min<Duration>(wanted, whole / 4); }

Duration backoff(Turn& turn, int times) {
  const Rules& rules = turn.rules();
  Duration wait = rules.restart_min;
  for (int i = 1; i < times && wait < rules.restart_max; ++i) wait *= 2;
  wait = std::min(wait, rules.restart_max);
  return std::chrono::duration_cast<milliseconds>(wait + wait * (turn.random(401) - 200) / 1000);
}

std::string how_it_ended(const AgentEnded& e) {
  if (e.not_executed) return e.not_executed->why;
  return e.code >= 0 ? fmt::format("exit code {}", e.code) : fmt::format("signal {}", e.signal);
}

// ---- launch

void Supervisor::launch_at(Time when) {
  own_.state = AgentState::waiting;
  own_.since = turn_.now;
  own_.deadline = when;
}

void Supervisor::launch() {
  own_.deadline.reset();
  own_.state = AgentState::launching;
  turn_.emit(Launch{++own_.launches});
}

void Supervisor::on(const Launched& e) {
  own_.process = Process{.pid = e.pid, .started = turn_.now};
  if (own_.end_by) {
    own_.state = AgentState::ending;
    return kill("it was started too late, for the stop");
  }
  own_.state = AgentState::running;
  own_.since = turn_.now;
}

void Supervisor::launch_failed() { own_.state = AgentState::none; }

void Supervisor::not_launched(const Problem& problem, bool was_calm, bool ever_ready) {
  if (!ever_ready && problem.exit != Exit::internal) return turn_.post(GiveUp{problem});
  turn_.say(Tone::error, to_string(problem));
  died(problem.why, was_calm, ever_ready);
}

// ---- the agent's end

// An agent has ended, or could not be started, and no stop was asked.
void Supervisor::died(const std::string& how, bool was_calm, bool ever_ready) {
  own_.deaths = was_calm ? 1 : own_.deaths + 1;
  if (!ever_ready && own_.deaths >= turn_.rules().give_up_after) {
    return turn_.post(GiveUp{
        Problem{"agent", fmt::format("died {} times before it was ever ready, at last with {}", own_.deaths, how),
                "its own last lines above say why, and restart.give_up_after how often to try", Exit::retry}});
  }
  const Duration wait = backoff(turn_, own_.deaths);
  turn_.say(Tone::info, "launching the agent again", {seconds_field(wait), {"deaths", own_.deaths}});
  launch_at(turn_.now + wait);
}

Supervisor::End Supervisor::ended(const AgentEnded& e) {
  const RestartReason reason = own_.process->ending.value_or(RestartReason::died);
  if (!turn_.stopping() && !e.not_executed) {
    ++own_.restarts[static_cast<std::size_t>(reason)];
    own_.last_restart = {reason, turn_.now};
  }
  const Field code = e.code >= 0 ? Field{"code", e.code} : Field{"signal", e.signal};
  End end{own_.state == AgentState::ending, turn_.agent_fields() + Fields{code}};
  own_.process.reset();
  own_.state = AgentState::none;
  return end;
}

void Supervisor::follow(const AgentEnded& e, const End& end, bool was_calm, bool ever_ready) {
  if (end.ordered) {
    turn_.say(Tone::info, "the agent has ended", end.fields);
    return launch_at(std::max(turn_.now, own_.not_before));
  }
  if (e.not_executed) return not_launched(*e.not_executed, was_calm, ever_ready);
  turn_.say(Tone::warn, "the agent has died", end.fields);
  died(how_it_ended(e), was_calm, ever_ready);
}

void Supervisor::look_for_fault(const AgentEnded& e) {
  if (e.code <= 0 || e.not_executed || own_.state != AgentState::waiting || !own_.deadline) return;
  turn_.emit(FindFault{own_.launches});
  own_.not_before = *own_.deadline;
  own_.deadline.reset();
}

// The next one waits for it. Where it has been launched all the same, something else has begun.
void Supervisor::on(const FaultFound& e) {
  if (e.after != own_.launches || own_.state != AgentState::waiting) return;
  if (e.problem && e.problem->exit == Exit::config) return turn_.post(GiveUp{*e.problem});
  if (e.problem) turn_.say(Tone::error, to_string(*e.problem));
  if (!own_.deadline) own_.deadline = std::max(turn_.now, own_.not_before);
}

// What is kept of a stop's time for ending the agent is not used up by waiting for it.
Time Supervisor::within_reserve(Time from, Duration wait) const {
  if (!own_.end_by) return from + wait;
  const Duration kept = reserve(turn_.rules().stop_timeout, ending_reserve);
  return std::min(from + wait, std::max(from + kept, *own_.end_by - kept));
}

Time Supervisor::end_of_terms() const { return within_reserve(own_.since, kill_after); }

// Ends the agent for good or for a restart. on_deadline() tells it again: one that is still about to start takes TERM and
// goes on (Consul's handler for signals during the start ends with it); and kills it where that does not help.
void Supervisor::terminate() {
  turn_.emit(EndAgent{SIGTERM});
  own_.deadline = std::min(turn_.now + term_interval, end_of_terms());
}

void Supervisor::kill(std::string_view why, Tone tone) {
  if (!std::exchange(own_.process->killed, true))
    turn_.say(tone, "killing the agent", turn_.agent_fields() + Fields{{"reason", std::string(why)}});
  turn_.emit(EndAgent{SIGKILL});
  own_.deadline = within_reserve(turn_.now, seconds(1));
}

void Supervisor::insist() {
  if (!own_.process->killed && turn_.now < end_of_terms()) return terminate();
  kill("it did not end when it was told to", Tone::warn);
}

void Supervisor::kill_hung(Duration silent, bool in_part) {
  const char* how = in_part ? "the agent is hung: it tells nothing of itself, though its servers answer; killing it"
                            : "the agent is hung, its API silent; killing it";
  if (!std::exchange(own_.process->killed, true))
    turn_.say(Tone::warn, how, turn_.agent_fields() + Fields{seconds_field(silent)});
  own_.process->ending = RestartReason::hung;
  turn_.emit(EndAgent{SIGKILL});
}

bool Supervisor::takes_restart(RestartReason reason, const Fields& more) {
  const Fields why = Fields{{"reason", to_string(reason)}} + more;
  if (own_.state == AgentState::waiting) {
    if (own_.deadline) own_.deadline = turn_.now;
    return false;
  }
  if (own_.state != AgentState::running) {
    turn_.say(Tone::info, "no restart: the agent is about to be started anyway", why);
    return false;
  }
  turn_.say(Tone::info, "restarting the agent without leaving", turn_.agent_fields() + why);
  return true;
}

void Supervisor::replace(RestartReason reason, Time when) {
  own_.state = AgentState::ending;
  own_.since = turn_.now;
  own_.process->ending = reason;
  own_.not_before = when;
  terminate();
}

void Supervisor::leaves_first() { own_.process->ending = RestartReason::renamed; }

void Supervisor::replace_left(bool by_kill) {
  own_.state = AgentState::ending;
  own_.since = turn_.now;
  own_.not_before = turn_.now;
  by_kill ? kill("it is replaced by one of another name") : terminate();
}

void Supervisor::leaves() {
  own_.state = AgentState::ending;
  own_.since = own_.not_before = turn_.now;
  own_.process->ending = RestartReason::left;
  own_.deadline = turn_.now + std::max<Duration>(turn_.rules().stop_timeout, kill_after);
}

void Supervisor::await_settings() {
  own_.state = AgentState::waiting;
  own_.since = turn_.now;
  own_.deadline.reset();
}

void Supervisor::launch_waiting() {
  if (own_.state == AgentState::waiting && !own_.deadline) own_.deadline = turn_.now;
}

void Supervisor::end_for_good(Time by, bool kill_it, std::string_view why) {
  own_.end_by = own_.deadline = by;
  own_.since = turn_.now;
  if (!own_.process) return;
  own_.state = AgentState::ending;
  kill_it ? kill(why) : terminate();
}

void Supervisor::stand_down() {
  if (own_.state == AgentState::waiting) own_.state = AgentState::none;
  own_.deadline.reset();
}

void Supervisor::on_deadline() {
  if (own_.state == AgentState::waiting) return launch();
  if (own_.state == AgentState::ending && !(own_.end_by && turn_.now - own_.since >= unkillable_after)) return insist();
  own_.deadline.reset();
  if (std::exchange(own_.end_by, {})) turn_.post(AgentRemains{});
}

const char* to_string(RestartReason reason) {
  switch (reason) {
    case RestartReason::died:
      return "died";
    case RestartReason::hung:
      return "hung";
    case RestartReason::asked:
      return "asked";
    case RestartReason::settings:
      return "settings";
    case RestartReason::address:
      return "address";
    case RestartReason::id_taken_back:
      return "id_taken_back";
    case RestartReason::gossip_shut_down:
      return "gossip_shut_down";
    case RestartReason::no_leader:
      return "no_leader";
    case RestartReason::renamed:
      return "renamed";
    case RestartReason::left:
      return "left";
  }
  return "";
}

}  // namespace lictor
