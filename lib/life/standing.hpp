// Whether the servers hold this node for failed: that is what serfHealth in the catalog says, whatever the agent thinks of itself. The
// catalog watch asks for it (catalog_watch.hpp).
//
// When they begin to hold it for failed the node joins again and again for rejoin_for: that has all state exchanged with a server
// over TCP, and brings back a node that has moved. Where nothing reaches it, it is soon failed again: more of that would only wake
// all who wait for news of the catalog. Told of is it at once, but not what the catalog still has from before this agent: that has
// failed_at_first to be corrected in. It is over only once they have held it for alive for a while, longer each time within
// standing_memory: a node that comes and goes at the servers is not told of with each turn.
//
// `ready` does not go by it: the agent serves those who ask it, and a restart would mend nothing.
//
// In: NewsSeen; from the other parts: a leader is found. Out: Rejoin. Told to the others: held for failed.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct JoiningState;

// From one joining again to the next at least. A member's old address can be taken over DeadNodeReclaimTime, 30 s, after it is
// dead.
inline constexpr Duration standing_pause = std::chrono::seconds(3);
// For which it joins again.
inline constexpr Duration rejoin_for = std::chrono::minutes(1);
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
  bool held = false;               // for failed, and told of
  std::optional<Time> met{};       // a leader, first
  std::optional<Time> trouble{};   // since when they have said so, and have not said otherwise for long enough
  std::optional<Time> alive{};     // since when they say otherwise
  std::optional<Time> rejoined{};  // last
  bool operator==(const StandingState&) const = default;
};

// For which the question may stay with the servers.
Duration standing_limit(const StandingState& standing, Time now, int members);

class StandingWatch {
 public:
  StandingWatch(StandingState& own, Turn& turn, const JoiningState& joining)
      : own_(own), turn_(turn), joining_(joining) {}

  void ended();  // the agent
  void leader_found();
  void on(StandingAnswer answer);

 private:
  void note_failed();
  void note_alive();

  StandingState& own_;
  Turn& turn_;
  const JoiningState& joining_;
};

}  // namespace lictor
