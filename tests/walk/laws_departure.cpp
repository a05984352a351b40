// Whether the agent leaves without having been asked to (life/departure.hpp). Its laws are kept where they break: of leave-once, of
// hands-off, of ready, of truth.
#include "walk.hpp"

namespace lictor::walk {

using std::chrono::milliseconds;

void Walk::respond(const LookAtMember& e) {
  asked_member_ = true;
  believed_ = believed_ || gone_;
  gone_ = false;
  const bool leaves = leaves_ || asked_leave_;
  const MemberAnswer answer = !mostly(90) ? MemberAnswer::unanswered
                              : leaves    ? MemberAnswer::leaves
                                          : MemberAnswer::member;
  if (answer == MemberAnswer::leaves) note_departure();
  tell(MemberSeen{e.launch, answer}, leaves ? "the agent leaves" : "the agent is a member");
}

void Walk::take(const LookAtMember& e) { owe(e, milliseconds(500)); }

// It is known to leave from here on, unless it is being ended anyway.
void Walk::note_departure() {
  const bool being_ended = told_to_end_ || killed_;
  const Phase phase = seen().phase();
  const bool before_leave =
      phase == Phase::settle || phase == Phase::pre_stop || (phase == Phase::deciding && !being_ended);
  if (asked_leave_ || given_up_ || (stop_at_ ? !before_leave : being_ended)) return;
  asked_leave_ = true;
  knew_leader_ = leader_;
  forbidden_ = forbidden_ || (catalog_ && !seen_);
  if (stop_at_ || life_.stopping.goes_on) return;
  if (seen().rules().rejoin_after_leave) {
    rejoins_ = now_;
  } else {
    note_stop(true);
  }
}

}  // namespace lictor::walk
