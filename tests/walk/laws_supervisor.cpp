// The agent's process (life/supervisor.hpp). Laws: one-agent, no-comeback, no-shortcut, told, give-up.
#include "walk.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace lictor::walk {

using std::chrono::milliseconds;

void Walk::respond(const Launch&) {
  launching_ = false;
  if (seldom(10)) {
    const Exit exit = mostly(50) ? Exit::not_found : Exit::internal;
    if (kept_ && exit != Exit::internal && !stop_at_ && !given_up_) did_not_start_ = true;
    return tell(LaunchFailed{Problem{"agent", "no", "", exit}}, "launch failed");
  }
  agent_ = true;
  left_before_ = false;
  launched_with_ = version_;
  unanswered_.reset();
  answered_ = false;
  const std::size_t kind = by_weight(70, 10, 20);
  mute_ = kind == 1;
  deaf_ = kind == 2;
  worked_.reset();
  launched_at_ = now_;
  killed_ = told_to_end_ = false;
  tell(Launched{1000 + launches_}, "launched");
}

void Walk::agent_dies() {
  const bool clean = (asked_leave_ || leaves_) && mostly(50);
  if (!answered_ && !clean && mostly(20))
    return end_agent_process({127, 0, Problem{"agent", "no", "", mostly(50) ? Exit::not_found : Exit::internal}});
  end_agent_process(clean ? AgentEnded{0, 0} : mostly(50) ? AgentEnded{1, 0} : AgentEnded{-1, SIGKILL});
}

void Walk::end_agent_process(const AgentEnded& how) {
  if (how.code == 0 && leaves_ && !life_.stopping.goes_on) note_departure();
  agent_ = false;
  if (kept_ && !answered_ && !replaced_ && !stop_at_ && !given_up_) did_not_start_ = true;
  if (how.code == 0 && asked_leave_) leave_completed_ = true;
  forget_agent();
  if (seen().held()) at_once_ = unread_ = true;
  tell(how, "agent ended");
}

// What was owed by the agent that is no more never comes.
void Walk::forget_agent() {
  std::erase_if(owed_, [](const Owed& o) {
    return std::holds_alternative<Probe>(o.effect) || std::holds_alternative<SendServices>(o.effect) ||
           std::holds_alternative<LookUpCatalog>(o.effect) || std::holds_alternative<RunHook>(o.effect) ||
           std::holds_alternative<SendAgain>(o.effect) || std::holds_alternative<AwaitChange>(o.effect) ||
           std::holds_alternative<Flush>(o.effect) || std::holds_alternative<AskLeave>(o.effect) ||
           std::holds_alternative<Deregister>(o.effect) || std::holds_alternative<EndAgent>(o.effect) ||
           std::holds_alternative<LookAround>(o.effect) || std::holds_alternative<AwaitNews>(o.effect) ||
           std::holds_alternative<Clear>(o.effect) || std::holds_alternative<Join>(o.effect) ||
           std::holds_alternative<Adopt>(o.effect) || std::holds_alternative<AskOwn>(o.effect) ||
           std::holds_alternative<AskServers>(o.effect) || std::holds_alternative<LookAtMember>(o.effect);
  });
  gossip_ = true;
  leaves_ = gone_ = believed_ = false;
  closing_.reset();
  closes_ = false;
  own_mute_.reset();
  hook_running_ = false;
  sent_ = catalog_ = leader_ = seen_ = false;
  joined_.reset();
  leaderless_.reset();
  unled_.reset();
  serverless_.reset();
  name_told_.reset();
  synced_ = unflushable_ = false;
  paused_.reset();
  heard_ = {};
  told_of_difference_ = calm_ = false;
  doubted_.reset();
  asks_allowed_ = 0;
  hooks_done_ = 0;
  members_ = 0;
  restart_asked_ = quarrelled_ = replaced_ = false;
}

void Walk::respond(const EndAgent& e) {
  if (agent_) end_agent_process(e.signal == SIGKILL ? AgentEnded{-1, SIGKILL} : AgentEnded{1, 0});
}

void Walk::take(const Launch& e) {
  hold(!agent_ && !launching_, "one-agent", "a launch beside a live agent");
  hold(!stop_at_, "no-comeback", "a launch after a stop was asked");
  hold_back();
  hold(!unread_, "spread", "an agent is launched before the settings are read that have waited");
  launching_ = true;
  launches_ = e.launch;
  hold(!asked_leave_ || prepared_since_ || rejoins_, "renamed", "a launch before the other name is prepared");
  prepared_since_ = false;
  left_before_ = left_before_ || (asked_leave_ && confirmed_ && !came_back_);
  asked_leave_ = knew_leader_ = leave_completed_ = false;
  repeated_leave_ = 0;
  confirmed_ = forbidden_ = spoilt_ = came_back_ = taken_out_ = false;
  leave_first_.reset();
  rejoins_.reset();
  hooks_wanted_ = seen().rules().post_start.size();
  forget_agent();
  owe(e, milliseconds(20));
}

// It may come late, when the next agent runs or the settings are others.
void Walk::respond(const FindFault& e) {
  const bool counts = e.after == launches_ && !agent_ && !launching_ && !preparing_ && !stop_at_ && !seen().giving_up();
  switch (by_weight(86, 10, 4)) {
    case 0:
      return tell(FaultFound{e.after, {}}, "no fault of the settings");
    case 1:
      return tell(FaultFound{e.after, Problem{"certificate", "no", "mend it", Exit::retry}}, "a fault that may mend");
    default:
      tell(FaultFound{e.after, Problem{"log_level", "no", "mend it"}}, "a fault of the settings");
      return hold(!counts || seen().giving_up(), "give-up", "settings that no agent starts with are tried again");
  }
}

void Walk::take(const FindFault& e) {
  hold(!ever_ready_ && !stop_at_, "give-up", "a node that has been ready is asked what is wrong with its settings");
  owe(e, milliseconds(seldom(30) ? 5000 : 200));
}

void Walk::take(const EndAgent& e) {
  hold(!stop_at_ || e.signal == SIGKILL || decided(), "decided", "the agent is told to end before it is decided how");
  if (e.signal == SIGTERM) replaced_ = true;
  hold(!asked_leave_ || e.signal == SIGKILL, "no-shortcut", "a signal other than KILL after the leave was asked");
  hold_patience();
  if (e.signal == SIGKILL) {
    hold(told_of_kill_ == (killed_ ? 0 : 1), "told", "an agent killed, and not told of in one line");
    killed_ = true;
    // One that waits for a disk dies late.
    owe(e, !stop_at_ && seldom(10) ? milliseconds(1500) : milliseconds(50));
  } else if (!std::exchange(told_to_end_, true) && mostly(70)) {
    owe(e, milliseconds(250));
  }
}

void Walk::count_killings(const std::vector<Effect>& effects) {
  told_of_kill_ = std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
    const auto* said = std::get_if<Say>(&effect);
    return said && said->text.find("killing") != std::string::npos;
  });
}

void Walk::hold_give_up() const {
  hold(failed_hook_ || !ever_ready_, "give-up", "gave up on an agent that had been ready");
}

}  // namespace lictor::walk
