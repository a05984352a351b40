#include "life/standing.hpp"

#include "life/claims.hpp"
#include "life/joining.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lictor {

using std::chrono::seconds;

void StandingWatch::ended() { own_ = {.times = own_.times, .last = own_.last, .looks_failed = own_.looks_failed}; }

void StandingWatch::pause() {
  own_.ask_at.reset();
  if (std::exchange(own_.asking, false)) turn_.emit(DropStanding{});
}

void StandingWatch::leader_found() {
  if (!own_.met) own_.met = turn_.now;
  if (!own_.asking && !own_.ask_at)
    own_.ask_at = own_.asked ? std::max(turn_.now, *own_.asked + standing_pause) : turn_.now;
}

void StandingWatch::ask() {
  own_.ask_at.reset();
  if (!turn_.registering() || own_.asking) return;
  if (!joining_.leader) {
    own_.ask_at = turn_.now + standing_pause;
    return;
  }
  own_.asking = true;
  own_.asked = turn_.now;
  turn_.emit(AwaitStanding{turn_.launch(), limit()});
}

// Failed: until it joins again. Alive again, and not yet told: until that is to be told.
Duration StandingWatch::limit() const {
  if (rejoins()) return standing_pause;
  if (own_.trouble && own_.alive)
    return std::max<Duration>(*own_.alive + alive_long_enough() - turn_.now, standing_pause);
  return standing_wait;
}

bool StandingWatch::rejoins() const { return own_.trouble && !own_.alive && turn_.now - *own_.trouble < rejoin_for; }

Duration alive_again(int members) {
  const double suspected = 4 * std::max(1.0, std::log10(std::max(1, members)));
  return seconds(10) + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(suspected));
}

Duration StandingWatch::alive_long_enough() const {
  Duration enough = alive_again(joining_.members);
  for (int i = 1; i < own_.times && enough < alive_again_most; ++i) enough *= 2;
  return std::min(enough, alive_again_most);
}

void StandingWatch::on(const StandingSeen& e) {
  if (!std::exchange(own_.asking, false) || !turn_.registering()) return;
  own_.ask_at = std::max(turn_.now, *own_.asked + pause_after(e.answer));
  // What has our name elsewhere is another node, and not held for ours.
  if (claims_.held_elsewhere(turn_.own())) return;
  if (e.answer == StandingAnswer::failed) note_failed();
  if (e.answer == StandingAnswer::alive) note_alive();
}

Duration StandingWatch::pause_after(StandingAnswer answer) {
  own_.unanswered = answer == StandingAnswer::unanswered ? own_.unanswered + 1 : 0;
  const Duration pause = answer == StandingAnswer::forbidden
                             ? standing_forbidden
                             : paced(standing_pause * own_.unanswered, 1, standing_pause, standing_retry);
  // All nodes are answered at once when their servers fail.
  const bool by_chance = own_.unanswered > 0 || answer == StandingAnswer::forbidden;
  return pause + (by_chance ? turn_.now - *own_.asked + pause * turn_.random(200) / 1000 : Duration{});
}

void StandingWatch::note_failed() {
  ++own_.looks_failed;
  own_.alive.reset();
  if (!own_.trouble) own_.trouble = turn_.now;
  if (rejoins()) turn_.emit(Rejoin{turn_.launch()});
  if (own_.held || turn_.now - *own_.met < failed_at_first) return;
  own_.held = true;
  own_.times = own_.last && turn_.now - *own_.last < standing_memory ? own_.times + 1 : 1;
  own_.last = turn_.now;
  turn_.say(
      Tone::warn,
      "the servers hold this node for failed, though its agent serves: its gossip does not reach them, or theirs does "
      "not reach it; `lictor doctor` looks for the cause",
      {{"name", turn_.own().name}, {"address", turn_.own().address}});
  turn_.post(HeldForFailed{});
}

void StandingWatch::note_alive() {
  if (!own_.alive) own_.alive = turn_.now;
  if (!own_.trouble || turn_.now - *own_.alive < alive_long_enough()) return;
  own_.trouble.reset();
  if (!std::exchange(own_.held, false)) return;
  own_.last = turn_.now;
  turn_.say(Tone::info, "the servers hold this node for alive again", {{"name", turn_.own().name}});
}

}  // namespace lictor
