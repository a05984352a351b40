// Other claims on this node's name, id and address: looked for, told of, and cleared away where they are dead.
//
//   quiet      nothing claims what is ours: no further looks
//   open       something does: members and catalog are looked at again and again. What this node itself has been is cleared
//              away where it is dead, a member only when two looks have shown it dead; all else is told of, and looked at less
//              and less while it stays as it is
//   wary       for a minute after a new address, a quarrel about the name, an entry cleared away without its member, or when the
//              servers hold the node for failed: looked at often
//   contested  the catalog shows our name under another id. At our own address that was this node before it lost its data
//              directory: the id is taken back, once. Elsewhere it is another node: nothing is left in its name
//
// In: LookedAround, Cleared, CatalogSeen; from the other parts: registered, name taken, id settled, gossip shut down,
// settings taken, held for failed. Out: LookAround, Clear. Told to the others: take this id back, restart or replace the agent.
//
// Laws (tests/walk): hands-off, evidence.
#pragma once

#include "life/events.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

class Turn;
struct IdSettled;
struct ReloadingState;
struct RegistrationState;

// For which the catalog must have shown our name under another id at our address: the servers then refuse ours for good.
// Shorter, it may be the entry of before that a server is just replacing.
inline constexpr Duration reserved_after = std::chrono::milliseconds(500);
// Between looks at members and catalog while there is something to clear away, or may be once it is dead, or the node is wary. A member is pruned only when two looks
// have shown it dead: by then its death has spread. Serf stops for 8 s, its lock held, wherever it is told to prune a
// member that it still takes for alive (handlePrune).
inline constexpr Duration look_interval = std::chrono::seconds(3);
// Where there is only what is somebody else's, at most.
inline constexpr Duration look_seldom = std::chrono::minutes(1);
// A killed member is failed after 5-9 s, and its address can be taken over 30 s after that (Consul's
// DeadNodeReclaimTime): for as long a node that has moved may be taken for its own impostor. And an entry cleared away
// without a member may have one that is only suspected, of which no newcomer is told: a server that still takes it for alive
// may put it back.
inline constexpr Duration wary_for = std::chrono::seconds(60);

// Conflicts met and healings done, since lictor's start. One claim counts once.
struct ClaimCounts {
  int address_claims = 0, name_claims = 0, id_claims = 0;  // by ClaimKind, dead or alive
  int gossip_shut_down = 0;                                // agents whose serf had shut itself down
  int ids_taken_back = 0, claims_cleared = 0, clearings_refused = 0;
  bool operator==(const ClaimCounts&) const = default;
};

struct ClaimsState {
  std::vector<Claim> claims;       // as last seen in members and catalog
  Time changed{};                  // when they last did
  std::optional<Claim> contested;  // another id holds our name, by the last look-up that could tell
  std::optional<Time> wary_until;
  bool took_id = false;           // back, or tried to, since the node was last registered
  int quarrels = 0;               // agents in a row whose gossip had shut itself down
  std::optional<Time> around_at;  // next look at members and catalog
  ClaimCounts counts;
  // Of the agent that runs now.
  bool looking_around = false, clearing = false;  // an answer is outstanding
  std::vector<Claim> to_clear{};                  // dead, not yet dealt with; the last one first
  std::vector<std::string> refused{};             // names that may not be cleared away: not tried again with this agent
  bool operator==(const ClaimsState&) const = default;

  bool wary(Time now) const { return contested || (wary_until && now < *wary_until); }
  bool held_elsewhere(const NodeKey& own) const { return contested && contested->address != own.address; }
};

class Claims {
 public:
  Claims(ClaimsState& own, Turn& turn, const RegistrationState& registration, const ReloadingState& reloading)
      : own_(own), turn_(turn), registration_(registration), reloading_(reloading) {}

  void ended();  // the agent
  void pause() { own_.around_at.reset(); }
  void be_wary();
  void look_around();
  void look_later();  // nobody would tell of the catalog now

  void on(const LookedAround& e);
  void on(const Cleared& e);
  void note_holder(const CatalogSeen& e);
  void registered(bool anew);
  void name_taken();
  void on(const IdSettled& e);
  void gossip_shut_down();
  void settings_taken(bool moved);
  void held_for_failed();

 private:
  void end_contest();
  void tell_of(const std::vector<Claim>& claims);
  Duration until_next_look() const;
  void clear_dead(const std::vector<Claim>& before);
  void clear_next();

  ClaimsState& own_;
  Turn& turn_;
  const RegistrationState& registration_;
  const ReloadingState& reloading_;
};

}  // namespace lictor
