// What the servers have of this node: they are asked, and answer when that may have changed (blocking queries, which any of them may
// answer). A node at rest costs them two questions in watch_wait.
//
//   deaf      no agent that knows a leader, or it is being ended
//   part      until the node is registered: of serfHealth alone, and nothing of its services, which come one by one
//   whole     from then on: its checks; its entry with its services
//
// Each of the two questions, of its own:
//
//   asking    the servers have it
//   pausing   until it is asked again: at once where it was held for long. Where it was answered at once with nothing new it is asked
//             again at once, as in a busy cluster what others have changed is told with it, and after a second such answer less and
//             less: a proxy that answers so each time is told of. Where much changes it is asked less and less, too. Where it failed
//             or is forbidden after a pause
//
// While both are asked and nothing is otherwise than the agent has it, nobody else has to look at the catalog. Where something is,
// by the word of any server, that is looked at before anything is written.
//
// In: NewsSeen; from the other parts: a leader is found, registered. Out: AwaitNews, DropNews. Told to the others: a part differs, the
// leader may be lost.
//
// Laws (tests/walk): heard, unhurried.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct ClaimsState;
struct JoiningState;
struct StandingState;

// For which a question may stay with the servers: as long as they take any. They add up to a sixteenth, by chance, so that nodes
// don't ask together.
inline constexpr Duration watch_wait = std::chrono::minutes(10);
// Answered sooner it was not held.
inline constexpr Duration watch_held = std::chrono::seconds(10);
// From one question to the next where something has changed, and for the tenth and later ones in a row, each twice as long.
inline constexpr Duration watch_changed = std::chrono::milliseconds(250);
inline constexpr Duration watch_busy = std::chrono::seconds(1), watch_busy_most = std::chrono::seconds(30);
inline constexpr int watch_often = 10;
// While what is not as the agent has it stays so, doubled each time.
inline constexpr Duration watch_unmended_most = std::chrono::seconds(60);
// After two answers in a row that were not held and had nothing new, doubled with each two more.
inline constexpr Duration watch_hasty = std::chrono::seconds(4), watch_hasty_most = std::chrono::seconds(60);
inline constexpr int hasty_told = 6;
// After one that failed, with each one more; and that is forbidden.
inline constexpr Duration watch_pause = std::chrono::seconds(3), watch_retry = std::chrono::seconds(30);
inline constexpr Duration watch_forbidden = std::chrono::minutes(1);
// After an outage all nodes would ask at once, beside the full sync of each agent: each asks within as long as there was no leader, this
// at most, and not within the first third.
inline constexpr Duration watch_after_outage = std::chrono::seconds(30);

struct Question {
  bool asking = false;  // an answer is outstanding
  std::optional<Time> ask_at{}, asked{}, not_before{};
  Duration limit{};       // of what was asked last
  int unanswered = 0;     // in a row, likewise the following
  int hasty = 0;          // not held, and nothing new
  int busy = 0;           // not held, and something has changed
  bool answered = false;  // of the whole part
  bool put_off = false;   // until some time after an outage
  int unmended = 0;       // otherwise than the agent has it, and again
  bool differs = false;   // by the last that had something new
  bool operator==(const Question&) const = default;
};

// Of the agent that runs now.
struct CatalogWatchState {
  Question checks{}, services{};
  bool whole = false;
  bool told = false;  // that they are hasty
  bool operator==(const CatalogWatchState&) const = default;

  // Whatever changes in the catalog is told of, and it is as the agent has it.
  bool covers() const {
    const auto good = [](const Question& q) { return q.answered && !q.differs && q.unanswered == 0; };
    return whole && good(checks) && good(services);
  }
  // Or is to be soon: nobody has to look at the catalog until then, but once.
  bool comes_to_cover() const { return covers() || (whole && checks.put_off && services.put_off); }
};

class CatalogWatch {
 public:
  CatalogWatch(CatalogWatchState& own, Turn& turn, const JoiningState& joining, const ClaimsState& claims,
               const StandingState& standing)
      : own_(own), turn_(turn), joining_(joining), claims_(claims), standing_(standing) {}

  void ended() { own_ = {}; }  // the agent
  void pause();                // it is being ended, or a stop has begun
  void leader_found(Duration without);
  void registered(bool anew);
  void ask();
  // Whether it was asked for, and is about this node.
  bool on(const NewsSeen& e);

 private:
  Question& question(NodePart part) { return part == NodePart::checks ? own_.checks : own_.services; }
  void drop();
  void ask(NodePart part);
  void ask_soon(Question& question) const;
  Time next(Question& question, NewsAnswer answer);
  Time after_failure(Duration pause);
  void tell_of_haste();

  CatalogWatchState& own_;
  Turn& turn_;
  const JoiningState& joining_;
  const ClaimsState& claims_;
  const StandingState& standing_;
};

}  // namespace lictor
