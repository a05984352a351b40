#include "life/joining.hpp"

#include "life/claims.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lictor {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// By which an agent multiplies the random part of its waits for a full sync.
int sync_scale(int members) { return members <= 128 ? 1 : static_cast<int>(std::ceil(std::log2(members / 128.0))) + 1; }

}  // namespace

Duration sync_window(int members) {
  // The sync itself takes a moment too.
  return sync_scale(members) * seconds(3) + milliseconds(100);
}

Duration sync_retry_window(int members) { return seconds(15) + sync_scale(members) * seconds(15); }

std::optional<Time> JoiningState::synced() const {
  if (!led) return std::nullopt;
  return *led + sync_window(members);
}

void Joining::launched() {
  own_ = {};
  own_.probe_at = turn_.now;
}

// ---- asking

void Joining::ask_now() { own_.probe_at = turn_.now; }

void Joining::ask_within(Duration time) {
  if (own_.probe_at) own_.probe_at = std::min(*own_.probe_at, turn_.now + time);
}

void Joining::probe() {
  own_.probe_at.reset();
  if (own_.probing) return;
  own_.probing = true;
  if (!own_.unanswered) own_.unanswered = turn_.now;
  const Duration patience = *own_.unanswered + turn_.rules().hung_after - turn_.now;
  turn_.emit(Probe{turn_.launch(), std::max<Duration>(patience, milliseconds(100))});
}

void Joining::next_probe() {
  const bool waiting = !own_.leader || turn_.at(StopStep::settle);
  const Duration waited = turn_.now - (own_.joined ? *own_.joined : turn_.process()->started);
  const Duration wary = claims_.wary(turn_.now) ? seconds(1) : seconds(3600);
  const Duration seldom = std::min<Duration>(turn_.rules().hung_after / 2, wary);
  own_.probe_at = turn_.now + (waiting ? paced(waited, 50, milliseconds(1), milliseconds(500)) : seldom);
}

void Joining::probe_again(Duration waited) {
  own_.probe_at = turn_.now + paced(waited, 50, milliseconds(1), milliseconds(250));
}

// ---- answers

void Joining::on(const Probed& e) {
  own_.probing = false;
  if (e.members > 0) own_.members = e.members;
  if (e.answer == ProbeAnswer::silent) return silent(e.works);
  own_.unanswered.reset();
  note_closing(e.answer == ProbeAnswer::closed);
  if (own_.closing && !own_.closes) return probe_again(turn_.now - *own_.closing);
  answered(e);
}

void Joining::silent(bool works) {
  if (works && !own_.answered) own_.worked = turn_.now;
  const bool waits_for_servers = turn_.rules().api_after_join && !own_.answered;
  const bool watched = (turn_.in(Phase::join) && !waits_for_servers) || turn_.registering();
  const Duration waited = turn_.now - own_.unanswered.value_or(turn_.now);
  if (!watched || !hung()) return probe_again(waited);
  turn_.post(AgentHung{waited});
  own_.probe_at = turn_.now + seconds(1);
}

bool Joining::hung() const {
  const Time since = own_.unanswered.value_or(turn_.now);
  const Duration enough = turn_.rules().hung_after, silent = turn_.now - since;
  if (own_.answered) return silent >= enough;
  const Duration idle = turn_.now - std::max(since, own_.worked.value_or(since));
  return idle >= enough || silent >= works_times * enough;
}

// An agent that ends connections lives, and another one would be no other: it is left alone, not ready. One that is about to
// end itself does it, too, for a moment.
void Joining::note_closing(bool closes) {
  if (!closes) own_.closing.reset();
  if (closes && !own_.closing) own_.closing = turn_.now;
  const bool lasts = own_.closing && turn_.now - *own_.closing >= closing_limit;
  if (std::exchange(own_.closes, lasts) == lasts) return;
  lasts ? turn_.say(Tone::warn, "the agent ends each connection without an answer: not ready until it answers",
                    turn_.agent_fields())
        : turn_.say(Tone::info, "the agent answers again", turn_.agent_fields());
}

void Joining::answered(const Probed& e) {
  const bool first = !own_.answered && !own_.closing;
  if (first) own_.answered = turn_.now;
  const bool leader = e.answer == ProbeAnswer::leader;
  const bool changed = own_.leader != leader;
  const Duration without = own_.leaderless ? turn_.now - *own_.leaderless : Duration{};
  note_leader(leader);
  turn_.post(Answered{first});
  if (turn_.at(StopStep::settle)) return;
  if (!e.gossip && (turn_.in(Phase::join) || turn_.registering())) return turn_.post(GossipShutDown{});
  const Duration rejoin_after = turn_.rules().rejoin_after;
  if (own_.leaderless && rejoin_after > Duration{} && turn_.now - *own_.leaderless >= rejoin_after)
    return turn_.post(LeaderMissing{turn_.now - *own_.leaderless});
  if (turn_.in(Phase::join) && leader) return turn_.post(LeaderFound{});
  if (!turn_.in(Phase::serve) || !changed) return;
  if (!leader) return turn_.say(Tone::warn, "no leader is known: not ready until there is one");
  turn_.say(Tone::info, "a leader is known again", {seconds_field(without)});
  turn_.post(LeaderFound{});
}

void Joining::note_leader(bool leader) {
  if (leader && !own_.joined) own_.joined = turn_.now;
  if (leader && !own_.leader) {
    own_.led = turn_.now;
    turn_.post(ServersMet{});
  }
  own_.leader = leader;
  next_probe();
  if (leader) own_.join_at.reset();
  if (!leader && !own_.join_at && !own_.joining) join_later();
  if (leader) own_.leaderless.reset();
  if (!leader && own_.joined && !own_.leaderless) own_.leaderless = turn_.now;
}

// ---- joining

void Joining::join_later() {
  const auto spread = static_cast<std::uint64_t>((join_at_most - join_at_least).count()) + 1;
  own_.join_at = turn_.now + join_at_least + Duration(turn_.random(spread));
}

// Consul itself tries its retry_join only each retry_interval, and no more once it has joined.
void Joining::join() {
  own_.join_at.reset();
  if (own_.joining || !(turn_.in(Phase::join) || turn_.registering())) return;
  own_.joining = true;
  turn_.emit(Join{turn_.launch()});
}

void Joining::on(const Joined&) {
  own_.joining = false;
  if (own_.leader) return;
  join_later();
  // It may have worked.
  if (own_.probe_at) own_.probe_at = turn_.now;
}

}  // namespace lictor
