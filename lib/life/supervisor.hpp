// The agent's process: when it is launched, how it is ended, and what follows when it has ended.
//
//   none       not launched yet, or not to be launched any more
//   waiting    for its moment: at once, after the backoff, once it is known whether the settings are to blame for the last one's
//              end, or once settings are prepared for another name
//   launching  a Launch is under way
//   running
//   ending     told to end, for a restart or, once a stop has said by when, for good: TERM, again and again, then KILL
//
// An agent that dies is launched again after the backoff: doubled each time, restart.min .. restart.max, 20 % jitter. Dead
// give_up_after times before the node was ever ready, it is given up; so it is before, where it ends before it has joined and the
// settings are found to be such that no agent would start with them. After a minute of serving earlier deaths are forgotten.
//
// In: Launched, LaunchFailed, AgentEnded, FaultFound; from the other parts: launch now, restart, replace, end for good, hung.
// Out: Launch, FindFault, EndAgent; told to the others: the agent outlives every KILL, give up.
//
// Laws (tests/walk): one-agent, told, give-up.
#pragma once

#include "life/events.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace lictor {

class Turn;

// Why one agent followed another without a stop.
enum class RestartReason {
  died,
  hung,
  asked,
  settings,
  address,
  id_taken_back,
  gossip_shut_down,
  no_leader,
  renamed,
  left
};
inline constexpr std::array restart_reasons{RestartReason::died,
                                            RestartReason::hung,
                                            RestartReason::asked,
                                            RestartReason::settings,
                                            RestartReason::address,
                                            RestartReason::id_taken_back,
                                            RestartReason::gossip_shut_down,
                                            RestartReason::no_leader,
                                            RestartReason::renamed,
                                            RestartReason::left};
const char* to_string(RestartReason reason);  // as users see it: the enumerator's name

// An agent takes TERM in its first moments for the end of its start, and then goes on: it is told again.
inline constexpr Duration term_interval = std::chrono::milliseconds(100);
inline constexpr Duration kill_after = std::chrono::seconds(3);  // of an agent that is told to end
// After which a stop no longer waits for an agent that outlives KILL.
inline constexpr Duration unkillable_after = std::chrono::seconds(8);
// Of a stop's time, kept for ending the agent: by TERM, then KILL, where it stays; by KILL after a leave. At most a quarter.
inline constexpr Duration ending_reserve = std::chrono::seconds(1);
inline constexpr Duration killing_reserve = std::chrono::milliseconds(200);
Duration reserve(Duration whole, Duration wanted);
inline constexpr Duration calm = std::chrono::seconds(60);  // of serving, after which earlier deaths are forgotten

struct Process {
  int pid = 0;
  Time started{};
  std::optional<RestartReason> ending{};  // why it is being ended where no stop was asked
  bool killed = false;
  bool operator==(const Process&) const = default;
};

struct LastRestart {
  RestartReason reason;
  Time at;  // the end of the agent before
  bool operator==(const LastRestart&) const = default;
};

enum class AgentState { none, waiting, launching, running, ending };

struct SupervisorState {
  AgentState state = AgentState::none;
  Time since{};      // when it began to wait, to run, to end
  int launches = 0;  // number of the latest launch
  std::optional<Process> process;
  std::optional<Time> deadline;                        // to launch; to insist on the end
  std::optional<Time> end_by;                          // the end is for good, and a stop's time is up then
  Time not_before{};                                   // earliest launch after a restart
  int deaths = 0;                                      // in a row
  std::array<int, restart_reasons.size()> restarts{};  // agents that ended without a stop, by RestartReason
  std::optional<LastRestart> last_restart;
  bool operator==(const SupervisorState&) const = default;
};

// Of an agent that has died `times` in a row: whole milliseconds.
Duration backoff(Turn& turn, int times);
// "exit code 1", "signal 9", or why it never became the agent.
std::string how_it_ended(const AgentEnded& e);

class Supervisor {
 public:
  Supervisor(SupervisorState& own, Turn& turn) : own_(own), turn_(turn) {}

  void launch_at(Time when);
  void on(const Launched& e);
  void launch_failed();
  // What follows where no settings are to blame. `was_calm`: the node had served for long enough; `ever_ready`: it has been.
  void not_launched(const Problem& problem, bool was_calm, bool ever_ready);

  // How an agent ended that was running until now.
  struct End {
    bool ordered;  // for a restart
    Fields fields;
  };
  End ended(const AgentEnded& e);
  void follow(const AgentEnded& e, const End& end, bool was_calm, bool ever_ready);
  // Of one that has ended before it was of any use: by itself, for the settings?
  void look_for_fault(const AgentEnded& e);
  void on(const FaultFound& e);

  // Whether an agent has to be replaced for it; says why, or why not. `more`: what led to it.
  bool takes_restart(RestartReason reason, const Fields& more);
  // Ends the agent without leaving; the next one is launched when it is gone, and not before `when`.
  void replace(RestartReason reason, Time when);
  // The agent is to leave before it is replaced; however it ends from here on, that is why.
  void leaves_first();
  // It has, or could not. The next one is launched when it is told to be (launch_waiting).
  void replace_left(bool by_kill);
  void await_settings();
  void launch_waiting();
  // By itself, as somebody else has told it to: it is not told to end, and another one follows.
  void leaves();
  // From here on it is an agent that has died.
  void kill_hung(Duration silent, bool in_part);
  // A launch under way is ended as soon as its pid is known.
  void end_for_good(Time by, bool kill, std::string_view why);
  void stand_down();  // nothing is launched any more
  void on_deadline();

 private:
  void launch();
  void died(const std::string& how, bool was_calm, bool ever_ready);
  Time within_reserve(Time from, Duration wait) const;
  Time end_of_terms() const;
  void terminate();
  void kill(std::string_view why, Tone tone = Tone::info);
  void insist();

  SupervisorState& own_;
  Turn& turn_;
};

}  // namespace lictor
