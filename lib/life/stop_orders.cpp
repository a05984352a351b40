#include "life/stop_orders.hpp"

namespace lictor {

void StopOrders::stop(SignalKind kind) {
  const bool interrupt = kind == SignalKind::interrupt;
  if (!asked_to_stop()) return begin(order_of(kind), interrupt);
  if (interrupt && parts_.stopping.second_interrupt()) return cut_short("cut short by a second interrupt");
  turn_.say(Tone::info, "already stopping");
}

void StopOrders::stop_at_once() {
  if (!asked_to_stop()) begin(StopOrder::at_once, false);
}

void StopOrders::begin(StopOrder order, bool interrupt) {
  if (!parts_.stopping.can_begin()) return;
  const bool leaves = turn_.process() && turn_.process()->ending == RestartReason::left;
  const bool open = parts_.stopping.begin(interrupt);
  parts_.hooks.begin_anew();
  parts_.stand_down();
  if (leaves) return leave_as_told();
  if (!open) return parts_.deciding.settled({});
  if (turn_.process() && !life_.joining.joined) parts_.joining.ask_now();
  parts_.deciding.begin(order);
}

void StopOrders::cut_short(const char* why) {
  if (!parts_.stopping.can_be_cut_short()) return;
  parts_.hooks.drop();
  parts_.stopping.cut_short(why, turn_.process() || life_.supervisor.state == AgentState::launching);
}

void StopOrders::stop_for_hook(const Problem& why) {
  parts_.stopping.end_with(why);
  begin(StopOrder::hook, false);
}

void StopOrders::give_up(const Problem& why) {
  parts_.stand_down();
  parts_.stopping.give_up(why);
}

void StopOrders::told_to_leave() {
  // One that is to leave for another name still runs.
  const bool running = life_.supervisor.state == AgentState::running &&
                       turn_.process()->ending.value_or(RestartReason::renamed) == RestartReason::renamed;
  const bool before_leave =
      turn_.at(StopStep::settle) || turn_.at(StopStep::pre_stop) || (turn_.at(StopStep::deciding) && running);
  if (!before_leave && (!running || turn_.stopping() || turn_.leaving_first())) return;
  const bool rejoin = !before_leave && turn_.rules().rejoin_after_leave;
  turn_.say(Tone::info, "the agent was told to leave by somebody else",
            turn_.agent_fields() + Fields{{"on_leave", rejoin ? "rejoin" : "exit"}});
  parts_.hooks.drop();
  if (rejoin) {
    parts_.stand_still();
    parts_.joining.pause();
    return parts_.supervisor.leaves();
  }
  if (!before_leave) {
    parts_.stopping.begin(false);
    parts_.stand_down();
  }
  leave_as_told();
}

void StopOrders::leave_as_told() {
  parts_.deciding.settled({.leave = true, .evidence = "a leave that somebody else has asked for", .told = true});
  parts_.stopping.told_to_leave();
}

}  // namespace lictor
