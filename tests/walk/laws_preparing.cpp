// Until there is something to launch (life/preparing.hpp).
#include "walk.hpp"

#include <algorithm>
#include <utility>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Prepare& e) {
  const Missing before = std::exchange(awaits_, Missing::nothing);
  if (now_ >= locked_until_ && (!e.settled.empty() || mostly(60))) {
    if (seen().phase() == Phase::prepare) in_force_.own = {"n1", "id", "10.0.0.5"};
    read_there_ = now_;
    return tell(Prepared{seen().rules(), {"n1", "id", "10.0.0.5"}, seldom(30)}, "prepared");
  }
  // Another lictor's lock stays for a while, often for longer than it is waited for.
  const bool locked = now_ < locked_until_;
  const bool wait = locked || mostly(90);
  if (!wait) given_up_ = true;
  PrepareFailed failed{Problem{"bind.interface", "no address", "add one", wait ? Exit::retry : Exit::config}};
  if (!locked && wait && seldom(40)) {
    failed.candidate = "10.0.0.5";
  } else if (!locked && wait && seldom(50)) {
    failed.problem = Problem{"agent.encrypt_file", "/key: no such file", "create it", Exit::retry};
    failed.files = {failed.problem};
    failed.unheard = seldom(30);
  } else if (locked || (wait && seldom(30))) {
    if (!locked) locked_until_ = now_ + lock_wait * (seldom(30) ? 2 : 0);
    failed.problem = Problem{"/data/lictor.lock", "held by process 1", "stop it", Exit::retry};
    failed.locked = true;
  }
  if (wait) awaits_ = !failed.files.empty() ? Missing::files : failed.locked ? Missing::lock : Missing::address;
  if (awaits_ != before && (before != Missing::nothing || awaits_ == Missing::lock)) missing_since_ = now_;
  tell(std::move(failed), awaits_ == Missing::files ? "no file" : awaits_ == Missing::lock ? "locked" : "no address");
}

void Walk::take(const Prepare& e) {
  if (!prepared_from_) prepared_from_ = missing_since_ = now_;
  owe(e, seconds(1));
}

void Walk::hold_awaited() {
  if (awaits_ == Missing::nothing || stop_at_ || seen().stop() || given_up_waiting_) return;
  const Rules& rules = seen().rules();
  const Time end = awaits_ == Missing::files  ? *prepared_from_ + rules.files_wait
                   : awaits_ == Missing::lock ? missing_since_ + lock_wait
                                              : missing_since_ + rules.bind_wait;
  given_up_waiting_ = seen().giving_up();
  if (given_up_waiting_) return hold(now_ >= end, "awaited", "what may still come is given up on");
  const bool looking =
      std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Prepare>(o.effect); });
  hold(looking || now_ < end, "awaited", "what has not come in time is waited for all the same");
}

}  // namespace lictor::walk
