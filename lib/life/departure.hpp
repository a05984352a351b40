// Whether the agent leaves the cluster though lictor has not asked it to: an operator's `consul leave`, or anybody's
// PUT /v1/agent/leave.
//
//   at ease   nothing speaks for it
//   looking   something does, and the agent is asked what it is: its own log says so; the servers have no check of this node, or
//             no entry that they had; its gossip has ended; or lictor is about to ask it to leave. Until it has answered nothing
//             is written to a catalog that shows no entry: in a leave that puts the node back
//
// An agent that has ended with 0 has left, too: it ends with another code wherever else it ends. Not one whose API has never
// answered, as nobody can have told it to.
//
// In: LeaveAnnounced, MemberSeen; from the other parts: AgentEnded, NewsSeen, CatalogSeen, gossip shut down. Out: LookAtMember. Told to the
// others: told to leave, still a member, the gossip has ended without a leave, look at the catalog.
//
// Laws (tests/walk): of leave-once, that an agent that is seen to leave is not asked to; ready; truth.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct JoiningState;
struct RegistrationState;

// The agent says in its log that it leaves, and is on its way to do it: it is asked again, for a while.
inline constexpr Duration announced_for = std::chrono::seconds(1);
inline constexpr Duration announced_look = std::chrono::milliseconds(100);

// Of the agent that runs now.
struct DepartureState {
  bool looking = false;  // an answer is outstanding
  std::optional<Time> announced{};
  std::optional<Time> look_at{};  // again
  bool gossip = false;            // for nobody listens on the serf port any more
  bool gone = false;              // the entry that the catalog had shown, at the last look
  bool believed = false;          // and not for a leave
  bool operator==(const DepartureState&) const = default;
};

class Departure {
 public:
  Departure(DepartureState& own, Turn& turn, const JoiningState& joining, const RegistrationState& registration)
      : own_(own), turn_(turn), joining_(joining), registration_(registration) {}

  void look();
  void announced();
  // What the catalog shows may be the work of a leave: it is looked at again when the agent has been asked.
  bool doubts(const CatalogSeen& e);
  void gossip_shut_down();
  void on(StandingAnswer standing);
  void on(const MemberSeen& e);
  bool left(const AgentEnded& e) const;
  void ended() { own_ = {}; }  // the agent

 private:
  bool may_be_told() const;

  DepartureState& own_;
  Turn& turn_;
  const JoiningState& joining_;
  const RegistrationState& registration_;
};

}  // namespace lictor
