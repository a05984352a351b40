#include "life/standing.hpp"

#include "life/catalog_watch.hpp"
#include "life/joining.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lictor {

using std::chrono::seconds;

void StandingWatch::ended() { own_ = {.times = own_.times, .last = own_.last, .looks_failed = own_.looks_failed}; }

void StandingWatch::leader_found() {
  if (!own_.met) own_.met = turn_.now;
}

namespace {

bool joins_again(const StandingState& standing, Time now) {
  return standing.trouble && !standing.alive && now - *standing.trouble < rejoin_for;
}

Duration alive_long_enough(const StandingState& standing, int members) {
  Duration enough = alive_again(members);
  for (int i = 1; i < standing.times && enough < alive_again_most; ++i) enough *= 2;
  return std::min(enough, alive_again_most);
}

}  // namespace

// Failed: until it joins again. Alive again, and not yet told: until that is to be told.
Duration standing_limit(const StandingState& standing, Time now, int members) {
  if (joins_again(standing, now)) return standing_pause;
  if (standing.trouble && standing.alive)
    return std::max<Duration>(*standing.alive + alive_long_enough(standing, members) - now, standing_pause);
  return watch_wait;
}

Duration alive_again(int members) {
  const double suspected = 4 * std::max(1.0, std::log10(std::max(1, members)));
  return seconds(10) + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(suspected));
}

void StandingWatch::on(StandingAnswer answer) {
  if (answer == StandingAnswer::failed) note_failed();
  if (answer == StandingAnswer::alive) note_alive();
}

void StandingWatch::note_failed() {
  ++own_.looks_failed;
  own_.alive.reset();
  if (!own_.trouble) own_.trouble = turn_.now;
  if (joins_again(own_, turn_.now) && (!own_.rejoined || turn_.now - *own_.rejoined >= standing_pause)) {
    own_.rejoined = turn_.now;
    turn_.emit(Rejoin{turn_.launch()});
  }
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
  if (!own_.trouble || turn_.now - *own_.alive < alive_long_enough(own_, joining_.members)) return;
  own_.trouble.reset();
  if (!std::exchange(own_.held, false)) return;
  own_.last = turn_.now;
  turn_.say(Tone::info, "the servers hold this node for alive again", {{"name", turn_.own().name}});
}

}  // namespace lictor
