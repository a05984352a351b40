// From the settings file to everything a launch needs. `look` only reads. The daemon also writes; `check`
// and `render` look.
#pragma once

#include "agent_api/services.hpp"
#include "agent_config/io/agent_binary.hpp"
#include "agent_config/plan.hpp"
#include "agent_config/start_faults.hpp"
#include "files/io/files.hpp"
#include "identity/claims.hpp"
#include "network/io/interfaces.hpp"
#include "process/io/host.hpp"
#include "process/io/launcher.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The settings from `named` (-c), $LICTOR_CONFIG or the default place, and the environment. No file at the default
// place means defaults; a named file that is missing is a problem.
ResultAll<Settings> load_settings(const std::optional<std::string>& named, const Environment& environment);

// The files and directories that a reload depends on: the settings file, also where it is missing, agent.config_files,
// those with tokens and the gossip key, and agent_files.
std::vector<std::string> files_behind(const Settings& settings, const std::optional<std::string>& named,
                                      const Environment& environment);

// What the agent's user and program have it run with, beside what a program of an ordinary user has.
struct AgentPrivileges {
  bool root = false;               // its user is root: it is given all that lictor was started with
  std::string gains;               // else: the program, where that gains privileges by file capabilities or set-user-id
  std::uint64_t capabilities = 0;  // the file capabilities of that program
};
AgentPrivileges agent_privileges(const std::string& binary, uid_t uid);
// Before they have been found; what can't be found is told by `look`.
AgentPrivileges agent_privileges(const Settings& settings, const Environment& environment);

// node.data_dir, else what the agent's settings say. A problem where those can't be read.
Result<std::string> data_dir_of(const Settings& settings);

// All that is read and depends on no address.
struct Sources {
  Settings settings;
  AgentConfig config;
  PlanFacts facts;                        // but for address, identity and contents
  std::vector<std::string> open_secrets;  // files with secrets, the TLS key among them, that every user can read
};
ResultAll<Sources> read_sources(const Settings& settings, const Environment& environment);

// Everything found out and decided before a launch.
struct Ground : Sources {
  IdentityVerdict identity;
  Plan plan;
  std::vector<Json> services;         // desired, ready for the agent's API
  std::vector<std::string> warnings;  // what an operator should know at start, beside the plan's notices
  std::optional<Problem> keyring;     // how the gossip keyring on disk disagrees with the configured key

  // The node as others see it: with the address that is advertised.
  NodeKey own() const;
};

// What the files with tokens and the gossip key hold now, and those of them that every user of the host can read.
struct ReadSecrets {
  Secrets secrets;
  std::vector<std::string> open;
};
ResultAll<ReadSecrets> read_secrets(const Settings& settings);

// run_dir/agent: the folder of the private listener, the agent user's own. run_dir itself stays lictor's.
std::string agent_folder(const Settings& settings);
std::string agent_socket(const Settings& settings);  // the listener: http.sock in it

// Reads and decides. All problems of the settings and the host that can be found without writing; one with
// Exit::retry alone means that only an address is missing. `running`: what the agent that runs was started with, where the
// result is to be compared with that.
struct Running {
  std::string token;                          // recovery token
  std::optional<AgentVersion> agent_version;  // as it was known at the launch
  const Ground* bound =
      nullptr;  // its address is kept, whatever the interfaces say, while the rules that chose it are the same
  std::optional<Identity> identity;  // who the node is, whatever the files say by now
};
ResultAll<Ground> look(const Settings& settings, const Environment& environment, const Interfaces& interfaces,
                       const Running& running = {});
// The same with what has been read before: nothing but the interfaces, and who the node is, can make it fail or differ.
ResultAll<Ground> look(const Sources& sources, const Interfaces& interfaces, const Running& running = {});

// A program of the agent's user, who gains nothing by it, unless that user is root.
LaunchRequest as_agent_user(const PlanFacts& facts, std::vector<std::string> argv,
                            std::vector<std::string> environment);

// The words of it, "1.21.4": what is remembered of this binary, else what `consul version` says, run as the agent's user. For
// commands: blocks, for at most 5 s. A problem, with the binary for its subject, for what does not run here or is no Consul.
Result<std::string> version_of(const std::string& binary, const Ground& ground);

// All that the agent would be started with, as far as lictor reads it.
AgentSettings agent_settings(const Ground& ground);
// What `consul validate` passes and a start does not: start_faults of what is there now, files as the agent's user finds them.
Problems start_problems(const Ground& ground, const Interfaces& interfaces);
// `consul validate` on this consul.json, as the agent's user: with all that the agent reads, in its order.
LaunchRequest validation(const Ground& ground, const std::string& consul_json);

// The address that `look` would choose on these.
Result<BindAddress> look_at_address(const Ground& ground, const Interfaces& interfaces);

// Makes `id` this node's: looks again as if that were what is stored, the running agent's token and address kept.
ResultAll<Ground> take_id(const Ground& ground, const Interfaces& interfaces, const std::string& id);

// Keeps a second lictor off the run directory and the data directory. Makes both where they are missing. The agent could
// live in the data directory, as check_data_dir has it, or its problem is returned and nothing is left there.
struct Locks {
  FileLock run_dir, data_dir;
};
Result<Locks> lock(const Settings& settings, const std::string& data_dir);

// The folders that the agent is to have, and their owner. Waits for no disk.
Result<void> make_folders(const Ground& ground);

// The same for consul.json, at `path`.
Result<void> write_consul_json(const Ground& ground, const std::string& path);

// For each launch: a fresh recovery token (where ACLs are on), and consul.json with it.
Result<void> install_consul_json(Ground& ground);

}  // namespace lictor
