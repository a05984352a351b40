// post_start and pre_stop (life/hooks.hpp). Law: hooks.
#include "walk.hpp"

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const RunHook& e) {
  hook_running_ = false;
  const bool good = mostly(60);
  const auto& hooks = e.kind == HookKind::post_start ? seen().rules().post_start : seen().rules().pre_stop;
  const OnFailure rule = e.index < hooks.size() ? hooks[e.index] : OnFailure::ignore;
  if (good || rule != OnFailure::retry) ++hooks_done_;
  if (!good && rule == OnFailure::fail && e.kind == HookKind::post_start && !stop_at_) {
    note_stop(seen().rules().stop_policy != StopPolicy::stay);
    failed_hook_ = true;
  }
  if (!good && rule == OnFailure::fail && e.kind == HookKind::pre_stop) spoilt_ = true;
  tell(HookEnded{e.launch, good ? "" : "exit code 1"}, good ? "hook done" : "hook failed");
}

void Walk::take(const RunHook& e) {
  hold(agent_, "hooks", "a hook without an agent");
  hold(!hook_running_, "hooks", "two hooks at a time");
  const bool too_little = e.kind == HookKind::pre_stop && grace_ && *grace_ < leave_takes;
  hold(!too_little || asked_leave_, "budget", "a hook is run before the leave where there is no time for both");
  if (e.kind == HookKind::pre_stop && !pre_stop_began_) {
    pre_stop_began_ = true;
    hooks_done_ = 0;
  }
  hold(e.index == hooks_done_, "hooks", "a hook out of order");
  hook_running_ = true;
  owe(e, seconds(30));
}

void Walk::take(const EndHook&) {
  std::erase_if(owed_, [](const Owed& o) { return std::holds_alternative<RunHook>(o.effect); });
  hook_running_ = false;
}

}  // namespace lictor::walk
