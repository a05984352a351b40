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

namespace {

template <class Waiting>
std::optional<Time> due_of(const std::optional<Waiting>& waiting) {
  return waiting ? std::optional(waiting->due) : std::nullopt;
}

}  // namespace

std::optional<Time> next_wake(const Life& life) {
  const Phase phase = phase_of(life);
  if (phase == Phase::ended) return std::nullopt;
  if (phase == Phase::sweep) return life.stopping.deadline;
  std::optional<Time> first;
  for (const auto& time :
       {life.preparing.deadline, life.supervisor.deadline, life.deciding.deadline, life.stopping.deadline,
        out_of_time(life.stopping, life.reloading.in_force.rules), life.joining.probe_at, life.joining.join_at,
        life.pulse.ask_at, life.pulse.sample_at, life.registration.task_at, life.stopping.task_at,
        life.claims.around_at, life.watch.checks.ask_at, life.watch.services.ask_at, life.departure.look_at,
        life.address.read_at, life.syncer.flush_at, due_of(life.reloading.held), due_of(life.reloading.awaited_sync)}) {
    if (time && (!first || *time < *first)) first = time;
  }
  return first;
}

}  // namespace lictor
