// What the parts of the life tell each other. A part posts it (Turn::post); once it is done, life.cpp hands it on, before
// anything else happens.
#pragma once

#include "life/deciding.hpp"
#include "life/supervisor.hpp"

#include <optional>
#include <string>
#include <variant>

namespace lictor {

// ---- joining
struct Answered {  // the agent's API; first: for the first time
  bool first;
};
struct ServersMet {};  // by the agent: it runs a full sync soon
struct LeaderFound {   // a leader is known
  Duration without{};  // again, and for this long there was none
};
struct LeaderMissing {  // for rejoin_after
  Duration since;
};
struct GossipShutDown {};
struct AgentHung {
  Duration silent;
  bool in_part = false;  // of itself alone it tells nothing
};

// ---- the agent's process
struct AgentRemains {};  // it outlives every KILL, or its launch is not over in time
struct GiveUp {
  Problem why;
};
struct LaunchNow {};
struct RestartAgent {
  RestartReason reason;
  Fields more = {};  // what led to it
};
struct ReplaceAgent {  // without a word, and the next one not before `when`
  RestartReason reason;
  Time when;
};
struct LeaveFirst {  // the agent is to be replaced by one of another name: before that it leaves under its own
  Fields more;
};
struct LeaveOver {  // and is to be ended now, if it has not ended
  bool left;        // confirmed by a server
  bool asked;       // it was asked to leave: KILL
};
struct EndForGood {  // by TERM, or at once by KILL
  Time by;           // a stop's time is up then
  bool kill;
  std::string why = {};  // of a KILL
};

// ---- what a stop is to do
struct Decided {
  Verdict verdict;
  std::optional<Duration> grace;  // the platform's, where it is known
};

// ---- whether it leaves
struct LookAtMemberNow {};  // before it is asked to leave
struct StillMember {};      // or it does not say
struct ToldToLeave {};      // by somebody else: it leaves, or has left
struct GossipEnded {};      // and the agent does not leave

// ---- hooks
struct HookDue {  // the next one of that kind
  HookKind kind;
};
struct HookDone {};   // or its failure is of no matter
struct HookRetry {};  // it has failed and is to be run again
struct HookFailed {   // and the node must not be registered without it
  Problem why;
};
struct HookSpoiled {  // it has failed, and the stop goes on without it
  std::string trouble;
};
struct HooksOverdue {};  // the stop does not wait for them any more

// ---- registration
struct CheckServices {  // whatever has to be sent, at least this
  Sending at_least;
};
struct LookAtCatalog {};
struct NameTaken {};  // the catalog shows our name under another id
struct Registered {   // and seen in the catalog
  bool anew;          // which it was not before
};

// ---- what the servers have of this node
struct HeldForFailed {};
struct PartDiffers {};  // from what the agent has, by the word of any of them

// ---- the agent's syncer
struct SyncerPaused {  // by a registration or a reload; sent: with all that the agent has sent at its end
  bool sent;
};

// ---- settings
struct TakeIdBackNow {
  std::string id;
};
struct IdSettled {  // taken back, or why not
  NodeKey own;
  std::string failure;
};
struct SettingsTaken {  // the node may have moved to another address
  bool moved;
  bool for_address;  // they were prepared for its sake
};
struct ReloadEnds {};      // of this one nothing is to be done any more
struct ReloadOver {};      // and no other one follows at once
struct AddressChanged {};  // it is no matter of the settings, and has to be prepared all the same
struct AddressFound {};    // the one in use is there
struct LookAtAddress {     // whatever is known of it
  Duration in;
};

using Message =
    std::variant<Decided, LookAtMemberNow, StillMember, ToldToLeave, GossipEnded, Answered, ServersMet, LeaderFound,
                 LeaderMissing, GossipShutDown, AgentHung, AgentRemains, GiveUp, LaunchNow, RestartAgent, ReplaceAgent,
                 LeaveFirst, LeaveOver, EndForGood, HookDue, HookDone, HookRetry, HookFailed, HookSpoiled, HooksOverdue,
                 CheckServices, LookAtCatalog, NameTaken, Registered, HeldForFailed, PartDiffers, ServersDoubted,
                 SyncerPaused, TakeIdBackNow, IdSettled, SettingsTaken, ReloadEnds, ReloadOver, AddressChanged,
                 AddressFound, LookAtAddress>;

}  // namespace lictor
