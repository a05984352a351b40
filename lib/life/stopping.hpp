// The stop, strictly downwards and within stop.timeout, and the end of a life that is given up.
//
//   deciding   whether it leaves or stays is being found out (deciding.hpp)
//   settle     an agent that has met its servers only just now, for the first time or again, is given the time to join and
//              sync: a leave during that full sync leaves a ghost in the catalog. So is one that is being reloaded: in its
//              leave a reload would reach it as an order to end
//   pre_stop   hooks
//   leaving    the agent has been asked to leave, once; the catalog is looked at whenever the servers tell of a change, and
//              now and then, until the node's entry is gone; where it stays, the members are told again, some times, and at
//              last a server is asked to take it out
//   linger     confirmed: the agent gossips on for stop.linger; an entry that comes back is deregistered
//   ending     the agent is being ended (KILL after a leave; TERM, again and again, then KILL where it stays)
//   sweep      whatever else is left is ended: TERM, a short wait, KILL
//   ended      Quit has been given, once; nothing ever follows
//
// A stop that stays goes from deciding to ending; so do QUIT and a second INT, with KILL.
//
// Where the platform gives less than stop.timeout, the stop is cut to fit: a leave comes first. Where half of that time is too short for
// one, hooks run in linger instead, with what is left; and linger is over at half of the time, or does not begin.
//
// Where the node is to have another name, its agent goes the same way from settle to linger, without hooks and whatever the
// policy, and life goes on: the agent is replaced. A stop that comes meanwhile takes over where that is.
//
// In: LeaveAnswered, CatalogSeen, ChangeSeen, Deregistered, ChildrenGone, AgentEnded; from the other parts: begin, decided,
// give up, hooks done, the agent answers, a reload is over. Out: AskLeave, RepeatLeave, AwaitChange, Deregister, SignalChildren,
// AwaitChildren, Quit. Told to the others: look at the catalog, a hook is due, end the agent for good, a leave is over.
//
// Laws (tests/walk): leave-once, quit-once, truth, budget, settled, no-shortcut; of awake: the node's entry is looked at.
#pragma once

#include "life/events.hpp"

#include <optional>
#include <string>

namespace lictor {

class Turn;
struct ClaimsState;
struct DecidingState;
struct Decided;
struct HooksState;
struct JoiningState;
struct RegistrationState;
struct ReloadingState;

inline constexpr Duration settle_limit = std::chrono::seconds(5);      // at most; and a third of stop.timeout
inline constexpr Duration last_look = std::chrono::milliseconds(500);  // for a server's word after the agent's own
// Gossip is not reliable, least of all among few: each of up to nine members passes a message on four times, so one member in
// fifty never gets it. Where the message that a node leaves is lost and the one that it is gone arrives, the servers take the
// node for failed; in the other case it is leaving for them, until they find its agent gone. Either way they keep its entry.
// Heard, a leave is in the catalog after 0.4-1.2 s; the agent gossips for 3.5 s, to other members every 0.2 s.
inline constexpr Duration unheard_after = std::chrono::milliseconds(1500);
inline constexpr Duration repeat_after = std::chrono::milliseconds(200);  // both sooner in a leave that has little time
inline constexpr int most_repeats = 4;
// Between looks at the catalog in a stop while the servers are to tell of a change; and while they can't, where they show the
// entry, and where they show nothing.
inline constexpr Duration look_anyway = std::chrono::milliseconds(500);
inline constexpr Duration look_often = std::chrono::milliseconds(20), look_less_often = std::chrono::milliseconds(100);
inline constexpr Duration look_at_member = std::chrono::seconds(1);      // while a pre_stop hook runs
inline constexpr Duration sweep_grace = std::chrono::milliseconds(500);  // between TERM and KILL
inline constexpr Duration sweep_limit = std::chrono::seconds(2);         // for all of sweep

// Which a leave takes where each word that is lost is said again. A platform that gives less for hooks and leave together gets the
// leave before the hooks.
inline constexpr Duration leave_takes = std::chrono::seconds(3);
// Of the platform's grace, kept back at most: its signal is heard some time after it was sent, and SIGKILL must find nobody.
inline constexpr Duration grace_kept = std::chrono::milliseconds(500);

// What was asked for, and what has become of it.
struct Stop {
  Time asked{};
  bool leave = true;                     // once decided; until then as if
  std::optional<Duration> grace{};       // what the platform gives, where it is known
  bool interrupted = false;              // began with INT or had one: the next one cuts it short
  bool member = false;                   // the agent, just now: it does not leave yet
  bool by_other = false;                 // somebody else has told the agent to leave
  std::optional<Time> asked_to_leave{};  // the agent, at that time; or it was seen to leave
  int repeated = 0;                      // how often the members were told again; a server last
  Time repeat_at{};                      // not before
  bool old_look = false;                 // a catalog look-up from before that is still outstanding: it says nothing
  bool answered = false;                 // the agent's own word that it has left
  bool knew_leader = false;              // when it was asked to leave
  bool forbidden = false;                // the catalog may not be read
  bool confirmed = false;                // a server's word that the node is gone
  bool untold = false;                   // the servers can't be asked to tell of a change
  bool came_back = false;                // the entry, after that; it has not been taken out again yet
  std::optional<Time> awaiting{};        // a change in the catalog, asked for then
  std::string refusal{};                 // why the agent did not take the request to leave
  std::string trouble{};                 // why the stop is not what was asked for; empty: it is
  bool operator==(const Stop&) const = default;
};

enum class StopStep { none, deciding, settle, pre_stop, leaving, linger, ending, sweep, ended };

struct StoppingState {
  StopStep step = StopStep::none;
  Time since{};
  std::optional<Stop> stop;
  bool goes_on = false;          // with another agent: it is no stop of lictor's
  bool left = false;             // a server has confirmed that the agent before has left, and there is no other one yet
  std::optional<Quit> verdict;   // why it ends, where that is not a stop
  std::optional<Time> deadline;  // of the step
  std::optional<Time> task_at;   // next hook or look at the catalog
  bool operator==(const StoppingState&) const = default;
};

// The time that a stop has: stop.timeout, or what the platform gives, where that is less.
Duration budget_of(const Stop& stop, const Rules& rules);

// When that is over. Nothing without a stop, and once the agent is being ended: that has its own clock.
std::optional<Time> out_of_time(const StoppingState& stopping, const Rules& rules);

class Stopping {
 public:
  // What a stop sees of the other parts.
  struct Others {
    const DecidingState& deciding;
    const JoiningState& joining;
    const HooksState& hooks;
    const RegistrationState& registration;
    const ClaimsState& claims;
    const ReloadingState& reloading;
  };
  Stopping(StoppingState& own, Turn& turn, const Others& others) : own_(own), turn_(turn), others_(others) {}

  bool can_begin() const { return (!own_.stop || own_.goes_on) && own_.step < StopStep::sweep; }
  // Begins. True: whether it leaves is open, and decided() follows once all other parts have stood down; else the agent leaves already.
  bool begin(bool interrupt);
  // `launching`: an agent is about to be there.
  void decided(const Decided& what, bool launching, bool restarting);
  // Has the agent leave, for another one to follow.
  void leave_first();
  void launched() { own_.left = false; }
  void give_up(const Problem& why);
  // A hook that must not fail has failed: the stop that is to follow ends with it.
  void end_with(const Problem& why);
  bool second_interrupt();
  bool can_be_cut_short() const { return own_.step < StopStep::sweep; }
  void cut_short(const char* why, bool agent);

  void settle();
  void still_member();
  // By somebody else: the leave is under way.
  void told_to_leave();
  void hook_done();
  void retry_hook();
  void hooks_overdue() { leave(); }
  void spoiled(const std::string& trouble) { this->trouble(trouble); }
  void launch_failed();
  void ended(const AgentEnded& e);  // the agent
  void agent_remains() { sweep(); }

  void on(const CatalogSeen& e);
  void on(const ChangeSeen& e);
  void on(const LeaveAnswered& e);
  void on(const Deregistered& e);
  void on(const ChildrenGone&);

  void on_out_of_time();
  void on_deadline();
  void on_task();
  void on_sweep();

 private:
  void enter(StopStep step);
  void go_on(bool launching, bool restarting);
  Duration budget() const;
  void say_what(bool leave, const std::string& evidence);
  void hooks_over();
  bool cut() const;  // by the platform
  bool hooks_last() const;
  bool hooks_left() const;
  Time end_of_linger() const;
  void confirmed();
  bool in(StopStep step) const { return own_.step == step; }
  Time end_of_time() const;
  Time end_of_leave() const;
  void leave_is_over();
  void pre_stop();
  void leave();
  void await_leave();
  void seen_while_leaving(CatalogAnswer answer);
  void seen_while_lingering(bool there);
  void unconfirmed(bool there);
  void tell_again();
  void look_again(Duration pace);
  void linger_on();
  void left_by_its_own_word(const std::string& instead);
  void agent_missing();
  void trouble(const std::string& text);
  void end_gently();
  void end_by_kill(const std::string& why);
  void sweep();
  void quit();
  std::string evidence() const;
  Quit last_words() const;

  StoppingState& own_;
  Turn& turn_;
  const Others others_;
};

}  // namespace lictor
