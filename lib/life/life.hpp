// The life of the daemon, whole: step(life, event) -> effects. No clock, no file, no process, no socket.
//
//   prepare      settings are read, an address is found, the identity settled, consul.json written
//      |         (files that are named and not there yet are awaited for wait.files, then an address for bind.wait: the
//      |         kernel's news and other settings are heard meanwhile. Then Exit::retry)
//   launch  <-------------------------------------------+   waits for its moment, then for the outcome
//      |                                                |
//   join         API and leader are polled              |   the agent dies: backoff, doubled each time
//      |                                                |   (restart.min .. restart.max, 20 % jitter); dead
//   registering  services, post_start hooks, catalog    |   give_up_after times before it was ever ready:
//      |                                                |   Exit::retry
//   serve        probed; services compared with the     |   an agent whose gossip has shut itself down: the same backoff
//      |         agent's when its full sync is over and |
//      |         then each minute; the servers tell of  |
//      |         what changes in the catalog            |
//   restart      asked for, hung, new settings, a new --+   the agent is ended without leaving; where the node gets another
//                address or name, its old id taken back     name, it leaves first, as at a stop
//
// Beside this, once registered (DESIGN: identity): members and catalog are looked at for other claims on this node's name,
// id and address; what is dead at our own address is cleared away, what may be alive is told of and looked at again. After a
// new address, a quarrel about the name or an entry cleared away without its member the node is wary for a minute: it looks
// often. What the servers have of it, and whether they hold it for failed, they are asked all the time, by questions that they
// answer when that may have changed. The kernel's news about addresses are heard all the time.
//
// TERM or INT in any of these starts the stop. It goes strictly downwards, within stop.timeout, or what the platform gives if that is
// less:
//
//   deciding     whether it leaves the cluster or stays in it: stop.policy says so, or by `auto` whoever has started lictor
//   settle       an agent that has met its servers only just now, for the first time or again, is given the time to join and
//      |         sync: a leave during that full sync leaves a ghost in the catalog. So is one that is being reloaded: in its
//      |         leave a reload would reach it as an order to end
//   pre_stop     hooks
//   leaving      the agent has been asked to leave, once; the catalog is looked at whenever the servers tell of a change, and
//      |         now and then, until the node's entry is gone; where it stays, the members are told again, and a server at last
//   linger       confirmed: the agent gossips on for stop.linger; an entry that comes back is deregistered
//   ending       the agent is being ended (KILL after a leave; TERM, again and again, then KILL where it stays)
//   sweep        whatever else is left is ended: TERM, a short wait, KILL
//   ended        Quit has been given, once; nothing ever follows
//
// A stop that stays goes on to ending at once; so do QUIT and a second INT, with KILL.
//
// An agent that somebody else has told to leave is seen to do so, or has ended with 0: then the stop begins at leaving, by itself,
// and lingers until the agent has ended, as whoever has told it waits for that. Where watch.on_leave says so the agent is
// left alone instead, and followed by another one; a stop that comes meanwhile takes over at leaving.
//
// New settings are read and prepared beside those in force. Only the life's Adopt puts them into force, and a stop ends with
// those it began with. Where an agent has to take them they are on trial: an agent that ends before its API has answered, or
// that refuses to reload, is followed by GoBack to the last ones with which an agent has answered, and is not counted as a death.
// What nobody here has asked for and needs another agent waits for a part of restart.spread: the other nodes have it, too.
//
// Laws, each held by a random walk and by a mutant that breaks it (tests/walk):
//   awaited        lictor gives up on files at wait.files, on the lock of a directory at lock_wait and on an address at bind.wait
//                  after nothing else was missing; not before
//   one-agent      no launch while an agent lives or a launch is under way
//   decided        a stop neither asks the agent to leave nor tells it to end before it is decided which it does, and that takes
//                  decide_within at most
//   leave-once     an agent is asked to leave at most once, only in a stop that was decided to leave or where the node is to
//                  have another name, never after QUIT; before a stop asks it, it is asked whether it leaves already
//   renamed        no agent runs under another name than the one before, unless that has been asked to leave, was ended or had
//                  never answered
//   no-comeback    no launch after a stop was asked
//   quit-once      Quit is the last effect, given once, and with no agent left alive
//   truth          Quit{ok} after a leave was due only if a server confirmed it, or the catalog may not be read and the
//                  agent completed its leave while it knew a leader; by `auto` a stop stays only where the platform has said in
//                  time that the node comes back
//   budget         from the stop's first event to Quit: at most stop.timeout, or what the platform gives, and sweep_limit more;
//                  no hook is run before a leave where there is not time enough for both
//   no-shortcut    once asked to leave, the agent gets no signal but KILL
//   told           an agent that is killed is told of, in one line
//   settled        no leave before the agent's full sync, and a reload that was under way, are over, or settle's time is up; and
//                  while the node serves, no agent is told to reload before its full sync is over
//   patience       an agent is ended without a stop only for a restart that was asked for, for being silent for
//                  hung_after (not where its API opens only once it has joined, and ten times that while it works and has yet
//                  to answer), for telling nothing of itself for as long while its servers answer, for an id taken back, for
//                  gossip that has shut itself down, or once, having joined, for having known no leader for rejoin_after
//   replaced       one that tells nothing of itself while its servers answer is ended before long
//   hands-off      nothing that may be alive is cleared away, nothing at all without node.heal; no leave in the name of a
//                  node that was last seen to be another one, elsewhere; an entry that the catalog has lost is not written to
//                  it again before the agent was asked whether it leaves
//   evidence       nothing is cleared away that this node has not kept as a name or an id of its own
//   join           an agent is told to join only while it knows no server, once at a time, and never in a stop
//   quiet          not again within join_pause, less by chance, nor, where it has been told in vain, within a quarter of the time
//                  for which it has; no name again within name_pause, and none to an agent that looks for them by itself
//   give-up        lictor gives up only on an agent that was never ready; at once where the settings are found to be at fault
//   heard          while the node is ready the servers have the questions for its part of the catalog, or get them within
//                  watch_forbidden and some; each once at a time, and none in a stop
//   unhurried      not more than a few of them a second, and where what is answered is not held and nothing new less than one in two
//                  seconds; after an outage not within the first third of the time that it took, or of watch_after_outage
//   rest           while a leader is known and nothing speaks against it no probe asks a server; where something does one is asked
//                  within half of hung_after; while the catalog watch tells of each change, and there is none, nobody looks at the
//                  catalog
//   flushed        while an agent that is ready may be waiting for a full sync, it is made to send what it has every
//                  flush_interval, unless it refuses; never without a leader, and never in a stop
//   ready          ready only with services sent, hooks done and the catalog seen, each for the agent that runs now, with a
//                  leader known or not needed, and not while that agent leaves or ends each connection
//   hooks          one hook at a time, in order, none without an agent
//   in-force       the life goes by the settings that are in force; what was prepared beside others than those, or while a
//                  stop has begun, never comes into force; what has changed since is read once that is over
//   back           an agent that could not start with new settings is followed at once by one with those before, if one has
//                  ever answered with them; no other agent is
//   spread         new settings that nobody here has asked for do not end an agent that answers before their turn has come, which it
//                  has within restart.spread; what was asked for, and what a stop finds, never waits
//   awake          while not ended there is always an answer outstanding or a time to wake up at, and that is yet to come; while
//                  the agent leaves, that of a look at the catalog, at most look_anyway away, unless it may not be read
//
// It is made of parts, each a small state machine with a header that tells its states, events, effects and laws:
//
//   preparing      until there is something to launch
//   supervisor     the agent's process: launch, backoff, restart, end
//   joining        whether it answers and knows a leader
//   pulse          whether it tells what it has
//   hooks          post_start and pre_stop
//   registration   services, hooks and catalog
//   syncer         what the agent's own syncer leaves lying
//   claims         who else claims this node's name, id and address
//   catalog watch  what the servers have of this node
//   standing       whether they hold it for failed
//   departure      whether the agent leaves without lictor's asking
//   deciding       whether a stop leaves or stays
//   address        this node's address
//   reloading      the settings in force, and others in their place
//   stopping       the stop, and the end
//
// A part writes its own state only. What others have to know or to do it posts (messages.hpp), and step() hands it on
// before anything else happens; what it may see of others is wired in parts.hpp, read-only. What depends on several parts at
// once is none of theirs and has no state: how a stop comes about (stop_orders.hpp), and what follows an agent (succession.hpp).
// The phase is not stored: it is what the states of process, registration and stop amount to.
#pragma once

#include "life/address.hpp"
#include "life/catalog_watch.hpp"
#include "life/claims.hpp"
#include "life/deciding.hpp"
#include "life/departure.hpp"
#include "life/events.hpp"
#include "life/hooks.hpp"
#include "life/joining.hpp"
#include "life/preparing.hpp"
#include "life/pulse.hpp"
#include "life/registration.hpp"
#include "life/reloading.hpp"
#include "life/rules.hpp"
#include "life/standing.hpp"
#include "life/stopping.hpp"
#include "life/supervisor.hpp"
#include "life/syncer.hpp"
#include "life/turn.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lictor {

struct Life {
  PreparingState preparing;
  SupervisorState supervisor;
  JoiningState joining;
  PulseState pulse;
  HooksState hooks;
  RegistrationState registration;
  SyncerState syncer;
  ClaimsState claims;
  CatalogWatchState watch;
  StandingState standing;
  DepartureState departure;
  DecidingState deciding;
  AddressWatchState address;
  ReloadingState reloading;
  StoppingState stopping;
  Jitter jitter;
  bool operator==(const Life&) const = default;
};

// A life that has not begun. `seed`: for the jitter; any number.
Life new_life(const Rules& rules, std::uint64_t seed);

// Total: takes any event in any state. Events' times never go backwards.
std::vector<Effect> step(Life& life, const Event& event);

// When Tick is due at the latest; nothing once ended.
std::optional<Time> next_wake(const Life& life);

Phase phase_of(const Life& life);
Time since_of(const Life& life);  // when the phase was entered

// Registered, and a leader known or not needed (control.ready_needs_leader): what /readyz says. An agent that ends each
// connection without an answer serves nobody, whatever is needed.
bool ready(const Life& life);
// Not in the middle of giving up: what /livez says.
bool live(const Life& life);

}  // namespace lictor
