#include "life/deciding.hpp"

#include "life/turn.hpp"

#include <fmt/format.h>

#include <utility>

namespace lictor {

StopOrder order_of(SignalKind kind) {
  if (kind == SignalKind::leave) return StopOrder::leave;
  return kind == SignalKind::stay ? StopOrder::stay : StopOrder::by_policy;
}

void Deciding::begin(StopOrder order) {
  own_ = {};
  const StopPolicy policy = turn_.rules().stop_policy;
  const bool stays = policy == StopPolicy::stay;
  switch (order) {
    case StopOrder::at_once:
      return decide({.leave = false, .evidence = "SIGQUIT", .told = true});
    case StopOrder::stay:
      return decide({.leave = false, .evidence = "SIGRTMIN+1", .told = true});
    case StopOrder::hook:
      return decide({.leave = !stays, .evidence = "a post_start hook has failed"});
    case StopOrder::leave:
      if (stays) return decide({.leave = false});
      return decide({.leave = true, .evidence = "lictor leave", .told = true});
    case StopOrder::by_policy:
      break;
  }
  if (stays) return decide({.leave = false});
  own_.deadline = turn_.now + decide_within;
  turn_.emit(AskWhy{decide_within, policy == StopPolicy::leave});
}

void Deciding::settled(Verdict verdict) {
  own_.deadline.reset();
  own_.verdict = std::move(verdict);
}

void Deciding::decide(Verdict verdict, std::optional<Duration> grace) {
  settled(verdict);
  turn_.post(Decided{std::move(verdict), grace});
}

Verdict Deciding::by_reason(const StopReason& reason) const {
  const bool stay =
      reason.cause == StopCause::comes_back || (reason.cause == StopCause::reboots && turn_.rules().stay_over_reboot);
  return {.leave = !stay, .evidence = reason.evidence, .told = reason.cause != StopCause::untold};
}

void Deciding::on(const WhyAnswered& e) {
  if (!own_.deadline) return;
  const bool fixed = turn_.rules().stop_policy == StopPolicy::leave;
  decide(fixed ? Verdict{} : by_reason(e.reason), e.reason.grace);
}

void Deciding::on_deadline() {
  if (turn_.rules().stop_policy == StopPolicy::leave) return decide({});
  decide({.leave = true,
          .evidence = fmt::format("nobody has told why within {}", format_duration(decide_within)),
          .told = true});
}

}  // namespace lictor
