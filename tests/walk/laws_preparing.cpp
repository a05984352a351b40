// Until there is something to launch (life/preparing.hpp).
#include "walk.hpp"

#include <algorithm>
#include <utility>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Prepare& e) {
  const bool awaited_files = std::exchange(awaits_files_, false);
  awaits_ = false;
  if (!e.settled.empty() || mostly(60)) {
    if (seen().phase() == Phase::prepare) in_force_.own = {"n1", "id", "10.0.0.5"};
    read_there_ = now_;
    return tell(Prepared{seen().rules(), {"n1", "id", "10.0.0.5"}, seldom(30)}, "prepared");
  }
  const bool wait = mostly(90);
  if (!wait) given_up_ = true;
  PrepareFailed failed{Problem{"bind.interface", "no address", "add one", wait ? Exit::retry : Exit::config}};
  if (wait && seldom(40)) {
    failed.candidate = "10.0.0.5";
  } else if (wait && seldom(50)) {
    failed.problem = Problem{"agent.encrypt_file", "/key: no such file", "create it", Exit::retry};
    failed.files = {failed.problem};
    failed.unheard = seldom(30);
  }
  awaits_ = wait;
  awaits_files_ = !failed.files.empty();
  if (awaits_files_ || awaited_files) files_there_ = now_;
  tell(std::move(failed), awaits_files_ ? "no file" : "no address");
}

void Walk::take(const Prepare& e) {
  if (!prepared_from_) prepared_from_ = files_there_ = now_;
  owe(e, seconds(1));
}

void Walk::hold_awaited() {
  if (!awaits_ || stop_at_ || seen().stop() || given_up_waiting_) return;
  const Rules& rules = seen().rules();
  const Time end = awaits_files_ ? *prepared_from_ + rules.files_wait : files_there_ + rules.bind_wait;
  given_up_waiting_ = seen().giving_up();
  if (given_up_waiting_) return hold(now_ >= end, "awaited", "what may still come is given up on");
  const bool looking =
      std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Prepare>(o.effect); });
  hold(looking || now_ < end, "awaited", "what has not come in time is waited for all the same");
}

}  // namespace lictor::walk
