// Whether the agent answers and knows a leader (life/joining.hpp). Laws: join, quiet, patience; of settled, when its full sync is
// over.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Probe& e) {
  static constexpr ProbeAnswer answers[] = {ProbeAnswer::leader, ProbeAnswer::no_leader, ProbeAnswer::silent,
                                            ProbeAnswer::closed};
  ProbeAnswer answer = mute_ ? ProbeAnswer::silent : answers[by_weight(72, 12, 12, 4)];
  // As it was, mostly: what servers are away for takes a while.
  if (answer == ProbeAnswer::leader && serverless_ && choices_->upto(9) > 1) answer = ProbeAnswer::no_server;
  if (answer == ProbeAnswer::no_leader && choices_->upto(3) > 0) answer = ProbeAnswer::no_server;
  if (answer == ProbeAnswer::leader && unled_ && choices_->upto(9) > 2) answer = ProbeAnswer::no_leader;
  if (answer == ProbeAnswer::leader && closing_ && choices_->upto(4) > 0) answer = ProbeAnswer::closed;
  if (answer == ProbeAnswer::closed) return closed(e);
  const int members = answer == ProbeAnswer::silent || seldom(50)
                          ? 0
                          : static_cast<int>(choices_->upto(answer == ProbeAnswer::no_server && !joined_ ? 3 : 3000));
  if (answer != ProbeAnswer::silent) {
    // The first answer proves that one has started with them, but not of one that is being ended.
    if (!answered_ && launched_with_ == version_ && !told_to_end_ && !killed_) proven_ = true;
    answered_ = true;
    unanswered_.reset();
    closing_.reset();
    closes_ = false;
    if (!leader_ && answer == ProbeAnswer::leader) paused_ = now_;
    leader_ = answer == ProbeAnswer::leader;
    if (leader_ && !joined_) joined_ = now_;
    if (leader_ && leaderless_) note_outage_over();
    if (leader_) leaderless_.reset();
    if (!leader_ && joined_ && !leaderless_) leaderless_ = now_;
    if (answer != ProbeAnswer::no_leader) unled_.reset();
    if (answer == ProbeAnswer::no_leader && !unled_) unled_ = now_;
    if (answer != ProbeAnswer::no_server) serverless_.reset();
    if (answer == ProbeAnswer::no_server && !serverless_) serverless_ = Serverless{now_};
  }
  if (members > 0) members_ = members;
  const bool works = answer == ProbeAnswer::silent && launches_ % 2 == 0;
  if (works) worked_ = now_;
  if (!gossip_ && answer != ProbeAnswer::silent) quarrelled_ = true;
  tell(Probed{e.launch, answer, members, gossip_, works}, answer == ProbeAnswer::leader      ? "leader"
                                                          : answer == ProbeAnswer::no_leader ? "no leader"
                                                                                             : "silent");
}

// A sign of life, and no answer. What has been known of a leader stands until it lasts.
void Walk::closed(const Probe& e) {
  unanswered_.reset();
  if (!closing_) closing_ = now_;
  closes_ = now_ - *closing_ >= closing_limit;
  if (closes_) {
    leader_ = false;
    serverless_.reset();
    unled_.reset();
    if (joined_ && !leaderless_) leaderless_ = now_;
  }
  tell(Probed{e.launch, ProbeAnswer::closed, 0}, "closed");
}

void Walk::respond(const Join& e) {
  const bool told = choices_->upto(3) > 1;
  if (serverless_) serverless_->attempt_over = now_;
  if (serverless_ && !told) serverless_->in_vain.reset();
  if (serverless_ && told && !serverless_->in_vain) serverless_->in_vain = now_;
  tell(Joined{e.launch, told}, told ? "told to join" : "nobody to join");
}

void Walk::take(const Probe& e) {
  hold(e.servers || ((leader_ || serverless_) && !stop_at_), "rest",
       "no leader is known, and no server is asked for one");
  hold(!e.servers || !leader_ || stop_at_ || asks_allowed_ > 0, "rest",
       "a server is asked for a leader though all is well");
  if (e.servers) doubted_.reset();
  if (e.servers && leader_) --asks_allowed_;
  if (!unanswered_) unanswered_ = now_;
  owe(e, e.deadline);
}

void Walk::take(const Join& e) {
  const bool another =
      std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Join>(o.effect); });
  hold(agent_ && serverless_ && !stop_at_ && !another, "join",
       "a server is known, a stop was asked, or another one runs");
  hold_quiet(e);
  owe(e, seconds(10));
}

void Walk::hold_quiet(const Join& e) {
  const Rules::Joins& joins = seen().rules().joins;
  hold(joins.addresses > 0 || (e.names && joins.names > 0), "quiet", "nobody is there to be joined");
  if (const auto over = serverless_->attempt_over) {
    const Duration vain = serverless_->in_vain ? (*over - *serverless_->in_vain) / 4 : Duration{};
    const Duration pause = std::clamp(vain, join_pause, std::max(join_pause, joins.retry_interval));
    hold(now_ - *over >= 2 * (pause / 3), "quiet", "told to join again too soon");
  }
  if (!e.names) return;
  const auto names = static_cast<std::int64_t>(joins.names);
  hold(!name_told_ || now_ - *name_told_ >= name_pause / names, "quiet", "a name is looked up again too soon");
  const bool looks_itself = !joined_ && members_ <= 1 && now_ - launched_at_ >= names_at_first;
  hold(!looks_itself, "quiet", "a name for an agent that looks for it by itself");
  name_told_ = now_;
}

void Walk::doubt() {
  doubted_ = doubted_.value_or(now_);
  asks_allowed_ = std::min(asks_allowed_ + 2, 3);
}

// Within half of hung_after of the last time, unless the agent has yet to answer what it was asked before.
void Walk::hold_rest() const {
  const bool asked =
      std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Probe>(o.effect); });
  if (!doubted_ || !leader_ || asked || !ready(life_) || stop_at_) return;
  hold(life_.joining.probe_at && *life_.joining.probe_at <= *doubted_ + 2 * seen().rules().hung_after, "rest",
       "the leader may be lost, and no server is asked");
}

void Walk::hold_patience() const {
  if (stop_at_) return;
  const bool too_early = seen().rules().api_after_join && !answered_;
  const Duration enough = seen().rules().hung_after;
  const bool silent = !too_early && unanswered_ && now_ - *unanswered_ >= enough;
  const bool works = silent && !answered_ && worked_ && now_ - *worked_ < enough;
  const bool hung = (silent && (!works || now_ - *unanswered_ >= works_times * enough)) || hung_in_part();
  const Duration rejoin_after = seen().rules().rejoin_after;
  const bool lost = leaderless_ && rejoin_after > Duration{} && now_ - unled_.value_or(*leaderless_) >= rejoin_after;
  const bool outlived = rejoins_ && now_ - *rejoins_ >= seen().rules().stop_timeout;
  hold(restart_asked_ || outlived || leave_first_ || quarrelled_ || hung || lost, "patience",
       "an agent ended for no reason");
}

void Walk::note_full_sync() {
  // Once over, the full sync stays over, whatever the cluster's size is later said to be.
  if (joined_ && now_ >= *joined_ + sync_window(members_)) synced_ = true;
}

}  // namespace lictor::walk
