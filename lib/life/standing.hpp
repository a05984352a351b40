// Whether the servers hold this node for failed: that is what serfHealth in the catalog says, whatever the agent thinks of itself.
//
//   deaf      no agent that knows a leader, or it is being ended
//   asking    the servers have the question, and answer when that may have changed (a blocking query): a node at rest costs them
//             one question in standing_wait
//   pausing   until the next question: standing_pause at least, longer where there was no answer
//
// When they begin to hold it for failed the node joins again and again for rejoin_for: that has all state exchanged with a server
// over TCP, and brings back a node that has moved. Where nothing reaches it, it is soon failed again: more of that would only wake
// all who wait for news of the catalog. Told of is it at once, but not what the catalog still has from before this agent: that has
// failed_at_first to be corrected in. It is over only once they have held it for alive for a while, longer each time within
// standing_memory: a node that comes and goes at the servers is not told of with each turn.
//
// `ready` does not go by it: the agent serves those who ask it, and a restart would mend nothing.
//
// In: StandingSeen; from the other parts: a leader is found. Out: AwaitStanding, DropStanding, Rejoin. Told to the others: held
// for failed.
//
// Law (tests/walk): heard.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct ClaimsState;
struct JoiningState;

// For which a question may stay with the servers; they take up to a sixteenth more, by chance, so that nodes don't ask together.
inline constexpr Duration standing_wait = std::chrono::minutes(5);
// From one question to the next at least, and from one joining again to the next. A member's old address can be taken over
// DeadNodeReclaimTime, 30 s, after it is dead.
inline constexpr Duration standing_pause = std::chrono::seconds(3);
// For which it joins again. And at most questions that failed, and after one that is forbidden.
inline constexpr Duration rejoin_for = std::chrono::minutes(1);
inline constexpr Duration standing_retry = std::chrono::seconds(10);
inline constexpr Duration standing_forbidden = std::chrono::minutes(1);
// For as long after an agent has met its servers its entry may be that of before.
inline constexpr Duration failed_at_first = std::chrono::seconds(5);
// Held for alive for this long it is alive again; doubled each time, up to the second, unless standing_memory lies between. A
// member that does not answer is suspected for suspicion_mult * log10(members) probes of a second, and then failed again.
Duration alive_again(int members);
inline constexpr Duration alive_again_most = std::chrono::minutes(5);
inline constexpr Duration standing_memory = std::chrono::minutes(10);

struct StandingState {
  int times = 0;             // told of, one soon after the other
  std::optional<Time> last;  // told of, or over
  int looks_failed = 0;      // answers that said so, since lictor's start
  // Of the agent that runs now.
  bool held = false;              // for failed, and told of
  std::optional<Time> met{};      // a leader, first
  std::optional<Time> trouble{};  // since when they have said so, and have not said otherwise for long enough
  std::optional<Time> alive{};    // since when they say otherwise
  std::optional<Time> ask_at{};
  std::optional<Time> asked{};  // last
  int unanswered = 0;           // questions in a row
  bool asking = false;          // an answer is outstanding
  bool operator==(const StandingState&) const = default;
};

class StandingWatch {
 public:
  StandingWatch(StandingState& own, Turn& turn, const JoiningState& joining, const ClaimsState& claims)
      : own_(own), turn_(turn), joining_(joining), claims_(claims) {}

  void ended();  // the agent
  void pause();  // it is being ended, or a stop has begun
  void leader_found();
  void ask();
  void on(const StandingSeen& e);

 private:
  Duration alive_long_enough() const;
  bool rejoins() const;
  Duration limit() const;
  Duration pause_after(StandingAnswer answer);
  void note_failed();
  void note_alive();

  StandingState& own_;
  Turn& turn_;
  const JoiningState& joining_;
  const ClaimsState& claims_;
};

}  // namespace lictor
