#include "life/hooks.hpp"

#include "life/turn.hpp"

#include <fmt/format.h>

#include <utility>

namespace lictor {

void Hooks::run_next(HookKind kind) {
  own_.running = true;
  turn_.emit(RunHook{turn_.launch(), kind, own_.done});
}

void Hooks::drop() {
  if (std::exchange(own_.running, false)) turn_.emit(EndHook{});
}

void Hooks::begin_anew() {
  drop();
  own_.done = 0;
}

void Hooks::on(const HookEnded& e) {
  if (!std::exchange(own_.running, false)) return;
  const bool stops = turn_.in(Phase::pre_stop) || turn_.in(Phase::linger);
  if (!stops && !turn_.registering()) return;
  const auto& hooks = stops ? turn_.rules().pre_stop : turn_.rules().post_start;
  const OnFailure rule = own_.done < hooks.size() ? hooks[own_.done] : OnFailure::ignore;
  if (!e.failure.empty()) {
    failed(stops ? HookKind::pre_stop : HookKind::post_start, e.failure, rule);
    if (rule == OnFailure::retry || (rule == OnFailure::fail && !stops)) return;
  }
  ++own_.done;
  turn_.post(HookDone{});
}

void Hooks::failed(HookKind kind, const std::string& why, OnFailure rule) {
  const char* name = kind == HookKind::pre_stop ? "pre_stop" : "post_start";
  const Problem problem{fmt::format("{} hook {}", name, own_.done + 1), why,
                        "mend the command or set its on_failure to retry or ignore", Exit::retry};
  turn_.say(Tone::warn, "a hook has failed",
            {{"hook", name}, {"number", static_cast<std::int64_t>(own_.done + 1)}, {"reason", why}});
  if (rule == OnFailure::retry) turn_.post(HookRetry{});
  if (rule == OnFailure::fail && kind == HookKind::post_start) turn_.post(HookFailed{problem});
  if (rule == OnFailure::fail && kind == HookKind::pre_stop) turn_.post(HookSpoiled{problem.what + ": " + problem.why});
}

}  // namespace lictor
