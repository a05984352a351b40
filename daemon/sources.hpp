// What a life is prepared from, and depends on no address: lictor's settings, the agent's files, secrets, the agent's user and
// program. Only reads. Problems are all told at once. A file that was named and is not there, or is empty where something is
// wanted, is one with Exit::retry: it may yet come (awaited.hpp).
#pragma once

#include "agent_config/definitions.hpp"
#include "agent_config/plan.hpp"
#include "base/problem.hpp"
#include "control/authorization.hpp"
#include "files/io/as_user.hpp"
#include "process/io/host.hpp"
#include "settings/settings.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The settings from `named` (-c), $LICTOR_CONFIG or the default place, and the environment. No file at the default
// place means defaults; a named file that is missing is a problem. Settings that name no files of the agent's have the folder that
// an agent without lictor would read: that of those `in_force`, or without them the one that is found now. So a folder that goes
// away under a lictor that serves is missed, and one that comes is for its next start.
ResultAll<Settings> load_settings(const std::optional<std::string>& named, const Environment& environment,
                                  const Settings* in_force = nullptr);

// The same, and without the file where that is not this user's to read.
ResultAll<Settings> load_readable_settings(const std::optional<std::string>& named, const Environment& environment);

// The files and directories that a reload depends on: the settings file, also where it is missing, all that the agent's settings
// are in, those with tokens and the gossip key. What the agent's settings name in their turn (agent_files) is not among them.
std::vector<std::string> files_behind(const Settings& settings, const std::optional<std::string>& named,
                                      const Environment& environment);

// All that the agent's settings are in, merged: agent.config_dirs and what agent.args name, agent.config_files,
// CONSUL_LOCAL_CONFIG, agent.config. What the agent will read by itself is read with the rights of its user.
ResultAll<AgentConfig> read_agent_config(const Settings& settings, Definitions definitions = Definitions::whole);
// A string that is not empty, of the agent's settings.
std::optional<std::string> text_setting(const Json& config, const char* key);

// What lies beside a file of the default agent.config_files, and would be read by an agent without lictor, but is by nobody here.
std::vector<std::string> unread_files(const Settings& settings);

// node.data_dir, else what the agent's settings say, else the default. A problem where those can't be read.
Result<std::string> data_dir_of(const Settings& settings);
std::string data_dir_of(const Settings& settings, const Json& agent);  // what the agent is to go by

// Whose files the agent's are.
inline FileUser file_user(const PlanFacts& facts) { return {facts.uid, facts.gid, facts.rights.groups}; }

// control.group, found. Nothing: none is named.
Result<std::optional<OrderGroup>> order_group(const Settings& settings);

// What the files with tokens and the gossip key hold now, and those of them that every user of the host can read.
struct ReadSecrets {
  Secrets secrets;
  std::vector<std::string> open;
};
ResultAll<ReadSecrets> read_secrets(const Settings& settings);

// run_dir/agent: the folder of the private listener, the agent user's own. run_dir itself stays lictor's.
std::string agent_folder(const Settings& settings);
std::string agent_socket(const Settings& settings);  // the listener: http.sock in it

// All that is read and depends on no address.
struct Sources {
  Settings settings;
  AgentConfig config;
  PlanFacts facts;                        // but for address, identity and contents
  std::vector<std::string> open_secrets;  // files with secrets, the TLS key among them, that every user can read
};
// As far as it goes: what is wrong is added to `problems`. False where not even the agent's settings can be read.
bool read_sources(Sources& sources, const Settings& settings, const Environment& environment, Problems& problems,
                  Definitions definitions = Definitions::whole);

}  // namespace lictor
