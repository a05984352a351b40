#include "life/succession.hpp"

namespace lictor {

void Succession::launch_failed(const LaunchFailed& e) {
  const bool launching = turn_.in(Phase::launch);
  parts_.supervisor.launch_failed();
  if (turn_.stopping()) return parts_.stopping.launch_failed();
  if (!launching) return;
  if (parts_.reloading.on_trial() && e.problem.exit != Exit::internal)
    return parts_.reloading.started_in_vain(e.problem.why);
  parts_.supervisor.not_launched(e.problem, false, ever_ready());
}

void Succession::ended(const AgentEnded& e) {
  parts_.hooks.drop();
  const bool was_calm = turn_.in(Phase::serve) && turn_.now - life_.registration.since >= calm;
  const bool in_vain = parts_.reloading.on_trial(), useless = !ever_ready() && !life_.joining.joined;
  const Supervisor::End end = parts_.supervisor.ended(e);
  parts_.agent_ended();
  if (turn_.stopping() || turn_.leaving_first()) return parts_.stopping.ended(e);
  if (in_vain && !end.ordered) return parts_.reloading.started_in_vain(how_it_ended(e));
  parts_.supervisor.follow(e, end, was_calm, ever_ready());
  if (parts_.reloading.waits_for_end()) return go_on_with_others();
  if (useless && !end.ordered) parts_.supervisor.look_for_fault(e);
}

void Succession::restart(const RestartAgent& m) {
  if (!turn_.stopping() && !turn_.leaving_first() && parts_.supervisor.takes_restart(m.reason, m.more))
    replace({m.reason, turn_.now});
}

void Succession::replace(const ReplaceAgent& m) {
  parts_.stand_still();
  parts_.joining.pause();
  parts_.hooks.drop();
  parts_.supervisor.replace(m.reason, m.when);
}

void Succession::leave_first(const LeaveFirst& m) {
  turn_.say(Tone::info, "the node is to have another name: it leaves under the one that it has", m.more);
  parts_.supervisor.leaves_first();
  parts_.stand_still();
  parts_.hooks.drop();
  if (!life_.joining.joined) parts_.joining.ask_now();
  parts_.stopping.leave_first();
}

void Succession::leave_is_over(const LeaveOver& m) {
  parts_.reloading.left(m.left);
  if (!turn_.process()) return go_on_with_others();
  parts_.joining.pause();
  parts_.supervisor.replace_left(m.asked);
}

void Succession::go_on_with_others() {
  parts_.supervisor.await_settings();
  parts_.reloading.agent_is_gone();
}

void Succession::end_for_good(const EndForGood& m) {
  parts_.hooks.drop();
  parts_.joining.pause();
  parts_.supervisor.end_for_good(m.by, m.kill, m.why);
}

}  // namespace lictor
