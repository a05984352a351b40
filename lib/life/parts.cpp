#include "life/parts.hpp"

namespace lictor {

Parts::Parts(Life& life, Turn& turn)
    : preparing(life.preparing, turn),
      supervisor(life.supervisor, turn),
      joining(life.joining, turn, life.claims),
      pulse(life.pulse, turn),
      hooks(life.hooks, turn),
      registration(life.registration, turn, life.joining, life.hooks, life.watch),
      syncer(life.syncer, turn, life.joining, life.registration),
      claims(life.claims, turn, life.registration, life.reloading),
      watch(life.watch, turn, life.joining, life.claims, life.standing),
      standing(life.standing, turn, life.joining),
      departure(life.departure, turn, life.joining, life.registration),
      deciding(life.deciding, turn),
      address(life.address, turn),
      reloading(life.reloading, turn, life.joining),
      stopping(life.stopping, turn,
               {life.deciding, life.joining, life.hooks, life.registration, life.claims, life.reloading}) {}

void Parts::stand_still() {
  registration.pause();
  claims.pause();
  watch.pause();
  pulse.pause();
}

void Parts::stand_down() {
  preparing.stand_down();
  supervisor.stand_down();
  stand_still();
  address.stand_down();
  reloading.stand_down();
}

void Parts::agent_ended() {
  joining.ended();
  pulse.ended();
  hooks.ended();
  registration.ended();
  syncer.ended();
  claims.ended();
  watch.ended();
  standing.ended();
  departure.ended();
  reloading.ended();
}

}  // namespace lictor
