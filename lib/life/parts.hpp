// The parts of one life, wired for one event: what each may see of the others is said here and nowhere else.
#pragma once

#include "life/life.hpp"

namespace lictor {

struct Parts {
  // Both outlive it.
  Parts(Life& life, Turn& turn);

  // What is done for an agent that serves ends.
  void stand_still();
  // From here on only the stop decides.
  void stand_down();
  // The agent has ended; `supervisor` knows already.
  void agent_ended();

  Preparing preparing;
  Supervisor supervisor;
  Joining joining;
  Pulse pulse;
  Hooks hooks;
  Registration registration;
  Syncer syncer;
  Claims claims;
  CatalogWatch watch;
  StandingWatch standing;
  Departure departure;
  Deciding deciding;
  AddressWatch address;
  Reloading reloading;
  Stopping stopping;
};

}  // namespace lictor
