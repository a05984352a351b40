// Where a life is, as those see it who ask (life/life.hpp).
#include "life/life.hpp"

namespace lictor {

Phase phase_of(const Life& life) { return phase_of(life.supervisor, life.registration, life.stopping); }

Time since_of(const Life& life) {
  if (life.stopping.goes_on) return life.stopping.stop->asked;
  switch (phase_of(life)) {
    case Phase::prepare:
      return life.preparing.began;
    case Phase::launch:
    case Phase::join:
    case Phase::restart:
      return life.supervisor.since;
    case Phase::registering:
    case Phase::serve:
      return life.registration.since;
    default:
      return life.stopping.since;
  }
}

bool ready(const Life& life) {
  if (phase_of(life) != Phase::serve || !life.registration.registered) return false;
  return life.joining.leader || (!life.reloading.in_force.rules.ready_needs_leader && !life.joining.closes);
}

bool live(const Life& life) { return !life.stopping.verdict && phase_of(life) != Phase::ended; }

}  // namespace lictor
