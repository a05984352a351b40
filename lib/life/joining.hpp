// Whether the agent answers and knows a leader: its API is polled, often until it has joined, seldom later.
//
//   silent    asked in vain; for hung_after: the agent is hung (not where its API opens only once it has joined). One that has yet
//             to answer first, and works, is about to: it is hung when it has not worked for hung_after, or after works_times that
//   closing   it ends each connection without an answer: not ready, and left alone
//   answered  a leader is known, or none: then it is told to join, now and then, not in step with other nodes. Where it
//             had joined and has known none for rejoin_after, it is replaced
//
// In: Launched, AgentEnded, Probed, Joined. Out: Probe, Join. Told to the others: answered, a leader is found, missing,
// the gossip has shut itself down, hung.
//
// Laws (tests/walk): patience, join; of settled: when the agent's full sync is over.
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
// Between attempts to join of an agent that has known no leader for longer than the first of these: at random between the
// two, so that ten thousand nodes whose servers come back do not come in step.
inline constexpr Duration join_at_least = std::chrono::milliseconds(400);
inline constexpr Duration join_at_most = std::chrono::milliseconds(800);

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
  std::optional<Time> closing{};     // since when it ends connections without an answer
  bool closes = false;               // and has done so for a while
  int members = 0;
  bool probing = false, joining = false;  // an answer is outstanding
  std::optional<Time> probe_at{};
  std::optional<Time> join_at{};  // next attempt, while no leader is known
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
  void pause() { own_.probe_at.reset(); }
  void probe();
  void join();

 private:
  void silent(bool works);
  bool hung() const;
  void answered(const Probed& e);
  void note_closing(bool closes);
  void note_leader(bool leader);
  void next_probe();
  void probe_again(Duration waited);
  void join_later();

  JoiningState& own_;
  Turn& turn_;
  const ClaimsState& claims_;
};

}  // namespace lictor
