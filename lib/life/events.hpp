// What happens to the life, and what it has done: step(life, event) -> effects (life/life.hpp).
#pragma once

#include "agent_api/answers.hpp"
#include "base/log_line.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"
#include "identity/claims.hpp"
#include "life/rules.hpp"
#include "platform/stop_reason.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lictor {

// --------------------------------------------------------------------------------------------- events

// leave: `lictor leave`; stay: SIGRTMIN+1.
enum class SignalKind { terminate, interrupt, quit, reload, report, restart, leave, stay };
struct Signal {
  SignalKind kind;
};
struct Begin {};        // the first event of a life
struct Tick {};         // next_wake() has come
struct HostChanged {};  // the kernel's news: links, addresses, routes; in the beginning the host's name and mounts
struct HostRenamed {};  // and the node would have another name by that
struct SettingsChanged {
};  // a file has that they are read from; nobody here has asked for them, and other nodes may have them now, too
struct Prepared {
  Rules rules;
  NodeKey own;
  bool moved;  // the stored identity had another address
};
struct PrepareFailed {
  // Exit::retry: something that may come is not there yet: the address, the first of `files`, or the lock of a directory.
  Problem problem;
  bool final = false;               // whatever its exit code, neither news nor other settings will mend it
  std::optional<Rules> rules = {};  // where the settings were read once more
  std::string candidate = {};       // what would be the address if no better one came
  Problems files = {};   // files and mounts that are not there yet; the address is looked for once they all are
  bool unheard = false;  // of `files` the kernel may not tell when they come
  bool locked = false;   // another lictor holds the directory that `problem` names; nothing tells when it lets go of it
};
struct Launched {
  int pid;
};
struct LaunchFailed {
  Problem problem;
};
struct AgentEnded {
  int code;  // -1: by signal
  int signal;
  std::optional<Problem> not_executed = {};  // the child never became the agent
};

// What would keep any agent from starting with the settings in force. Exit::config: no later start would go better.
struct FaultFound {
  int after;  // the launch of the agent that had ended
  std::optional<Problem> problem;
};

// Answers. `launch` is the number of the launch that the call was made for; answers for an agent that is no
// more are ignored.
struct Probed {
  int launch;
  ProbeAnswer answer;
  int members = 0;     // 0: not told
  bool gossip = true;  // false: nobody listens on the serf port any more
  bool works = false;  // silent it is, and at work
};
struct OwnAnswered {
  int launch;
  bool told;  // what it has
};
struct ServersAnswered {
  int launch;
  ServersAnswer servers;
  bool told = false;  // the agent has told them something since they were last asked, in this silence
};
struct ServicesSent {
  int launch;
  std::string failure;                    // why it broke off; empty: all that was to be sent has been answered
  bool changed = true;                    // the agent has taken something that it did not have
  std::vector<ServiceFault> faults = {};  // services that were not taken as they are defined now
  std::vector<ServiceReturn> returned = {};
  bool complete() const { return failure.empty() && faults.empty(); }
};
struct CatalogSeen {
  int launch;
  CatalogAnswer answer;
  NodeKey holder = {};                      // of `taken`
  std::vector<std::string> leftovers = {};  // ids marked as ours that are no longer desired
  std::vector<std::string> awaited =
      {};                    // of `incomplete`: ids that are not there, and have never been while lictor runs
  bool lost = true;          // of `incomplete`: something has been there and is no more
  bool entry_alone = false;  // `incomplete` is an entry of ours, whatever it shows
};
struct SentAgain {
  int launch;
  std::string failure;                    // empty: the servers have taken all that the agent has of this node
  bool refused = false;                   // for want of a permission
  bool missing = false;                   // the agent itself lacks something that is desired
  std::vector<ServiceFault> faults = {};  // which services the failure is about; empty: the whole
  bool changed = false;                   // something was written
};
struct Flushed {
  int launch;
  bool refused = false;  // the agent does not let lictor do it
};
// told: the servers say that the node's part of the catalog may have changed, or that the time is up; else they can't be
// asked for that.
struct ChangeSeen {
  int launch;
  bool told;
};
struct IdTakenBack {
  NodeKey own;
  std::string failure;
};
struct LookedAround {
  int launch;
  std::vector<Claim> claims;
  std::string failure;
};
struct NewsSeen {
  int launch;
  NodePart part;
  NewsAnswer answer;
  StandingAnswer standing = StandingAnswer::untold;  // of the checks
  bool leaderless = false;                           // the server that has answered knows no leader
};
struct LeaveAnnounced {};  // in the agent's own log
struct ServersDoubted {};  // likewise: a server may be gone, or they may have no leader
struct MemberSeen {
  int launch;
  MemberAnswer answer;
};
struct Joined {
  int launch;
  bool told = false;  // the agent was told to join; else nobody was there who takes a connection
};                    // an attempt is over, however it went
struct Cleared {
  int launch;
  ClearAnswer answer;
  std::string text;  // why not; what to do
};
enum class AddressState { same, other, gone, unknown };  // unknown: the host could not be looked at
struct AddressRead {
  AddressState state;
  std::string text;      // the other address, or why there is none
  std::string own = {};  // the one that is looked for: behind a router not the one that is advertised
};
struct HookEnded {
  int launch;
  std::string failure;
};
struct LeaveAnswered {
  int launch;
  std::string failure;
};
struct Deregistered {
  int launch;
  std::string failure;
};
struct ChildrenGone {};
struct WhyAnswered {
  StopReason reason;
};
enum class ReloadResult { broken, unchanged, services, reloaded, restart };
inline constexpr std::array reload_results{ReloadResult::broken, ReloadResult::unchanged, ReloadResult::services,
                                           ReloadResult::reloaded, ReloadResult::restart};
const char* to_string(ReloadResult result);  // as users see it: the enumerator's name
// The settings have been read and compared with those in force. All but broken ones are prepared: an Adopt or a Forget follows.
struct Reloaded {
  ReloadResult result;  // reloaded: a running agent can take them
  Rules rules;
  std::string text;       // for whoever asked for it
  NodeKey own = {};       // of what will run; not of `broken`
  std::string keys = {};  // of the agent's settings that differ, and "services"; for the log
  bool settings = true;   // Reload's
};
struct AgentReloaded {
  int launch;
  std::string failure;
};

using Happening =
    std::variant<Begin, Tick, Signal, HostChanged, HostRenamed, SettingsChanged, Prepared, PrepareFailed, Launched,
                 LaunchFailed, AgentEnded, FaultFound, Probed, OwnAnswered, ServersAnswered, ServicesSent, CatalogSeen,
                 SentAgain, Flushed, ChangeSeen, IdTakenBack, LookedAround, NewsSeen, LeaveAnnounced, ServersDoubted,
                 MemberSeen, Cleared, Joined, AddressRead, HookEnded, LeaveAnswered, Deregistered, ChildrenGone,
                 WhyAnswered, Reloaded, AgentReloaded>;
struct Event {
  Time at;
  Happening what;
};

// -------------------------------------------------------------------------------------------- effects
// Each is answered by exactly one event, named behind it, unless the agent it was for ends first.

struct Prepare {
  std::string settled;  // the candidate that has been one for bind.settle, and is taken
};                      // Prepared or PrepareFailed; each but the first begins with the settings, read once more
struct Launch {
  int launch;
};  // Launched or LaunchFailed
// Whether an agent that has ended has ended for the settings.
struct FindFault {
  int after;
};  // FaultFound
// Whether the agent answers, and knows a leader. `servers`: one is asked for that, though the agent has known a leader and still knows
// as many servers, or has known no server; without it such an agent that now knows one is said to know no leader.
struct Probe {
  int launch;
  Duration deadline;
  bool servers = true;
};  // Probed
struct AskOwn {
  int launch;
  Duration deadline;
};  // OwnAnswered
// What they know of this node, among else: the agent may be telling them.
struct AskServers {
  int launch;
};  // ServersAnswered
struct SendServices {
  int launch;
  Sending what;
};  // ServicesSent
struct LookUpCatalog {
  int launch;
  bool entry_alone = false;  // and none of its services, of which there may be thousands
};                           // CatalogSeen
// What the agent has and the catalog lacks, by the last look, is written there, as the agent has it: an agent that takes it
// for synced sends it only with its next full sync.
struct SendAgain {
  int launch;
  bool seen;             // the catalog has shown this node's entry: one that it does not show now is gone, not hidden
  bool altered = false;  // and what it shows otherwise than the agent has it, of an entry that is there
};                       // SentAgain
// Has the agent send the servers what it knows that they lack, such as what its checks have become. By itself it does not while
// its syncer waits for a full sync: up to sync_window after it has met a server, and up to sync_retry_window after one that was
// due in the middle of a registration or a reload.
struct Flush {
  int launch;
  bool anew;  // also where its checks are as they were at the last Flush
};            // Flushed
struct AwaitChange {
  int launch;
  Duration limit;
};  // ChangeSeen: of what the last look at the catalog showed
struct TakeIdBack {
  std::string id;
};  // IdTakenBack: settings with that id are prepared, as by Reload
struct LookAround {
  int launch;
};  // LookedAround
// What the servers have of this node: at once when it is first asked, and then when that may have changed. Not `whole`: no more than
// whether they hold it for failed.
struct AwaitNews {
  int launch;
  NodePart part;
  bool whole;
  Duration limit;
};                   // NewsSeen
struct DropNews {};  // nothing; no NewsSeen is awaited any longer
struct LookAtMember {
  int launch;
};  // MemberSeen: whether the agent is leaving
struct Clear {
  int launch;
  Claim claim;
};  // Cleared
// The agent is told to join an address of its retry_join that takes a connection, which to find out costs it nothing; where
// none does, a name.
struct Join {
  int launch;
  bool names;
};  // Joined
struct Rejoin {
  int launch;
};                      // nothing: exchanges all state with a server
struct ReadAddress {};  // AddressRead
enum class HookKind { post_start, pre_stop };
struct RunHook {
  int launch;
  HookKind kind;
  std::size_t index;
};                  // HookEnded
struct EndHook {};  // nothing; its HookEnded is no longer awaited
// Whoever has started lictor is asked why it is to stop, and for the time that it gives, within that time.
struct AskWhy {
  Duration within;
  bool grace_only;
};  // WhyAnswered
struct AskLeave {
  int launch;
  Duration deadline;
};  // LeaveAnswered
struct RepeatLeave {
  int launch;
};  // nothing: the members are told again that this node leaves
struct Deregister {
  int launch;
};  // Deregistered
struct EndAgent {
  int signal;
};                        // AgentEnded, some time
struct AwaitChildren {};  // ChildrenGone, some time
struct SignalChildren {
  int signal;
};  // nothing
struct Reload {
  bool settings;       // read them again; false: only the host is another
  bool moves = false;  // another address has settled, and is taken now
  bool left = false;   // a server has confirmed that the node has left under its name: its id is free for another one
};                     // Reloaded
// What is prepared comes into force: rules, services, consul.json, arguments, environment.
struct Adopt {
  int launch;
  bool keep;    // what was in force until now, for GoBack
  bool reload;  // tell the running agent
};              // AgentReloaded where `reload`
// What was kept is in force again. A running agent is told of it.
struct GoBack {
  Problem why;
};                 // nothing
struct Forget {};  // nothing: what is prepared or kept is not needed any more
struct Report {};  // nothing
using Tone = Level;
struct Say {
  Tone tone;
  std::string text;    // constant where it can be
  Fields fields = {};  // what differs
};                     // nothing
struct Quit {
  Exit exit;
  std::string reason;
  bool operator==(const Quit&) const = default;
};  // the end

using Effect =
    std::variant<Prepare, Launch, FindFault, Probe, AskOwn, AskServers, SendServices, LookUpCatalog, SendAgain, Flush,
                 AwaitChange, TakeIdBack, LookAround, AwaitNews, DropNews, LookAtMember, Clear, Join, Rejoin,
                 ReadAddress, RunHook, EndHook, AskWhy, AskLeave, RepeatLeave, Deregister, EndAgent, AwaitChildren,
                 SignalChildren, Reload, Adopt, GoBack, Forget, Report, Say, Quit>;

}  // namespace lictor
