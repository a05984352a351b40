#include "life/pulse.hpp"

#include "life/joining.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

void Pulse::pause() {
  own_.ask_at.reset();
  own_.sample_at.reset();
}

void Pulse::leader_found() {
  if (!own_.asking && !own_.ask_at) own_.ask_at = turn_.now;
}

// ---- the agent

void Pulse::ask() {
  own_.ask_at.reset();
  if (own_.asking || !turn_.registering()) return;
  own_.asking = true;
  if (!own_.mute) own_.mute = turn_.now;
  if (!own_.sampling && !own_.sample_at) own_.sample_at = turn_.now + sample_interval();
  turn_.emit(AskOwn{turn_.launch(), turn_.rules().hung_after});
}

void Pulse::on(const OwnAnswered& e) {
  own_.asking = false;
  if (e.told) own_ = {.sampling = own_.sampling};
  if (!turn_.registering()) return;
  own_.ask_at = e.told ? turn_.now + turn_.rules().hung_after / 2 : turn_.now;
}

// ---- the servers

Duration Pulse::sample_interval() const {
  return std::clamp<Duration>(turn_.rules().hung_after / 10, sample_at_least, sample_at_most);
}

void Pulse::sample() {
  own_.sample_at.reset();
  if (own_.sampling || !own_.mute || !turn_.registering()) return;
  own_.sampling = true;
  turn_.emit(AskServers{turn_.launch()});
}

void Pulse::on(const ServersAnswered& e) {
  own_.sampling = false;
  if (!own_.mute || !turn_.registering()) return;
  note(e);
  if (hung()) turn_.post(AgentHung{turn_.now - *own_.mute, true});
}

void Pulse::note(const ServersAnswered& e) {
  const Duration enough = turn_.rules().hung_after;
  // Servers in trouble are left in peace.
  const bool silent = e.servers == ServersAnswer::silent;
  const Duration pause = silent ? std::max(sample_interval(), enough / 2) : sample_interval();
  own_.sample_at = turn_.now + pause;
  if (e.servers != ServersAnswer::steady)
    own_.mute = turn_.now + pause + std::max<Duration>(held_up_limit - enough, Duration{});
  if (e.told) own_.worked = turn_.now;
}

bool Pulse::hung() const {
  const Duration enough = turn_.rules().hung_after;
  const Duration idle = turn_.now - std::max(*own_.mute, own_.worked.value_or(*own_.mute));
  return idle >= enough || turn_.now - *own_.mute >= works_times * enough;
}

}  // namespace lictor
