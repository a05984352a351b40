// Whether the agent answers and knows a leader (life/joining.hpp). Laws: join, patience; of settled, when its full sync is
// over.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Probe& e) {
  static constexpr ProbeAnswer answers[] = {ProbeAnswer::leader, ProbeAnswer::no_leader, ProbeAnswer::silent,
                                            ProbeAnswer::closed};
  const ProbeAnswer answer = mute_ ? ProbeAnswer::silent : answers[by_weight(72, 12, 12, 4)];
  if (answer == ProbeAnswer::closed) return closed(e);
  const int members = answer == ProbeAnswer::silent || seldom(50) ? 0 : static_cast<int>(choices_->upto(3000));
  if (answer != ProbeAnswer::silent) {
    // The first answer proves that one has started with them, but not of one that is being ended.
    if (!answered_ && launched_with_ == version_ && !told_to_end_ && !killed_) proven_ = true;
    answered_ = true;
    unanswered_.reset();
    closing_.reset();
    if (!leader_ && answer == ProbeAnswer::leader) paused_ = now_;
    leader_ = answer == ProbeAnswer::leader;
    if (leader_ && !joined_) joined_ = now_;
    if (leader_) leaderless_.reset();
    if (!leader_ && joined_ && !leaderless_) leaderless_ = now_;
  }
  if (members > 0) members_ = members;
  if (!gossip_ && answer != ProbeAnswer::silent) quarrelled_ = true;
  tell(Probed{e.launch, answer, members, gossip_}, answer == ProbeAnswer::leader      ? "leader"
                                                   : answer == ProbeAnswer::no_leader ? "no leader"
                                                                                      : "silent");
}

// A sign of life, and no answer. What has been known of a leader stands until it lasts.
void Walk::closed(const Probe& e) {
  unanswered_.reset();
  if (!closing_) closing_ = now_;
  if (now_ - *closing_ >= closing_limit) {
    leader_ = false;
    if (joined_ && !leaderless_) leaderless_ = now_;
  }
  tell(Probed{e.launch, ProbeAnswer::closed, 0}, "closed");
}

void Walk::respond(const Join& e) { tell(Joined{e.launch}, "joined"); }

void Walk::take(const Probe& e) {
  if (!unanswered_) unanswered_ = now_;
  owe(e, e.deadline);
}

void Walk::take(const Join& e) {
  const bool another =
      std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Join>(o.effect); });
  hold(agent_ && !leader_ && !stop_at_ && !another, "join", "a leader is known, a stop was asked, or another one runs");
  owe(e, seconds(10));
}

void Walk::hold_patience() const {
  if (stop_at_) return;
  const bool too_early = seen().rules().api_after_join && !answered_;
  const bool hung = !too_early && unanswered_ && now_ - *unanswered_ >= seen().rules().hung_after;
  const bool lost =
      leaderless_ && seen().rules().rejoin_after > Duration{} && now_ - *leaderless_ >= seen().rules().rejoin_after;
  const bool outlived = rejoins_ && now_ - *rejoins_ >= seen().rules().stop_timeout;
  hold(restart_asked_ || outlived || leave_first_ || quarrelled_ || hung || lost, "patience",
       "an agent ended for no reason");
}

void Walk::note_full_sync() {
  // Once over, the full sync stays over, whatever the cluster's size is later said to be.
  if (joined_ && now_ >= *joined_ + sync_window(members_)) synced_ = true;
}

}  // namespace lictor::walk
