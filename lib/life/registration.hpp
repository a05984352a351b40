// The node's services in the agent, its post_start hooks, and both seen in the catalog.
//
//   off           no agent that knows a leader, or it is being ended
//   registering   services are sent, hooks run, the catalog looked at, again and again until it shows all
//   serving       services are compared with the agent's when its full sync is over, and then each minute, and the catalog is looked
//                 at where the servers don't tell of what changes in it by themselves (catalog_watch.hpp), or have told that it is
//                 otherwise than the agent has it. What it lacks takes the node back to registering; what of it is another than the
//                 agent's is sent there again
//
// What the agent has and the catalog lacks is sent there again: at once where it has been there, else when it has had the
// time to come. A sending that goes on has the catalog looked at beside it. What is refused is asked for again.
//
// Each service stands for itself. Before the node has ever been ready it waits for all of them. From then on a service that is
// refused leaves its former definition in force, and the node as ready as it is: it waits for what the catalog has shown before,
// and not for what it has never shown. Such services are named, and tried again less and less.
//
// What follows an agent that was registered takes its services while it joins.
//
// In: ServicesSent, CatalogSeen, SentAgain, the hooks' ends; from the other parts: a leader is found, compare, look.
// Out: SendServices, LookUpCatalog, SendAgain. Told to the others: a hook is due, the name is taken, registered.
//
// Laws (tests/walk): ready; each: what is refused or not answered takes no readiness, only the catalog does; of awake: something is done to register.
#pragma once

#include "life/events.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

class Turn;
struct CatalogWatchState;
struct HooksState;
struct JoiningState;

// When a leader is known again all nodes look at what the catalog has of them: each within so much for each member, this at most, and
// no longer than there was none.
inline constexpr Duration look_spread_of_each = std::chrono::milliseconds(150), look_spread = std::chrono::seconds(30);
inline constexpr Duration check_interval = std::chrono::seconds(60);  // services and catalog, while serving
// With ACLs, a catalog that the token may not read looks empty instead of saying so (filtered results): an entry that
// has not been seen for this long although the agent has taken the services counts as one that may not be read.
inline constexpr Duration unseen_limit = std::chrono::seconds(5);
// From the start of a sending that goes on to a look at the catalog; from one to the next so long at least, and at most.
inline constexpr Duration beside_sending = std::chrono::milliseconds(250),
                          beside_sending_most = std::chrono::seconds(10);
// From the answer of an agent that has taken a service to the servers' catalog it takes some milliseconds. What is not there
// after this, or has been there, is sent again. So often also what the servers refuse is asked for: tokens gain rights unseen.
inline constexpr Duration on_its_way = std::chrono::seconds(1);
inline constexpr Duration refusal_interval = std::chrono::milliseconds(1300);
// Until it is seen whether there is a leader again who can be asked for the catalog, where that is not told of.
inline constexpr Duration without_leader = std::chrono::seconds(1);
// What an agent has given up and the catalog still shows after this is told of.
inline constexpr Duration left_over_limit = std::chrono::seconds(2);

// What the catalog still shows of this node although its agent has given it up, as in CatalogSeen, by the last look.
struct LeftOver {
  std::vector<std::string> ids{};
  std::optional<Time> since{};
  bool told = false;
  bool lasts(Time now) const { return since && now - *since >= left_over_limit; }
  bool operator==(const LeftOver&) const = default;
};

enum class RegistrationStep { off, registering, serving };

struct RegistrationState {
  RegistrationStep state = RegistrationStep::off;
  Time since{};
  std::optional<Time> task_at;      // next services, hook or look at the catalog
  std::optional<Time> first_ready;  // of this life
  // Of the agent that runs now.
  std::optional<Sending> to_send =
      Sending::difference;           // nothing: the agent has what is desired, as far as was last looked
  std::optional<Time> held{};        // since when it has, when it last had
  std::optional<Time> sent_again{};  // what the catalog lacked was last sent again
  std::optional<Time> shown{};       // the catalog last showed all
  bool blocked = false;              // something, for want of a permission, when last sent
  LeftOver left_over{};
  std::vector<ServiceFault> faults{};     // of the last sending to the agent
  std::vector<ServiceFault> unwritten{};  // of the last to the catalog
  std::vector<std::string>
      awaited{};  // the node does not wait for these, which the catalog lacks: it has never shown them
  std::optional<Time> open_since{};  // there are faults or services awaited
  bool unsettled = false;            // what was sent last may still come to the catalog, or be refused there
  bool differs = false;              // some server has it otherwise than the agent, and that is to be looked at
  bool mending = false;              // what is sent again is sent for that
  bool unlooked = false;             // something was sent, and the catalog has not shown all since
  bool looked = false;               // a catalog look-up has been answered
  bool seen = false;                 // and has shown this node's entry
  bool registered = false;           // services sent, hooks done, catalog seen
  std::optional<Time> first_registered{};
  std::string failure{};                        // what registering last failed on; said once
  std::optional<Time> sending{};                // an answer is outstanding, since then
  bool looking = false, sending_again = false;  // an answer is outstanding
  bool operator==(const RegistrationState&) const = default;
};

// Services that are not registered as they are defined, and why.
std::vector<ServiceFault> open_faults(const RegistrationState& registration);

inline bool shows_entry(CatalogAnswer answer) {
  return answer == CatalogAnswer::registered || answer == CatalogAnswer::incomplete;
}

class Registration {
 public:
  Registration(RegistrationState& own, Turn& turn, const JoiningState& joining, const HooksState& hooks,
               const CatalogWatchState& watch)
      : own_(own), turn_(turn), joining_(joining), hooks_(hooks), watch_(watch) {}

  void ended();          // the agent
  void pause();          // it is being ended, or a stop has begun
  void agent_answers();  // for the first time
  void leader_found(Duration without);
  void check_now(Sending at_least);
  void look();
  void part_differs();
  void on_task();

  void on(const ServicesSent& e);
  void on(const SentAgain& e);
  // An answer is noted first, and acted upon where nobody else wanted to know it.
  void note(const CatalogSeen& e);
  void on(const CatalogSeen& e);
  void doubted();  // it shows no entry, and whether that is for a leave is still to be seen
  void hook_done();
  void retry_hook();

 private:
  void enter(RegistrationStep state);
  bool active() const { return own_.state != RegistrationStep::off; }
  bool hooks_are_due() const;
  void register_more();
  bool waits_for_leader();
  void send();
  void look_beside();
  void send_later(Sending at_least);
  void send_again();
  bool needs_no_look() const;
  void rest();
  void mend();
  void mended(const SentAgain& e);
  void name_taken();
  void note_faults(const std::vector<ServiceFault>& faults);
  void note_returns(const std::vector<ServiceReturn>& returned);
  bool waits_for(const std::vector<ServiceFault>& faults) const;
  bool comes_late() const;
  bool refused_by_agent(const std::vector<std::string>& ids) const;
  void shown(bool unseen);
  void registered(bool unseen);
  void not_registered();
  bool may_be_hidden(CatalogAnswer answer) const;
  bool lost(CatalogAnswer answer) const;
  Duration time_to_come(CatalogAnswer answer) const;
  Duration until_sent_anew() const;
  void note_failure(const std::string& failure, bool refused);
  void note_leftovers(const std::vector<std::string>& ids);

  RegistrationState& own_;
  Turn& turn_;
  const JoiningState& joining_;
  const HooksState& hooks_;
  const CatalogWatchState& watch_;
};

}  // namespace lictor
