#include "life/reloading.hpp"

#include "life/address.hpp"
#include "life/claims.hpp"
#include "life/joining.hpp"
#include "life/turn.hpp"

#include <fmt/format.h>

#include <utility>

namespace lictor {

// ---- prepared

void Reloading::reload() {
  if (turn_.stopping()) return turn_.say(Tone::info, "settings are not read again now");
  take_held();
}

void Reloading::settings_changed() {
  if (turn_.stopping()) return turn_.say(Tone::info, "settings are not read again now");
  apply({.settings = true});
}

// The address is looked at in any case.
void Reloading::apply(const Reload& what) {
  if (own_.after_leave || own_.preparing()) {
    if (what.settings) (own_.after_leave ? own_.after_leave->read : own_.work.again) = true;
    // Whatever becomes of the settings.
    if (what.moves) turn_.post(LookAtAddress{address_looked_at});
    return;
  }
  own_.work = {.running = true};
  own_.moves = what.moves;
  turn_.emit(what);
}

void Reloading::host_renamed() {
  if (turn_.stopping()) return;
  // What is being prepared right now may have the name of before.
  if (own_.preparing()) {
    own_.work.again = own_.at_once = true;
    return;
  }
  apply({.settings = false});
}

// A move that is being prepared is none any more, whatever the host has by the time that it is.
void Reloading::address_found() {
  if (std::exchange(own_.moves, false)) own_.outdated = own_.preparing();
}

void Reloading::on(const Reloaded& e) {
  const bool outdated = std::exchange(own_.outdated, false);
  if (e.result == ReloadResult::broken) {
    refused(e);
  } else if (turn_.stopping()) {
    turn_.emit(Forget{});
  } else if (outdated) {
    turn_.emit(Forget{});
    return prepare_anew(e.settings);
  } else {
    return take(e);
  }
  end();
}

// What was prepared is of no use any more; what it was for, and what has been asked for since, is.
void Reloading::prepare_anew(bool settings) {
  const bool again = std::exchange(own_.work, {}).again;
  own_.outdated = false;
  apply({.settings = settings || again, .moves = own_.moves});
}

void Reloading::refused(const Reloaded& e) {
  if (turn_.stopping()) return;
  count(e.result);
  if (e.settings) own_.held.reset();
  // Settings are told of each time that somebody orders it, an address is looked at until it is taken.
  if (!e.settings) turn_.post(LookAtAddress{look_interval});
  if (!e.settings && std::exchange(own_.refused_move, e.text) == e.text) return;
  turn_.say(Tone::error, "settings not applied, the old ones stay in force", {{"reason", e.text}});
}

void Reloading::end() {
  const bool again = std::exchange(own_.work, {}).again;
  own_.outdated = false;
  if (again && !turn_.stopping()) return apply({.settings = true});
  own_.at_once = false;
  turn_.post(ReloadOver{});
}

// ---- held

void Reloading::take_held() {
  own_.held.reset();
  own_.at_once = true;
  apply({.settings = true});
}

bool Reloading::agent_answers() const {
  const auto& agent = turn_.process();
  return agent && !agent->ending && joining_.answered;
}

// An address is this node's own affair.
bool Reloading::hold(const Reloaded& e) {
  if (!e.settings) return false;
  const Duration spread = e.rules.restart_spread;
  const bool needs_another = e.result == ReloadResult::restart;
  if (!needs_another || own_.at_once || own_.moves || spread <= Duration{} || !agent_answers()) {
    if (std::exchange(own_.held, {}) && !needs_another)
      turn_.say(Tone::info, "the settings are others again, and need no restart of the agent any more");
    return false;
  }
  turn_.emit(Forget{});
  const Time since = own_.held ? own_.held->since : turn_.now;
  if (!own_.held || own_.held->due - turn_.now > spread)
    own_.held = {since, turn_.now + Duration(1 + turn_.random(static_cast<std::uint64_t>(spread.count())))};
  turn_.say(Tone::info, "the new settings need a restart of the agent, which waits for its turn (restart.spread)",
            {seconds_field(own_.held->due - turn_.now), {"keys", e.keys}});
  turn_.post(ReloadEnds{});
  return true;
}

void Reloading::stand_down() {
  own_.after_leave.reset();
  own_.held.reset();
  if (std::exchange(own_.awaited_sync, {})) own_.work = {};
}

// A reload takes all services out of the agent's hands for a moment and gives them back. In the middle of a full sync the agent
// tells the servers so: it takes them out of the catalog, and puts them back after it (seen of Consul 1.8.7 and 1.21.4). A node
// that is not registered yet has nothing to lose, and may need the settings for it.
bool Reloading::await_sync(const Reloaded& e) {
  const std::optional<Time> synced = joining_.synced();
  if (!synced || turn_.due(synced) || !turn_.in(Phase::serve)) return false;
  turn_.emit(Forget{});
  own_.awaited_sync = AwaitedSync{*synced, e.settings};
  turn_.say(Tone::info, "the agent is to take new settings, and does once its full sync is over",
            {seconds_field(*synced - turn_.now), {"keys", e.keys}});
  return true;
}

void Reloading::on_synced() { prepare_anew(std::exchange(own_.awaited_sync, {})->settings); }

// ---- another name

// A name that just ends is a failed member for the servers, for 72 h; and while they have it, they let nobody else join with its
// id. So the agent leaves under it. One that is being ended, or that nobody has heard of yet, can't.
bool Reloading::leave_first(const Reloaded& e) {
  const NodeKey& own = own_.in_force.own;
  if (e.own.name == own.name || e.result != ReloadResult::restart || !agent_answers()) return false;
  turn_.emit(Forget{});
  own_.after_leave = AfterLeave{.read = e.settings || own_.work.again || own_.held};
  own_.held.reset();
  own_.work = {};
  turn_.post(LeaveFirst{{{"name", e.own.name}, {"before", own.name}}});
  return true;
}

void Reloading::left(bool confirmed) {
  if (own_.after_leave) own_.after_leave->left = confirmed;
}

bool Reloading::waits_for_end() const { return own_.after_leave || own_.held; }

void Reloading::agent_is_gone() {
  if (!own_.after_leave) return take_held();
  const AfterLeave what = *std::exchange(own_.after_leave, std::nullopt);
  apply({.settings = what.read, .left = what.left});
}

// ---- taken

void Reloading::take(const Reloaded& e) {
  if (hold(e) || leave_first(e)) return;
  const NodeKey& own = own_.in_force.own;
  const bool moves = e.own.address != own.address;
  const bool asks_agent = e.result == ReloadResult::reloaded || e.result == ReloadResult::restart;
  // One without an answer yet, such as one that waits for a certificate (auto_encrypt), can't be told to reload.
  const bool tell = e.result == ReloadResult::reloaded && agent_answers();
  if (tell && await_sync(e)) return;
  if (moves) {
    ++own_.address_changes;
    turn_.say(Tone::warn, "this node moves to another address",
              {{"name", e.own.name}, {"id", e.own.id}, {"address", e.own.address}, {"before", own.address}});
  }
  own_.refused_move.clear();
  own_.new_keys = e.keys;
  const bool proven = own_.ever_answered && !own_.before;
  // No agent could go back to an address that is gone. What one is told to take it may refuse, whoever had the settings read.
  const bool on_trial = asks_agent && (e.settings || (tell && !moves));
  adopt({e.rules, e.own}, {.launch = turn_.launch(), .keep = on_trial && proven, .reload = tell});
  turn_.post(SettingsTaken{moves, own_.moves});
  if (tell) {
    own_.telling = true;
    return;
  }
  taken(e.result);
  if (asks_agent)
    turn_.post(RestartAgent{moves ? RestartReason::address : RestartReason::settings, {{"keys", e.keys}}});
  turn_.post(ReloadEnds{});
}

void Reloading::adopt(InForce prepared, const Adopt& how) {
  if (how.keep) own_.before = own_.in_force;
  own_.in_force = std::move(prepared);
  turn_.emit(how);
}

void Reloading::taken(ReloadResult result) {
  count(result);
  const Fields keys{{"keys", own_.new_keys}};
  if (result == ReloadResult::unchanged)
    turn_.say(Tone::info, "settings read again; nothing for the agent has changed");
  if (result == ReloadResult::services) turn_.say(Tone::info, "new settings", keys);
  if (result == ReloadResult::reloaded) turn_.say(Tone::info, "new settings, taken by the running agent", keys);
  turn_.post(CheckServices{Sending::news});
}

void Reloading::on(const AgentReloaded& e) {
  if (!std::exchange(own_.telling, false)) return;
  turn_.post(SyncerPaused{true});
  if (e.failure.empty()) {
    proved();
    taken(ReloadResult::reloaded);
  } else if (own_.before && !turn_.stopping()) {
    go_back(Problem{"agent", e.failure, "see the agent's lines above"});
    turn_.post(CheckServices{Sending::difference});
  }
  turn_.post(ReloadEnds{});
}

void Reloading::ended() {
  if (std::exchange(own_.telling, false)) end();
  if (own_.awaited_sync) on_synced();
}

// ---- an id taken back

void Reloading::take_id_back(const std::string& id) {
  own_.taking_id = true;
  turn_.emit(TakeIdBack{id});
}

void Reloading::on(const IdTakenBack& e) {
  own_.taking_id = false;
  const bool good = e.failure.empty();
  if (turn_.stopping()) {
    if (good) turn_.emit(Forget{});
    return;
  }
  if (good) adopt({own_.in_force.rules, e.own}, {.launch = turn_.launch(), .keep = false, .reload = false});
  turn_.post(IdSettled{e.own, e.failure});
  turn_.post(ReloadEnds{});
}

// ---- on trial

void Reloading::proved() {
  own_.ever_answered = true;
  if (std::exchange(own_.before, {})) turn_.emit(Forget{});
}

bool Reloading::on_trial() const { return own_.before && !joining_.answered; }

// The agent that was to take new settings did not get as far as to its API's first answer.
void Reloading::started_in_vain(const std::string& how) {
  go_back(Problem{"agent", fmt::format("with the new settings ({}) it did not start: {}", own_.new_keys, how),
                  "its own last lines above say why; mend the settings and reload them"});
  turn_.post(LaunchNow{});
}

void Reloading::go_back(const Problem& why) {
  own_.in_force = std::move(*own_.before);
  own_.before.reset();
  own_.outdated = own_.work.running;
  count(ReloadResult::broken);
  turn_.say(Tone::error, "new settings taken back, those before are in force again", {{"reason", to_string(why)}});
  turn_.emit(GoBack{why});
  // It may have changed with them, and be no matter of theirs.
  turn_.post(LookAtAddress{address_looked_at});
}

const char* to_string(ReloadResult result) {
  switch (result) {
    case ReloadResult::broken:
      return "broken";
    case ReloadResult::unchanged:
      return "unchanged";
    case ReloadResult::services:
      return "services";
    case ReloadResult::reloaded:
      return "reloaded";
    case ReloadResult::restart:
      return "restart";
  }
  return "";
}

}  // namespace lictor
