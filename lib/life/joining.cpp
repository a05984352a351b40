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

// An answer that is outstanding may be of before.
void Joining::doubt() {
  if (!own_.leader) return;  // they are asked anyway
  own_.doubts = true;
  if (own_.probe_at)
    own_.probe_at = std::min(
        *own_.probe_at, std::max(turn_.now, own_.asked_servers.value_or(turn_.now) + turn_.rules().hung_after / 2));
}

void Joining::probe() {
  own_.probe_at.reset();
  if (own_.probing) return;
  own_.probing = true;
  const bool again = turn_.due(own_.doubts_at);
  // Servers that come back are left in peace for a moment: an agent that knows none is not asked for more than that.
  const bool come_back = own_.serverless && ask_pause() > ask_servers_at_least;
  const bool servers = own_.doubts || again || (!own_.leader && !come_back) || turn_.stopping();
  if (servers) own_.asked_servers = turn_.now;
  if (again) {
    own_.doubts_at.reset();
  } else if (std::exchange(own_.doubts, false)) {
    own_.doubts_at = turn_.now + doubt_again;
  }
  if (!own_.unanswered) own_.unanswered = turn_.now;
  const Duration patience = *own_.unanswered + turn_.rules().hung_after - turn_.now;
  turn_.emit(Probe{turn_.launch(), std::max<Duration>(patience, milliseconds(100)), servers});
}

void Joining::next_probe() {
  // Servers without a leader are asked, where an agent that knows no server tells so by itself.
  if (own_.unled && !turn_.at(StopStep::settle)) {
    const Duration at_first = own_.joined ? by_chance(ask_pause()) : Duration(milliseconds(1));
    own_.probe_at = turn_.now + paced(turn_.now - *own_.unled, 8, at_first, ask_servers_at_most);
    return;
  }
  const bool waiting = !own_.leader || turn_.at(StopStep::settle);
  const Duration waited = turn_.now - (own_.joined ? *own_.joined : turn_.process()->started);
  const Duration wary = claims_.wary(turn_.now) ? seconds(1) : seconds(3600);
  const Duration seldom = std::min<Duration>(turn_.rules().hung_after / 2, wary);
  own_.probe_at = turn_.now + (waiting ? paced(waited, 50, milliseconds(1), milliseconds(500)) : seldom);
  if (own_.doubts_at) own_.probe_at = std::min(*own_.probe_at, *own_.doubts_at);
  if (own_.doubts) doubt();
}

// Between questions for a leader to servers that have none, at first. After an outage all nodes ask.
Duration Joining::ask_pause() const {
  const Duration without = own_.leaderless ? turn_.now - *own_.leaderless : Duration{};
  const Duration most =
      std::clamp<Duration>(own_.members * ask_servers_of_each, ask_servers_at_least, ask_servers_at_first);
  return paced(without, 30, ask_servers_at_least, most);
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
  note_leader(e.answer);
  turn_.post(Answered{first});
  if (turn_.at(StopStep::settle)) return;
  if (!e.gossip && (turn_.in(Phase::join) || turn_.registering())) return turn_.post(GossipShutDown{});
  const Duration rejoin_after = turn_.rules().rejoin_after;
  if (own_.leaderless && rejoin_after > Duration{} && in_vain_since() + rejoin_after <= turn_.now && another_may_help())
    return turn_.post(LeaderMissing{turn_.now - *own_.leaderless});
  if (turn_.in(Phase::join) && leader) return turn_.post(LeaderFound{});
  if (!turn_.in(Phase::serve) || !changed) return;
  if (!leader) {
    return turn_.say(Tone::warn, turn_.rules().ready_needs_leader || own_.closes
                                     ? "no leader is known: not ready until there is one"
                                     : "no leader is known: the node stays ready (control.ready_needs_leader)");
  }
  turn_.say(Tone::info, "a leader is known again", {seconds_field(without)});
  turn_.post(LeaderFound{without});
}

// Servers that have just been met have yet to elect a leader.
Time Joining::in_vain_since() const { return own_.unled.value_or(*own_.leaderless); }

// It looks up anew whom to join. So does this one, as it is told: where that finds nobody, another one would not either.
bool Joining::another_may_help() const {
  if (!own_.serverless || turn_.rules().joins.others) return true;
  return own_.in_vain && turn_.now - *own_.in_vain >= turn_.rules().rejoin_after;
}

void Joining::note_leader(ProbeAnswer answer) {
  const bool leader = answer == ProbeAnswer::leader;
  note_since(own_.serverless, answer == ProbeAnswer::no_server);
  note_since(own_.unled, answer == ProbeAnswer::no_leader);
  if (leader && !own_.joined) own_.joined = turn_.now;
  if (leader && !own_.leader) {
    own_.led = turn_.now;
    turn_.post(ServersMet{});
  }
  own_.leader = leader;
  if (!leader) own_.doubts_at.reset();
  next_probe();
  if (!own_.serverless) stop_joining();
  if (own_.serverless && !own_.join_at && !own_.joining) join_later();
  if (leader) own_.leaderless.reset();
  if (!leader && own_.joined && !own_.leaderless) own_.leaderless = turn_.now;
}

void Joining::note_since(std::optional<Time>& since, bool so) const {
  if (!so) since.reset();
  if (so && !since) since = turn_.now;
}

// ---- joining

void Joining::stop_joining() {
  own_.join_at.reset();
  own_.in_vain.reset();
  if (own_.names_at) own_.names_at = std::min(*own_.names_at, turn_.now + name_pause);
}

// Of the names an agent that has never found anybody takes care itself, each retry_interval; one that has does so no more.
bool Joining::hands_names() const {
  const bool agent_does = !own_.joined && own_.members <= 1;
  return turn_.rules().joins.names > 0 && !(agent_does && turn_.now - turn_.process()->started >= names_at_first);
}

// In ten thousand nodes whose servers come back not in step.
Duration Joining::by_chance(Duration pause) const {
  const auto third = pause.count() / 3;
  return Duration(2 * third + turn_.random(static_cast<std::uint64_t>(2 * third) + 1));
}

void Joining::join_later() {
  const Rules::Joins& joins = turn_.rules().joins;
  own_.join_at.reset();
  if (!own_.serverless || (joins.addresses == 0 && !hands_names())) return;
  const Duration pause =
      own_.in_vain ? paced(turn_.now - *own_.in_vain, 4, join_pause, std::max(join_pause, joins.retry_interval))
                   : paced(turn_.now - *own_.serverless, 600, join_pause, knock_at_most);
  own_.join_at = turn_.now + by_chance(pause);
  // The agent has looked up all of them when it started.
  if (!own_.names_at) own_.names_at = std::max(*own_.join_at, turn_.process()->started + name_pause);
  if (joins.addresses == 0) own_.join_at = std::max(*own_.join_at, *own_.names_at);
}

void Joining::join() {
  own_.join_at.reset();
  if (own_.joining || !(turn_.in(Phase::join) || turn_.registering())) return;
  const bool names = hands_names() && turn_.due(own_.names_at);
  if (names) names_later();
  if (!names && turn_.rules().joins.addresses == 0) return;
  own_.joining = true;
  turn_.emit(Join{turn_.launch(), names});
}

// One at a time, and each of them once in the pause.
void Joining::names_later() {
  const Rules::Joins& joins = turn_.rules().joins;
  const Duration pause = paced(turn_.now - *own_.serverless, 4, name_pause, std::max(name_pause, joins.retry_interval));
  own_.names_at = turn_.now + pause / static_cast<std::int64_t>(joins.names);
}

void Joining::on(const Joined& e) {
  own_.joining = false;
  note_since(own_.in_vain, e.told && own_.serverless);
  join_later();
  // It may have worked.
  if (e.told && !own_.leader && own_.probe_at) own_.probe_at = turn_.now;
}

}  // namespace lictor
