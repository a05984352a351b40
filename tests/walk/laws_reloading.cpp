// Settings in force, and others in their place (life/reloading.hpp). Laws: in-force, back, spread.
#include "walk.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const Reload& e) {
  auto result = static_cast<ReloadResult>(among(5));
  Next next{in_force_.rules, in_force_.own, result, e.settings};
  if (e.moves && !there_) {
    if (other_.empty()) result = next.result = ReloadResult::broken;
    if (result != ReloadResult::reloaded || seldom(20)) next.own.address = other_;
  }
  if (seldom(20)) next.own.name = next.own.name == "n1" ? "n1b" : "n1";
  hold(!e.left || confirmed_, "truth", "an id is taken for free that no server has confirmed to be");
  next.rules.linger = upto(seconds(3));
  // A draw for each hook would make a hundred sequences of one.
  static const std::vector<OnFailure> hooks[] = {{}, {OnFailure::fail}, {OnFailure::retry, OnFailure::ignore}};
  const std::size_t which = among(std::size(hooks));
  next.rules.post_start = hooks[which];
  next.rules.pre_stop = hooks[std::size(hooks) - 1 - which];
  preparing_ = false;
  if (asked_leave_ && !agent_) prepared_since_ = true;
  // Some settings say how long they may wait.
  if (which == 2) next.rules.restart_spread = upto(seconds(20));
  const bool own_affair = at_once_ || e.moves || next.rules.restart_spread == Duration{};
  next.waits = e.settings && result == ReloadResult::restart && !own_affair && agent_ && answered_ && !replaced_ &&
               !killed_ && !told_to_end_ && !rejoins_;
  if (e.settings) unread_ = false;
  if (result != ReloadResult::broken) next_ = next;
  tell(Reloaded{result, next.rules, "settings", next.own, "", e.settings}, "reloaded");
  const auto& held = seen().held();
  if (!e.settings || !held) return;
  hold(!own_affair, "spread", "what was asked for waits");
  hold(result == ReloadResult::restart, "spread", "what needs no other agent waits");
  hold(held->due <= now_ + next.rules.restart_spread, "spread", "new settings wait for too long");
}

void Walk::respond(const TakeIdBack& e) {
  const bool good = mostly(80);
  NodeKey own = in_force_.own;
  own.id = e.id;
  preparing_ = false;
  if (good) next_ = Next{in_force_.rules, own, ReloadResult::restart, false};
  tell(IdTakenBack{own, good ? "" : "disk full"}, "id taken back");
}

void Walk::respond(const Adopt& e) {
  const bool good = mostly(80);
  if (good) proven_ = true;
  paused_ = now_;
  tell(AgentReloaded{e.launch, good ? "" : "500"}, good ? "agent has reloaded" : "agent refuses to reload");
  hold(good || stop_at_ || given_up_ || !kept_, "back", "settings that the agent refuses stay in force");
}

void Walk::take(const Reload& e) {
  begin_to_prepare();
  if (e.settings) to_read_ = false;
  owe(e, seconds(3));
}

void Walk::take(const TakeIdBack& e) {
  begin_to_prepare();
  owe(e, seconds(1));
}

void Walk::begin_to_prepare() {
  hold(!preparing_ && !next_, "in-force", "settings are prepared beside others that are");
  preparing_ = true;
  base_ = version_;
}

void Walk::take(const Adopt& e) {
  hold(next_ && !preparing_, "in-force", "nothing is prepared");
  hold(!stop_at_ && !given_up_, "in-force", "new settings come into force in a stop");
  hold(next_->own.name == in_force_.own.name || next_->result != ReloadResult::restart || !agent_ || !answered_ ||
           replaced_ || killed_ || rejoins_,
       "renamed", "an agent is replaced by one of another name without having left");
  hold(!next_->waits, "spread", "an agent is replaced before the turn of the new settings has come");
  hold(base_ == version_, "in-force", "what comes into force was compared with others than those in force");
  hold(!e.keep || proven_, "back", "settings are kept that no agent has answered with");
  // Another address or id is no matter of the settings: no agent could go back to it.
  const bool moves = next_->own.address != in_force_.own.address;
  const bool asks_agent = next_->result == ReloadResult::restart || next_->result == ReloadResult::reloaded;
  const bool on_trial = asks_agent && (next_->settings || (e.reload && !moves));
  hold(e.keep || !proven_ || !on_trial, "back", "nothing is kept to go back to from what an agent may refuse");
  if (moves && !next_->settings) hold_steady();
  if (moves) {
    there_ = true;
    other_.clear();
    read_there_ = now_;
  }
  hold(!e.reload || !joined_ || synced_ || seen().phase() != Phase::serve, "settled",
       "the agent is told to reload in its full sync");
  if (e.keep) kept_ = in_force_;
  if (next_->result == ReloadResult::restart || (next_->result == ReloadResult::reloaded && !e.reload))
    restart_asked_ = true;
  if (next_->own.id != in_force_.own.id) holder_.clear();
  put_into_force({next_->rules, next_->own});
  next_.reset();
  // What asks nothing of an agent is as good as what it joins.
  if (!asks_agent && agent_ && launched_with_ == version_ - 1) launched_with_ = version_;
  if (on_trial) proven_ = false;
  if (e.reload) {
    hold(agent_, "in-force", "there is no agent to be told");
    launched_with_ = version_;
    owe(e, seconds(3));
  }
}

void Walk::put_into_force(InForce settings) {
  in_force_ = std::move(settings);
  hooks_wanted_ = std::min(hooks_wanted_, in_force_.rules.post_start.size());
  ++version_;
}

void Walk::take(const GoBack&) {
  hold(kept_.has_value(), "back", "there is nothing to go back to");
  hold(!stop_at_ && !given_up_, "in-force", "settings come into force in a stop");
  put_into_force(*kept_);
  kept_.reset();
  next_.reset();
  proven_ = true;
  if (std::exchange(did_not_start_, false)) back_at_ = now_;
  if (agent_) launched_with_ = version_;
}

void Walk::take(const Forget&) {
  if (next_ && next_->own.name != in_force_.own.name && agent_ && !stop_at_ && !given_up_) leave_first_ = now_;
  next_.reset();
  kept_.reset();
}

// At a launch.
void Walk::hold_back() {
  hold(!did_not_start_, "back", "a launch with settings with which an agent could not start");
  hold(!back_at_ || *back_at_ == now_, "back", "the agent with the settings before is not launched at once");
  back_at_.reset();
}

void Walk::note_turn_has_come() {
  if (seen().held() && seen().held()->due <= now_) at_once_ = true;
}

void Walk::hold_spread() {
  const auto& held = seen().held();
  hold(!held || held->due > now_, "spread", "new settings whose turn has come go on waiting");
  hold(!held || !(stop_at_ || given_up_), "spread", "a stop has new settings wait");
  hold(!held || agent_, "spread", "new settings wait though there is no agent");
  if (!seen().reloading() && !preparing_) at_once_ = false;
}

bool Walk::reads() const { return !stop_at_ && !life_.stopping.verdict && seen().phase() != Phase::prepare; }

// Whether they are.
bool Walk::note_to_read() {
  if (reads()) to_read_ = true;
  return reads();
}

void Walk::hold_in_force() const {
  hold(!to_read_ || preparing_ || seen().reloading() || !reads(), "in-force", "settings that were to be read are not");
  hold(seen().rules() == in_force_.rules && seen().own() == in_force_.own, "in-force",
       "the life goes by other settings than those in force");
}

}  // namespace lictor::walk
