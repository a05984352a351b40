// What the agent's own syncer leaves lying (life/syncer.hpp). Law: flushed.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Flush& e) {
  const bool good = mostly(90);
  unflushable_ = !good;
  tell(Flushed{e.launch, !good}, good ? "flushed" : "not flushed");
}

void Walk::take(const Flush& e) {
  hold(agent_ && leader_ && !unflushable_ && !stop_at_ && !given_up_, "flushed",
       "a flush without a leader, refused before, or in a stop");
  owe(e, seconds(10));
}

void Walk::hold_flushed() const {
  if (ready(life_) && leader_ && paused_ && now_ - *paused_ <= sync_retry_window(members_) && !unflushable_ &&
      !stop_at_) {
    const bool outstanding = std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) {
      return std::holds_alternative<Flush>(o.effect) || std::holds_alternative<SendServices>(o.effect);
    });
    hold(outstanding || next_wake(life_).value_or(Time::max()) <= now_ + flush_interval, "flushed",
         "nobody sees to what the agent has yet to tell the servers");
  }
}

}  // namespace lictor::walk
