// Whether the agent answers and knows a leader: its API is polled, often until it has joined, seldom later.
//
//   silent    asked in vain; for hung_after: the agent is hung (not where its API opens only once it has joined). One that has yet
//             to answer first, and works, is about to: it is hung when it has not worked for hung_after, or after works_times that
//   closing   it ends each connection without an answer: not ready, and left alone
//   answered  a leader is known, or none. Where it had joined and has known none for rejoin_after, it is replaced, unless it
//             knows no server and nobody is there who could be joined
//
// An agent that knows no server is told to join, not in step with other nodes. It writes lines of log for each attempt, and looks
// up a name each time anew, so only what may help is handed to it: addresses that take a connection, which lictor finds out by
// itself, about each second and after an hour within knock_at_most; where that was in vain, after ever longer pauses, up to its
// own retry_interval. Names likewise, each once in name_pause at first; an agent that has never found anybody looks for them
// itself each retry_interval, and is helped only for names_at_first.
//
// Servers that come back after a quarter of a minute or longer are asked for their leader after a moment only, the longer the larger
// the cluster and another one for each node: they have to elect one, and to answer the full sync of each agent. Few nodes wait for
// nothing.
//
// While a leader is known the agent alone is asked, which tells of itself how many servers are alive. These are asked where that has
// changed, and where something speaks for it that the leader is lost: a question that failed, the agent's log; within half of
// hung_after, and no more often, but once more soon after that.
//
// In: Launched, AgentEnded, Probed, Joined, ServersDoubted; from the other parts: the leader is doubted. Out: Probe, Join. Told to the others: answered, a leader is found, missing,
// the gossip has shut itself down, hung.
//
// Laws (tests/walk): patience, join, rest; of settled: when the agent's full sync is over.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct ClaimsState;

// Time within which an agent runs its first full sync after it has met a server: 3 s at random, multiplied by Consul's
// scale factor for clusters over 128 members (agent/ae: serverUpIntv, scaleFactor).
Duration sync_window(int members);
// Time within which it tries again to run one that fell into a registration or a reload, for which its syncer is paused: 15 to
// 30 s, multiplied likewise (agent/ae: retryFailIntv).
Duration sync_retry_window(int members);

// How many times hung_after an agent may take that works and has yet to answer.
inline constexpr int works_times = 10;
// For which an agent must have ended each connection to count as one that does: one that is ending does so for a moment.
inline constexpr Duration closing_limit = std::chrono::seconds(1);
// Between attempts to join, at first and at most, where nobody takes a connection; a third more or less, by chance.
inline constexpr Duration join_pause = std::chrono::milliseconds(600);
inline constexpr Duration knock_at_most = std::chrono::seconds(5);
// From one look-up of a name to the next, at least; and for which an agent that looks itself is helped, from its start.
inline constexpr Duration name_pause = std::chrono::seconds(5);
inline constexpr Duration names_at_first = std::chrono::minutes(1);
// Between questions for a leader to servers that have none: at first the longer the longer there was none, up to a time for each
// member.
inline constexpr Duration ask_servers_at_least = std::chrono::milliseconds(500);
inline constexpr Duration ask_servers_of_each = std::chrono::milliseconds(10),
                          ask_servers_at_first = std::chrono::seconds(2);
inline constexpr Duration ask_servers_at_most = std::chrono::seconds(5);

// A server that lives on takes one that is gone for the leader for as long as its own patience is: raft's heartbeat timeout.
inline constexpr Duration doubt_again = std::chrono::seconds(6);

// Of the agent that runs now.
struct JoiningState {
  std::optional<Time> answered{};  // the API's first answer
  // Since when the API has been asked in vain; nothing once it has answered. It is not asked all the time: what counts is
  // how long it has not answered, not how long ago it last did.
  std::optional<Time> unanswered{};
  std::optional<Time> worked{};      // last, before its first answer
  std::optional<Time> joined{};      // a leader was first known
  std::optional<Time> led{};         // a leader was known anew: first, or after there was none
  std::optional<Time> leaderless{};  // since when none is known, once it has joined
  bool leader = false;               // at the last answer
  std::optional<Time> serverless{};  // since when the agent has known no server that is alive
  std::optional<Time> unled{};       // since when it has known one, and no leader
  std::optional<Time> closing{};     // since when it ends connections without an answer
  bool closes = false;               // and has done so for a while
  int members = 0;
  std::optional<Time> asked_servers{};    // for a leader, last
  bool doubts = false;                    // that there is one still, and they are to be asked
  std::optional<Time> doubts_at{};        // once more, then
  bool probing = false, joining = false;  // an answer is outstanding
  std::optional<Time> probe_at{};
  std::optional<Time> join_at{};   // next attempt, while no server is known
  std::optional<Time> names_at{};  // with a name among what it is told, from then on
  std::optional<Time> in_vain{};   // since when it has been told at each attempt
  bool operator==(const JoiningState&) const = default;

  // When the agent's full sync for the servers that it has last met is over; nothing before it knew a leader.
  std::optional<Time> synced() const;
};

class Joining {
 public:
  Joining(JoiningState& own, Turn& turn, const ClaimsState& claims) : own_(own), turn_(turn), claims_(claims) {}

  void launched();
  void ended() { own_ = {}; }
  void on(const Probed& e);
  void on(const Joined& e);
  void ask_now();
  void ask_within(Duration time);  // where it is asked at all
  void doubt();                    // the leader that was known
  void pause() { own_.probe_at.reset(); }
  void probe();
  void join();

 private:
  void silent(bool works);
  bool hung() const;
  void answered(const Probed& e);
  void note_closing(bool closes);
  bool another_may_help() const;
  void note_leader(ProbeAnswer answer);
  void note_since(std::optional<Time>& since, bool so) const;
  void next_probe();
  Duration ask_pause() const;
  Time in_vain_since() const;
  void probe_again(Duration waited);
  void stop_joining();
  bool hands_names() const;
  Duration by_chance(Duration pause) const;
  void join_later();
  void names_later();

  JoiningState& own_;
  Turn& turn_;
  const ClaimsState& claims_;
};

}  // namespace lictor
