// From the settings file to everything a launch needs. `look` only reads; `install` writes. The daemon does both, `check`
// and `render` look.
#pragma once

#include "act/files.hpp"
#include "act/host.hpp"
#include "decide/plan.hpp"
#include "decide/services.hpp"
#include "decide/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The settings from `named` (-c), $LICTOR_CONFIG or the default place, and the environment. No file at the default
// place means defaults; a named file that is missing is a problem.
ResultAll<Settings> load_settings(const std::optional<std::string>& named, const Environment& environment);

// Everything found out and decided before a launch.
struct Ground {
  Settings settings;
  AgentConfig config;
  PlanFacts facts;
  IdentityVerdict identity;
  Plan plan;
  std::vector<Json> services;  // desired, ready for the agent's API
  gid_t own_gid = 0;

  std::string identity_path() const { return facts.data_dir + "/lictor-identity.json"; }
  std::string node_id_path() const { return facts.data_dir + "/node-id"; }
};

// run_dir/agent: the folder of the private listener, the agent user's own. run_dir itself stays lictor's.
std::string agent_folder(const Settings& settings);

// Reads and decides. All problems of the settings and the host that can be found without writing; one with
// Exit::retry alone means that only an address is missing. `token`: the recovery token of the agent that runs, where the
// result is to be compared with what that agent was started with.
ResultAll<Ground> look(const Settings& settings, const Environment& environment, const std::string& token = "");

// Keeps a second lictor off the run directory and the data directory. Makes both where they are missing.
struct Locks {
  FileLock run_dir, data_dir;
};
Result<Locks> lock(const Settings& settings);

// Writes what `look` decided: folders and their owner, node-id, lictor-identity.json, consul.json. Each is written only if
// it would change, atomically and durably.
Result<void> install(const Ground& ground);

// For each launch: a fresh recovery token (where ACLs are on), and consul.json with it.
Result<void> install_consul_json(Ground& ground);

}  // namespace lictor
