#include "life/syncer.hpp"

#include "life/joining.hpp"
#include "life/registration.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

void Syncer::paused(bool sent, bool anew) {
  own_.paused = turn_.now;
  own_.anew |= anew;
  const Time next = sent ? turn_.now + flush_interval : turn_.now;
  own_.flush_at = std::min(own_.flush_at.value_or(next), next);
}

// Not in a stop: what is sent in a leave puts the node back into the catalog.
void Syncer::flush() {
  own_.flush_at.reset();
  const Duration waits = sync_window(joining_.members) + sync_retry_window(joining_.members);
  if (!turn_.registering() || own_.refused || turn_.now - *own_.paused > waits) return;
  own_.flush_at = turn_.now + flush_interval;
  if (!joining_.leader || registration_.sending || own_.flushing) return;
  own_.flushing = true;
  turn_.emit(Flush{turn_.launch(), std::exchange(own_.anew, false)});
}

void Syncer::on(const Flushed& e) {
  own_.flushing = false;
  own_.refused = e.refused;
}

}  // namespace lictor
