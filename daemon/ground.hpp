// From what was read (sources.hpp) and the host's interfaces to everything that a launch needs. Reads and decides, and writes
// nothing: the daemon, `check` and `render` look alike.
#pragma once

#include "agent_api/services.hpp"
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
  Plan plan;
  std::vector<Json> services;         // desired, ready for the agent's API
  std::vector<std::string> warnings;  // what an operator should know at start, beside the plan's notices
  std::optional<Problem> keyring;     // how the gossip keyring on disk disagrees with the configured key

  // The node as others see it: with the address that is advertised.
  NodeKey own() const;

  // What the plan is made of.
  const AgentConfig& planned() const { return evaluated ? *evaluated : config; }

  // What lictor does not go by while it serves.
  void let_definitions_go();
};

// Reads and decides. All problems of the settings and the host that can be found without writing; one with
// Exit::retry alone means that only an address is missing. `running`: what the agent that runs was started with, where the
// result is to be compared with that.
struct Running {
  std::string token;                          // recovery token
  std::optional<AgentVersion> agent_version;  // as it was known at the launch
  // What it runs with. While the rules that chose its address are the same, that is kept, whatever the interfaces say.
  const Ground* bound = nullptr;
  bool follows = false;              // but it is chosen anew, where no template gave it that the host still has
  std::optional<Identity> identity;  // who the node is, whatever the files say by now
};
ResultAll<Ground> look(const Settings& settings, const Environment& environment, const Interfaces& interfaces,
                       const Running& running = {});
// The same with what has been read before, and the `problems` of that: nothing but the interfaces, and who the node is, can make
// it fail or differ.
ResultAll<Ground> look(Sources sources, const Interfaces& interfaces, const Running& running = {},
                       Problems problems = {});

// The address that `look` would choose on these.
Result<BindAddress> look_at_address(const Ground& ground, const Interfaces& interfaces);

// Where the agent stores the members that it gossips with.
std::string member_snapshot(const Ground& ground);

// Makes `id` this node's: looks again as if that were what is stored, the running agent's token and address kept.
ResultAll<Ground> take_id(const Ground& ground, const Interfaces& interfaces, const std::string& id);

}  // namespace lictor
