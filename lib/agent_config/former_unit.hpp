// The systemd unit of an agent that ran on this host without lictor: what it gives that agent, and what becomes of that.
#pragma once

#include "agent_config/agent_flags.hpp"
#include "agent_config/agent_settings.hpp"
#include "base/environment.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The arguments that a unit gives `consul agent`: behind that word in its last ExecStart=. `texts`: the unit and its
// drop-ins, in systemd's order. `read`: the text of a file of EnvironmentFile=, if there is one. As systemd.service(5) has command lines: "$NAME"
// alone is split at blanks, "${NAME}" is not, quotes keep blanks. Nothing where the unit starts no agent of Consul's.
std::optional<std::vector<std::string>> unit_arguments(
    const std::vector<std::string>& texts, const std::function<std::optional<std::string>(const std::string&)>& read);

struct Move {
  std::string unit;  // consul.service
  bool enabled = false, running = false;
  AgentFlags flags;                 // of that unit
  std::vector<std::string> unread;  // files and folders of its command line that nobody reads under lictor
  const AgentSettings& settings;    // what the agent goes by under lictor
  std::string data_dir, name, id, address;
  bool same_id = false;                 // the id was in that data directory
  std::vector<std::string> registered;  // services that programs have registered there
  std::vector<std::string> added;       // services that lictor adds
  std::string own_socket;               // lictor's listener
};

// What a move keeps and what it changes, a line each: "kept: node web1, ...", "changed: ...". Beside the plan's notices.
std::vector<std::string> told_of_move(const Move& move);

// A problem for each argument of the unit by which that agent is a server.
Problems refused_moves(const Move& move);

}  // namespace lictor
