// The settings that are in force, and how others come into their place.
//
//   idle       nothing is being prepared
//   preparing  settings are read and compared beside those in force (a Reload), or an id is taken back; ordered once more
//              meanwhile, they are read once more
//   awaiting   the running agent is to take it, and its full sync is not over: nothing is in force yet, and all is prepared anew
//              then
//   telling    what was prepared is in force, and the running agent is told to take it
//   on trial   an agent has to answer with what is in force now; what was in force before is kept
//   leaving    what was prepared gives the node another name: the agent leaves under its own first. Then, when it has ended,
//              all is prepared anew, with the id that this has set free, and the next agent is launched with that
//
// Settings that a changed file has brought reach all nodes at once, and an agent that starts anew has the servers answer much. So
// where they need another agent and nobody here has asked for them they are held: read once more, and taken, when a part of
// restart.spread is over that chance gives this node. What is read until then is held for the same moment, or ends the wait where
// it needs no other agent; an order to read them ends it at once, and so does the agent's end, for whatever reason.
//
// Only Adopt puts what was prepared into force, never in a stop, which ends with the settings that it began with. An agent
// that ends before its API has answered, or that refuses to reload, is followed by GoBack to the last settings with which
// an agent has answered, and is not counted as a death.
//
// In: Reloaded, AgentReloaded, IdTakenBack, HostRenamed, SettingsChanged; from the other parts: reload, the address has changed, take this id
// back, an agent has answered, it was started in vain, a leave is over. Out: Reload, TakeIdBack, Adopt, GoBack, Forget. Told
// to the others: settings are taken, an id is settled, leave first, restart the agent, launch one now, look at the address.
//
// Laws (tests/walk): in-force, back, renamed, spread; of settled: while the node serves no agent reloads in its full sync.
#pragma once

#include "life/events.hpp"
#include "life/preparing.hpp"

#include <array>
#include <optional>
#include <string>

namespace lictor {

class Turn;
struct JoiningState;

// What the life goes by of settings that are in force.
struct InForce {
  Rules rules;
  NodeKey own;  // as the agent was, or will be, started
  bool operator==(const InForce&) const = default;
};

// What follows once the agent has left and ended.
struct AfterLeave {
  bool read = false;  // the settings
  bool left = false;  // a server has confirmed it
  bool operator==(const AfterLeave&) const = default;
};

// Settings that need another agent, and wait for their turn.
struct Held {
  Time since, due;
  bool operator==(const Held&) const = default;
};

// Settings that the running agent is to take once its full sync is over.
struct AwaitedSync {
  Time due;
  bool settings;
  bool operator==(const AwaitedSync&) const = default;
};

struct ReloadingState {
  InForce in_force;
  Work work;  // a reload, until the agent has taken it, too
  std::optional<AfterLeave> after_leave;
  bool taking_id = false;  // back
  bool at_once = false;    // what is being read, and what is to be after that, is not held
  std::optional<Held> held;
  std::optional<AwaitedSync> awaited_sync;
  bool telling = false;           // the running agent, which has not answered yet
  bool moves = false;             // what is being read takes another address
  bool outdated = false;          // what is being read is compared with what is so no longer
  std::optional<InForce> before;  // while settings are on trial: the last ones with which an agent has answered
  bool ever_answered = false;     // an agent's API
  std::string new_keys;           // of the settings adopted last
  std::string refused_move;       // why another address was last not taken; said once
  std::array<int, reload_results.size()> results{};  // how often, by ReloadResult
  int address_changes = 0;
  bool operator==(const ReloadingState&) const = default;

  bool preparing() const { return work.running || taking_id; }
};

class Reloading {
 public:
  Reloading(ReloadingState& own, Turn& turn, const JoiningState& joining) : own_(own), turn_(turn), joining_(joining) {}

  void begin_with(const Rules& rules) { own_.in_force.rules = rules; }
  void begin_with(const Rules& rules, const NodeKey& key) { own_.in_force = {rules, key}; }

  void reload();            // somebody here wants it
  void settings_changed();  // by themselves
  void on_synced();         // the agent's full sync is over
  void take_held();         // its turn has come, or there is no agent any more for whose sake it would wait
  void address_changed() { apply({.settings = false, .moves = true}); }
  void address_found();
  void host_renamed();
  void left(bool confirmed);
  // Settings are to be read before the next agent is launched: those for another name, or those that are held.
  bool waits_for_end() const;
  void agent_is_gone();
  void stand_down();
  void take_id_back(const std::string& id);
  void ended();   // the agent
  void proved();  // an agent has answered with the settings in force
  // Whether an agent that has ended now, or could not be launched, is the fault of settings on trial.
  bool on_trial() const;
  void started_in_vain(const std::string& how);
  void end();  // of this reload nothing is to be done any more

  void on(const Reloaded& e);
  void on(const AgentReloaded& e);
  void on(const IdTakenBack& e);

 private:
  void apply(const Reload& what);
  void prepare_anew(bool settings);
  void refused(const Reloaded& e);
  void take(const Reloaded& e);
  bool agent_answers() const;
  bool hold(const Reloaded& e);
  bool leave_first(const Reloaded& e);
  bool await_sync(const Reloaded& e);
  void taken(ReloadResult result);
  void adopt(InForce prepared, const Adopt& how);
  void go_back(const Problem& why);
  void count(ReloadResult result) { ++own_.results[static_cast<std::size_t>(result)]; }

  ReloadingState& own_;
  Turn& turn_;
  const JoiningState& joining_;
};

}  // namespace lictor
