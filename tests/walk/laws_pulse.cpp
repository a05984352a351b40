// Whether the agent answers of itself (life/pulse.hpp). Laws: replaced; of patience, what a mute agent may count on.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

namespace {

constexpr Duration sample_takes = std::chrono::milliseconds(250);

}  // namespace

void Walk::respond(const AskOwn& e) {
  const bool told = !deaf_ && !mute_;
  const Time late = own_asked_ + e.deadline;
  if (!told && now_ < late) return owed_.push_back({e, late, asked_leave_});
  if (told) own_mute_ = {};
  tell(OwnAnswered{e.launch, told}, told ? "told" : "mute");
}

void Walk::respond(const AskServers& e) {
  static constexpr ServersAnswer answers[] = {ServersAnswer::steady, ServersAnswer::steady, ServersAnswer::silent,
                                              ServersAnswer::changed};
  const std::size_t which = by_weight(85, 3, 6, 6);
  if (own_mute_) {
    own_mute_->sampled = true;
    if (which == 1) own_mute_->worked = now_;
    if (which >= 2) own_mute_->moved = now_;
    if (which >= 2) own_mute_->since = now_;
  }
  tell(ServersAnswered{e.launch, answers[which], which == 1}, which == 1   ? "telling"
                                                              : which == 0 ? "steady"
                                                              : which == 2 ? "servers silent"
                                                                           : "servers changed");
}

void Walk::take(const AskOwn& e) {
  if (!own_mute_) own_mute_ = OwnMute{.since = now_};
  own_asked_ = now_;
  owe(e, e.deadline);
}

void Walk::take(const AskServers& e) { owe(e, sample_takes); }

// Too early it would be for its servers' sake, or in the middle of what it does.
bool Walk::hung_in_part() const {
  if (!own_mute_ || !own_mute_->sampled) return false;
  const Duration enough = seen().rules().hung_after;
  const bool excused = own_mute_->moved && now_ - *own_mute_->moved < held_up_limit;
  const bool idle = now_ - std::max(own_mute_->since, own_mute_->worked.value_or(own_mute_->since)) >= enough;
  return !excused && (idle || now_ - own_mute_->since >= works_times * enough);
}

void Walk::hold_replaced() const {
  if (!own_mute_ || !agent_ || killed_ || told_to_end_ || stop_at_ || leave_first_ || given_up_) return;
  if (seen().phase() != Phase::registering && seen().phase() != Phase::serve) return;
  const Duration enough = seen().rules().hung_after;
  const Time quiet = std::max(
      {own_mute_->since, own_mute_->worked.value_or(own_mute_->since), own_mute_->moved.value_or(own_mute_->since)});
  const Duration interval = std::clamp<Duration>(enough / 10, sample_at_least, sample_at_most);
  const Duration pause = own_mute_->moved ? std::max(enough / 2, interval) : interval;
  const Duration most = std::max<Duration>(enough, own_mute_->moved ? held_up_limit + pause : Duration{});
  hold(now_ - quiet <= most + pause + 2 * sample_takes, "replaced", "an agent that tells nothing of itself goes on");
}

}  // namespace lictor::walk
