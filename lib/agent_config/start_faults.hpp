// Settings that `consul validate` passes and a start does not: found before an agent ends for them.
//
// Validate reads settings and opens none of the files, addresses and programs that they name. Each rule here was seen with
// Consul 1.8.7 and 1.21.4 and stands in its sources (agent/agent.go, agent/structs/check_type.go, api/watch, tlsutil,
// logging). In doubt a rule says nothing: what it does not see, the way back to the settings before mends (life/life.hpp).
// Refusing what an agent would start with is the worse fault of the two.
#pragma once

#include "agent_config/agent_settings.hpp"
#include "base/problem.hpp"
#include "files/file_look.hpp"
#include "settings/settings.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// The paths that the settings name: files that an agent reads when it starts, and folders that it writes into.
std::vector<std::string> paths_at_start(const AgentSettings& settings);
std::vector<std::string> tls_paths(const AgentSettings& settings);  // of these the ones with certificates and keys

struct StartFacts {
  std::map<std::string, FileLook> files;  // of paths_at_start
  std::vector<std::string> addresses;  // of this host, literal; those of its loopback networks need not be among them
  bool any_address =
      false;  // the kernel lets programs bind to addresses that are not there (ip_nonlocal_bind), or is not asked
  int unprivileged_from = 0;  // the lowest port that the agent's user may listen on
  bool keyring = false;       // there is a gossip keyring, so that `encrypt` is not looked at
};

// Problems, each with the key and where that is from: log_level, encrypt, certificates and keys, the folder
// of log_file, addresses and ports of listeners, recursors, services without a name, checks that can't be (no TTL, no interval, a script
// while scripts are off), watches that can't be.
// Exit::config, but Exit::retry for a file of TLS that is not there or is empty: it may yet come.
Problems start_faults(const AgentSettings& settings, const StartFacts& facts);
// Those with Exit::retry alone. `files`: of tls_paths.
Problems tls_files_missing(const AgentSettings& settings, const std::map<std::string, FileLook>& files);

}  // namespace lictor
