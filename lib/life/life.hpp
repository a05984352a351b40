// The life of the daemon, whole: step(life, event) -> effects. No clock, no file, no process, no socket.
//
//   prepare      settings are read, an address is found, the identity settled, consul.json written
//      |         (no address yet: the kernel's news and other settings are awaited for bind.wait, then Exit::retry)
//   launch  <-------------------------------------------+   waits for its moment, then for the outcome
//      |                                                |
//   join         API and leader are polled              |   the agent dies: backoff, doubled each time
//      |                                                |   (restart.min .. restart.max, 20 % jitter); dead
//   registering  services, post_start hooks, catalog    |   give_up_after times before it was ever ready:
//      |                                                |   Exit::retry
//   serve        probed; services compared when the     |   an agent whose gossip has shut itself down: the same backoff
//      |         agent's full sync is over, and then    |
//      |         each minute                            |
//   restart      asked for, hung, new settings, a new --+   the agent is ended without leaving
//                address, the node's old id taken back
//
// Beside this, once registered (DESIGN: identity): members and catalog are looked at for other claims on this node's name,
// id and address; what is dead at our own address is cleared away, what may be alive is told of and looked at again. After a
// new address, a quarrel about the name or an entry cleared away without its member the node is wary for a minute: it looks
// often, and whether the servers take it for failed. The kernel's news about addresses are heard all the time.
//
// TERM or INT in any of these starts the stop. It goes strictly downwards, within stop.timeout:
//
//   settle       an agent that has met its servers only just now, for the first time or again, is given the time to join and
//      |         sync: a leave during that full sync leaves a ghost in the catalog. So is one that is being reloaded: in its
//      |         leave a reload would reach it as an order to end
//   pre_stop     hooks
//   leaving      the agent has been asked to leave, once; the catalog is looked at whenever the servers tell of a change, and
//      |         now and then, until the node's entry is gone; where it stays, the members are told once more
//   linger       confirmed: the agent gossips on for stop.linger; an entry that comes back is deregistered
//   ending       the agent is being ended (KILL after a leave; TERM, again and again, then KILL where it stays)
//   sweep        whatever else is left is ended: TERM, a short wait, KILL
//   ended        Quit has been given, once; nothing ever follows
//
// stop.policy "stay" goes to ending at once; so do QUIT and a second INT, with KILL.
//
// New settings are read and prepared beside those in force. Only the life's Adopt puts them into force, and a stop ends with
// those it began with. Where an agent has to take them they are on trial: an agent that ends before its API has answered, or
// that refuses to reload, is followed by GoBack to the last ones with which an agent has answered, and is not counted as a death.
//
// Laws, each held by a random walk and by a mutant that breaks it (tests/walk):
//   one-agent      no launch while an agent lives or a launch is under way
//   leave-once     the agent is asked to leave at most once, only after TERM or INT under policy "leave", never after QUIT
//   no-comeback    no launch after a stop was asked
//   quit-once      Quit is the last effect, given once, and with no agent left alive
//   truth          Quit{ok} after a leave was due only if a server confirmed it, or the catalog may not be read and the
//                  agent completed its leave while it knew a leader
//   budget         from the stop's first event to Quit: at most stop.timeout, and sweep_limit more
//   no-shortcut    once asked to leave, the agent gets no signal but KILL
//   told           an agent that is killed is told of, in one line
//   settled        no leave before the agent's full sync, and a reload that was under way, are over, or settle's time is up
//   patience       an agent is ended without a stop only for a restart that was asked for, for being silent for
//                  hung_after (not where its API opens only once it has joined), for an id taken back, for gossip that
//                  has shut itself down, or once, having joined, for having known no leader for rejoin_after
//   hands-off      nothing that may be alive is cleared away, nothing at all without node.heal; no leave in the name of a
//                  node that was last seen to be another one, elsewhere
//   join           an agent is told to join only while it knows no leader, once at a time, and never in a stop
//   give-up        lictor gives up only on an agent that was never ready
//   flushed        while an agent that is ready may be waiting for a full sync, it is made to send what it has every
//                  flush_interval, unless it refuses; never without a leader, and never in a stop
//   ready          ready only with services sent, hooks done and the catalog seen, each for the agent that runs now
//   hooks          one hook at a time, in order, none without an agent
//   in-force       the life goes by the settings that are in force; what was prepared beside others than those, or while a
//                  stop has begun, never comes into force
//   back           an agent that could not start with new settings is followed at once by one with those before, if one has
//                  ever answered with them; no other agent is
//   awake          while not ended there is always an answer outstanding or a time to wake up at; while the agent leaves, that
//                  of a look at the catalog, at most look_anyway away, unless it may not be read
#pragma once

#include "base/log_line.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"
#include "identity/claims.hpp"
#include "settings/settings.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lictor {

// ---------------------------------------------------------------------------------------------- rules

// What the settings say about the life. Replaced as a whole when settings change.
struct Rules {
  bool leave = true;
  Duration linger = std::chrono::seconds(1);
  Duration stop_timeout = std::chrono::seconds(25);
  Duration bind_wait = std::chrono::seconds(60);
  Duration restart_min = std::chrono::milliseconds(100);
  Duration restart_max = std::chrono::seconds(30);
  int give_up_after = 5;
  Duration hung_after = std::chrono::seconds(30);
  Duration rejoin_after = std::chrono::minutes(5);  // 0: never
  std::vector<OnFailure> post_start, pre_stop;      // one for each hook
  bool acl = false;                                 // the agent's settings turn ACLs on
  bool heal = true;
  bool restart_on_change = true;  // bind.on_change
  bool fixed_id = false;          // the agent's settings name the id
  // The agent's API opens only once a server has signed its certificate (auto_encrypt, auto_config): until its first answer
  // it waits for the servers, and is not hung.
  bool api_after_join = false;
  bool operator==(const Rules&) const = default;
};
struct AgentTraits {
  bool acl = false, fixed_id = false, api_after_join = false;  // as in Rules
};
Rules rules_of(const Settings& settings, const AgentTraits& traits);

// Time within which an agent runs its first full sync after it has met a server: 3 s at random, multiplied by Consul's
// scale factor for clusters over 128 members (agent/ae: serverUpIntv, scaleFactor).
Duration sync_window(int members);
// Time within which it tries again to run one that fell into a registration or a reload, for which its syncer is paused: 15 to
// 30 s, multiplied likewise (agent/ae: retryFailIntv).
Duration sync_retry_window(int members);

inline constexpr Duration settle_limit = std::chrono::seconds(5);  // at most; and a third of stop.timeout
// Of stop.timeout, kept for ending the agent: by TERM, then KILL, where it stays; by KILL after a leave. At most a quarter.
inline constexpr Duration ending_reserve = std::chrono::seconds(1);
inline constexpr Duration killing_reserve = std::chrono::milliseconds(200);
inline constexpr Duration last_look = std::chrono::milliseconds(500);  // for a server's word after the agent's own
// Gossip is not reliable. Where the message that a node leaves is lost and the one that it is gone arrives, the servers take
// the node for failed and keep its entry. Heard, a leave is in the catalog after 0.4-1.2 s; the agent gossips for 3.5 s.
inline constexpr Duration unheard_after = std::chrono::milliseconds(1500);
// An agent takes TERM in its first moments for the end of its start, and then goes on: it is told again.
inline constexpr Duration term_interval = std::chrono::milliseconds(100);
inline constexpr Duration kill_after = std::chrono::seconds(3);  // of an agent that is told to end
// Between looks at the catalog in a stop while the servers are to tell of a change; and while they can't, where they show the
// entry, and where they show nothing.
inline constexpr Duration look_anyway = std::chrono::milliseconds(500);
inline constexpr Duration look_often = std::chrono::milliseconds(20), look_less_often = std::chrono::milliseconds(100);
inline constexpr Duration sweep_grace = std::chrono::milliseconds(500);  // between TERM and KILL
inline constexpr Duration sweep_limit = std::chrono::seconds(2);         // for all of sweep
inline constexpr Duration check_interval = std::chrono::seconds(60);     // services and catalog, while serving
// With ACLs, a catalog that the token may not read looks empty instead of saying so (filtered results): an entry that
// has not been seen for this long although the agent has taken the services counts as one that may not be read.
inline constexpr Duration unseen_limit = std::chrono::seconds(5);
inline constexpr Duration calm = std::chrono::seconds(60);  // of serving, after which earlier deaths are forgotten
// For which an agent must have ended each connection to count as one that does: one that is ending does so for a moment.
inline constexpr Duration closing_limit = std::chrono::seconds(1);
// For which the catalog must have shown our name under another id at our address: the servers then refuse ours for good.
// Shorter, it may be the entry of before that a server is just replacing.
inline constexpr Duration reserved_after = std::chrono::milliseconds(500);
// From the start of a sending that goes on to a look at the catalog, and from one to the next.
inline constexpr Duration beside_sending = std::chrono::milliseconds(250);
// From the answer of an agent that has taken a service to the servers' catalog it takes some milliseconds. What is not there
// after this, or has been there, is sent again. So often also what the servers refuse is asked for: tokens gain rights unseen.
inline constexpr Duration on_its_way = std::chrono::seconds(1);
inline constexpr Duration refusal_interval = std::chrono::milliseconds(1300);
// Between a Flush and the next.
inline constexpr Duration flush_interval = std::chrono::milliseconds(500);
// What an agent has given up and the catalog still shows after this is told of.
inline constexpr Duration left_over_limit = std::chrono::seconds(2);
// Between looks at members and catalog while a claim is open or the node is wary. A member is pruned only when two looks
// have shown it dead: by then its death has spread. Serf stops for 8 s, its lock held, wherever it is told to prune a
// member that it still takes for alive (handlePrune).
inline constexpr Duration look_interval = std::chrono::seconds(3);
// Between attempts to join of an agent that has known no leader for longer than the first of these: at random between the
// two, so that ten thousand nodes whose servers come back do not come in step.
inline constexpr Duration join_at_least = std::chrono::milliseconds(400);
inline constexpr Duration join_at_most = std::chrono::milliseconds(800);
// A killed member is failed after 5-9 s, and its address can be taken over 30 s after that (Consul's
// DeadNodeReclaimTime): for as long a node that has moved may be taken for its own impostor. And an entry cleared away
// without a member may have one that is only suspected, of which no newcomer is told: a server that still takes it for alive
// may put it back.
inline constexpr Duration wary_for = std::chrono::seconds(60);
// From the kernel's news to a look at the addresses: a change comes in several pieces.
inline constexpr Duration address_settles = std::chrono::milliseconds(200);

// --------------------------------------------------------------------------------------------- events

enum class SignalKind { terminate, interrupt, quit, reload, report, restart };
struct Signal {
  SignalKind kind;
};
struct Begin {};        // the first event of a life
struct Tick {};         // next_wake() has come
struct HostChanged {};  // the kernel's news: links, addresses, routes
struct Prepared {
  Rules rules;
  NodeKey own;
  bool moved;  // the stored identity had another address
};
struct PrepareFailed {
  Problem problem;     // Exit::retry: no address yet
  bool final = false;  // whatever its exit code, neither the network's news nor other settings will mend it
  std::optional<Rules> rules = {};  // where the settings were read once more
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

// Answers. `launch` is the number of the launch that the call was made for; answers for an agent that is no
// more are ignored.
// closed: the agent takes connections, and ends them without a word.
enum class ProbeAnswer { silent, closed, no_leader, leader };
struct Probed {
  int launch;
  ProbeAnswer answer;
  int members;         // 0: not told
  bool gossip = true;  // false: nobody listens on the serf port any more
};
struct ServicesSent {
  int launch;
  std::string failure;   // empty: the agent has all of them
  bool refused = false;  // for want of a permission
  bool changed = true;   // the agent has taken something that it did not have
};
// taken: the entry under our name has another id.
enum class CatalogAnswer { gone, incomplete, registered, forbidden, failed, taken };
struct CatalogSeen {
  int launch;
  CatalogAnswer answer;
  NodeKey holder = {};                      // of `taken`
  std::vector<std::string> leftovers = {};  // ids marked as ours that are no longer desired
};
struct SentAgain {
  int launch;
  std::string failure;   // empty: the servers have taken all that the agent has of this node
  bool refused = false;  // for want of a permission
  bool missing = false;  // the agent itself lacks something that is desired
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
  bool failed_member;  // the servers take this node for failed
  std::string failure;
};
struct Joined {
  int launch;
};  // an attempt is over, however it went
enum class ClearAnswer { cleared, forbidden, failed };
struct Cleared {
  int launch;
  ClearAnswer answer;
  std::string text;  // why not; what to do
};
enum class AddressState { same, other, gone };
struct AddressRead {
  AddressState state;
  std::string text;  // the other address, or why there is none
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
    std::variant<Begin, Tick, Signal, HostChanged, Prepared, PrepareFailed, Launched, LaunchFailed, AgentEnded, Probed,
                 ServicesSent, CatalogSeen, SentAgain, Flushed, ChangeSeen, IdTakenBack, LookedAround, Cleared, Joined,
                 AddressRead, HookEnded, LeaveAnswered, Deregistered, ChildrenGone, Reloaded, AgentReloaded>;
struct Event {
  Time at;
  Happening what;
};

// -------------------------------------------------------------------------------------------- effects
// Each is answered by exactly one event, named behind it, unless the agent it was for ends first.

struct Prepare {};  // Prepared or PrepareFailed; each but the first begins with the settings, read once more
struct Launch {
  int launch;
};  // Launched or LaunchFailed
struct Probe {
  int launch;
  Duration deadline;
};  // Probed
// What is sent of the services: what is news since they were last sent, which takes no question; what the agent's own list
// lacks.
enum class Sending { news, difference };
struct SendServices {
  int launch;
  Sending what;
};  // ServicesSent
struct LookUpCatalog {
  int launch;
};  // CatalogSeen
// What the agent has and the catalog lacks, by the last look, is written there, as the agent has it: an agent that takes it
// for synced sends it only with its next full sync.
struct SendAgain {
  int launch;
  bool seen;  // the catalog has shown this node's entry: one that it does not show now is gone, not hidden
};            // SentAgain
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
  bool health;  // also ask whether the servers take this node for failed
};              // LookedAround
struct Clear {
  int launch;
  Claim claim;
};  // Cleared
struct Join {
  int launch;
};  // Joined: joins a server that can be reached, unless the agent knows one that is alive
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
  bool settings;  // read them again; false: only the address is new
};                // Reloaded
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
    std::variant<Prepare, Launch, Probe, SendServices, LookUpCatalog, SendAgain, Flush, AwaitChange, TakeIdBack,
                 LookAround, Clear, Join, Rejoin, ReadAddress, RunHook, EndHook, AskLeave, RepeatLeave, Deregister,
                 EndAgent, AwaitChildren, SignalChildren, Reload, Adopt, GoBack, Forget, Report, Say, Quit>;

// ----------------------------------------------------------------------------------------------- life

enum class Phase {
  prepare,
  launch,
  join,
  registering,
  serve,
  restart,
  settle,
  pre_stop,
  leaving,
  linger,
  ending,
  sweep,
  ended
};
const char* to_string(Phase phase);  // as users see it: the stop's phases up to linger are "leave"

// Why one agent followed another without a stop.
enum class RestartReason { died, hung, asked, settings, address, id_taken_back, gossip_shut_down, no_leader };
inline constexpr std::array restart_reasons{RestartReason::died,
                                            RestartReason::hung,
                                            RestartReason::asked,
                                            RestartReason::settings,
                                            RestartReason::address,
                                            RestartReason::id_taken_back,
                                            RestartReason::gossip_shut_down,
                                            RestartReason::no_leader};
const char* to_string(RestartReason reason);  // as users see it: the enumerator's name

// What the catalog still shows of this node although its agent has given it up, as in CatalogSeen, by the last look.
struct LeftOver {
  std::vector<std::string> ids{};
  std::optional<Time> since{};
  bool told = false;
  bool lasts(Time now) const { return since && now - *since >= left_over_limit; }
  bool operator==(const LeftOver&) const = default;
};

// The agent process that runs now, and what is known of it. Everything in here ends with it.
struct Agent {
  int pid = 0;
  Time started{};
  std::optional<RestartReason> ending{};  // why it is being ended where no stop was asked
  bool killed = false;
  std::optional<Time> answered{};  // the API's first answer
  // Since when the API has been asked in vain; nothing once it has answered. It is not asked all the time: what counts is
  // how long it has not answered, not how long ago it last did.
  std::optional<Time> unanswered{};
  std::optional<Time> joined{};      // a leader was first known
  std::optional<Time> led{};         // a leader was known anew: first, or after there was none
  std::optional<Time> leaderless{};  // since when none is known, once it has joined
  bool leader = false;               // at the last answer
  std::optional<Time> closing{};     // since when it ends connections without an answer
  bool closes = false;               // and has done so for a while
  int members = 0;
  std::optional<Sending> to_send =
      Sending::difference;           // nothing: the agent has what is desired, as far as was last looked
  std::optional<Time> held{};        // since when it has, when it last had
  std::optional<Time> sent_again{};  // what the catalog lacked was last sent again
  std::optional<Time> shown{};       // the catalog last showed all
  std::optional<Time> paused{};      // its syncer last: it met servers, or took a registration or a reload
  bool flush_anew = false;           // nothing was flushed since
  bool unflushable = false;          // it has refused
  bool blocked = false;              // something, for want of a permission, when last sent
  LeftOver left_over{};
  bool looked = false;      // a catalog look-up has been answered
  bool seen = false;        // and has shown this node's entry
  bool registered = false;  // services sent, hooks done, catalog seen
  std::optional<Time> first_registered{};
  std::size_t hooks_done = 0;  // of post_start, and once a stop was asked of pre_stop
  std::string failure{};       // what registering last failed on; said once
  // Calls whose answer is outstanding.
  bool probing = false, looking = false, sending_again = false, hooking = false;
  bool flushing = false;
  bool looking_around = false, clearing = false, joining = false, reloading = false;
  std::optional<Time> sending{};       // services, since then
  std::optional<Time> awaiting{};      // a change in the catalog, asked for then
  std::optional<Time> flush_at{};      // next Flush
  std::optional<Time> join_at{};       // next attempt, while no leader is known
  std::vector<Claim> to_clear{};       // dead, not yet dealt with; the last one first
  std::vector<std::string> refused{};  // names that may not be cleared away: not tried again with this agent
  bool operator==(const Agent&) const = default;
};

// What has happened how often since lictor's start.
struct Tally {
  std::array<int, restart_reasons.size()> restarts{};  // agents that ended without a stop, by RestartReason
  std::array<int, reload_results.size()> reloads{};    // by ReloadResult
  // Conflicts met and healings done. One claim counts once.
  int address_claims = 0, name_claims = 0, id_claims = 0;  // by ClaimKind, dead or alive
  int gossip_shut_down = 0;                                // agents whose serf had shut itself down
  int taken_for_failed = 0;                                // looks that found the servers to take this node for failed
  int ids_taken_back = 0, claims_cleared = 0, clearings_refused = 0;
  int address_changes = 0, addresses_lost = 0;
  bool operator==(const Tally&) const = default;
};

struct LastRestart {
  RestartReason reason;
  Time at;  // the end of the agent before
  bool operator==(const LastRestart&) const = default;
};

struct Stop {
  Time asked{};
  bool leave = true;
  bool interrupted = false;              // began with INT or had one: the next one cuts it short
  std::optional<Time> asked_to_leave{};  // the agent, at that time
  bool repeated = false;                 // the members were told again
  bool old_look = false;                 // a catalog look-up from before that is still outstanding: it says nothing
  bool answered = false;                 // the agent's own word that it has left
  bool knew_leader = false;              // when it was asked to leave
  bool forbidden = false;                // the catalog may not be read
  bool confirmed = false;                // a server's word that the node is gone
  bool untold = false;                   // the servers can't be asked to tell of a change
  bool came_back = false;                // the entry, after that; it has not been taken out again yet
  std::string refusal{};                 // why the agent did not take the request to leave
  std::string trouble{};                 // why the stop is not what was asked for; empty: it is
  bool operator==(const Stop&) const = default;
};

// Work whose news may come while it runs: it is then done once more.
struct Work {
  bool running = false, again = false;
  bool operator==(const Work&) const = default;
};

// What the life goes by of settings that are in force.
struct InForce {
  Rules rules;
  NodeKey own;
  bool operator==(const InForce&) const = default;
};

struct Life {
  Rules rules;
  Phase phase = Phase::prepare;
  Time began{};
  Time since{};  // when the phase was entered
  std::optional<Agent> agent;
  bool launching = false;  // the outcome of a Launch is outstanding
  Work preparing, reloading, reading_address;
  bool outdated = false;           // what is being read is compared with settings that are in force no longer
  std::optional<InForce> before;   // while settings are on trial: the last ones with which an agent has answered
  bool ever_answered = false;      // an agent's API
  std::string new_keys;            // of the settings adopted last
  std::string refused_move;        // why another address was last not taken; said once
  NodeKey own;                     // as the agent was, or will be, started
  std::vector<Claim> claims;       // as last seen in members and catalog
  std::optional<Claim> contested;  // another id holds our name, by the last look-up that could tell
  bool taking_id = false, took_id = false;
  bool address_gone = false;
  std::string ignored_address;  // the one last said to be ignored
  std::optional<Time> wary_until;
  bool rejoining = false;  // at the last look the servers took this node for failed
  int quarrels = 0;        // agents in a row whose gossip had shut itself down
  Time not_before{};       // earliest launch after Phase::restart
  Tally tally;
  int launches = 0;  // number of the latest launch
  int deaths = 0;    // in a row
  std::optional<Time> first_ready;
  std::optional<LastRestart> last_restart;
  bool ever_joined = false;
  std::optional<Stop> stop;
  std::optional<Quit> verdict;        // why it ends, where that is not a stop
  std::optional<Problem> no_address;  // what prepare found last
  // Times to wake up at.
  std::optional<Time> deadline;  // of the phase
  std::optional<Time> probe_at;
  std::optional<Time> task_at;      // next services, hook or catalog look-up
  std::optional<Time> out_of_time;  // of the whole stop
  std::optional<Time> around_at;    // next look at members and catalog
  std::optional<Time> address_at;   // look at the addresses
  std::uint64_t random = 1;         // state of the jitter
  bool operator==(const Life&) const = default;
};

// A life that has not begun. `seed`: for the jitter; any number.
Life new_life(const Rules& rules, std::uint64_t seed);

// Total: takes any event in any state. Events' times never go backwards.
std::vector<Effect> step(Life& life, const Event& event);

// When Tick is due at the latest; nothing once ended.
std::optional<Time> next_wake(const Life& life);

// Registered, and a leader known: what /readyz says.
bool ready(const Life& life);
// Not in the middle of giving up: what /livez says.
bool live(const Life& life);

}  // namespace lictor
