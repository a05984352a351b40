// From what was read (sources.hpp) and the host's interfaces to everything that a launch needs. Reads and decides, and writes
// nothing: the daemon, `check` and `render` look alike.
#pragma once

#include "agent_api/services.hpp"
#include "agent_config/address_templates.hpp"
#include "agent_config/plan.hpp"
#include "identity/claims.hpp"
#include "identity/identity.hpp"
#include "network/io/interfaces.hpp"
#include "sources.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// Everything found out and decided before a launch.
struct Ground : Sources {
  IdentityVerdict identity;
  std::optional<AgentConfig> evaluated;  // with addresses in the place of templates; nothing where there are none
  TemplateValues by_template;            // what those of single settings gave
  Plan plan;
  Services services;                  // desired, ready for the agent's API
  std::vector<std::string> warnings;  // what an operator should know at start, beside the plan's notices
  std::optional<Problem> keyring;     // how the gossip keyring on disk disagrees with the configured key

  // The node as others see it: with the address that is advertised.
  NodeKey own() const;

  // What the plan is made of.
  const AgentConfig& planned() const { return evaluated ? *evaluated : config; }

  // What lictor does not go by while it serves.
  void let_definitions_go();
};

// What becomes of a node whose address is gone, while another one would do.
enum class Moves {
  never,  // it keeps what it has, there or not
  later,  // that is for the watch of the address to say: until then it is a problem with Exit::retry
  now
};

// Reads and decides. All problems of the settings and the host that can be found without writing; one with
// Exit::retry alone means that only an address is missing. `running`: what the agent that runs was started with, where the
// result is to be compared with that.
struct Running {
  std::string token;                          // recovery token
  std::optional<AgentVersion> agent_version;  // as it was known at the launch
  // What it runs with. While the rules that chose its address are the same, that is kept, whatever the interfaces say.
  const Ground* bound = nullptr;
  Moves moves = Moves::never;
  std::optional<Identity> identity;  // who the node is, whatever the files say by now
  bool left = false;                 // and it has left under that name, as a server has confirmed
};
// For commands: waits for the agent's program where that has a template to evaluate.
ResultAll<Ground> look(const Settings& settings, const Environment& environment, const Interfaces& interfaces,
                       const Running& running = {});
// The same with what has been read before, and the `problems` of that: nothing but the interfaces, what the agent's program made
// of templates (`facts.by_agent`), and who the node is, can make it fail or differ.
ResultAll<Ground> look(Sources sources, const Interfaces& interfaces, const Running& running = {},
                       Problems problems = {});

// The same in steps, of which that which makes the services may be for thousands of them: between begin_look() and end_look()
// services.make() is called until that is all.
struct Look {
  Ground ground;
  ServicesMaker services;
  Problems problems;
  std::vector<Interface> interfaces;
  bool running;  // it is compared with what runs
};
ResultAll<Look> begin_look(Sources sources, const Interfaces& interfaces, const Running& running, Problems problems);
ResultAll<Ground> end_look(Look look);

// The templates that the agent's program has to evaluate before a look at these. `bound`: what the agent that runs has of them is
// kept as long as it is on the host.
std::vector<std::string> templates_for_agent(const Sources& sources, const Interfaces& interfaces,
                                             const Ground* bound = nullptr);

// The address that `look` would find on these in the place of one in use that is gone; empty: none is gone.
Result<std::string> other_address(const Ground& ground, const Interfaces& interfaces);

// The choice of a start on these, with what became of the others. `remembers`: the address that the data directory keeps.
AddressChoice address_at_start(const Ground& ground, const std::vector<Interface>& interfaces, bool remembers);

// Who the node that runs would be by the host's name of now.
Result<IdentityVerdict> look_at_identity(const Ground& ground);

// Where the agent stores the keys of its gossip.
std::string keyring_path(const PlanFacts& facts);
// Where the agent stores the members that it gossips with.
std::string member_snapshot(const Ground& ground);

// Makes `id` this node's: looks again as if that were what is stored, the running agent's token and address kept.
ResultAll<Ground> take_id(const Ground& ground, const Interfaces& interfaces, const std::string& id);

}  // namespace lictor
