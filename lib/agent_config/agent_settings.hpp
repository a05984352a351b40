// All that an agent is to be started with, as far as lictor reads it, and how it is read: which of several keys, arguments and
// spellings an agent goes by.
#pragma once

#include "base/json.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor {

struct AgentSettings {
  Json merged = Json::object();                // consul.json over the JSON files of agent.config_dirs
  std::map<std::string, std::string> origins;  // top-level key -> where from
  std::vector<std::string> args;               // agent.args
  // False: HCL, or -hcl, which lictor does not read, may say more. What depends on something not being said is then not judged.
  bool whole = true;
};

// The member at a dotted path; null where there is none, or none but null.
const Json* member_at(const Json* value, std::string_view path);
std::string text_in(const Json* value);  // empty where it is no string
bool is_true(const Json* value);

// The parts of an agent that speak TLS with settings of their own.
inline constexpr std::array<const char*, 3> tls_protocols{"internal_rpc", "https", "grpc"};

// What the agent goes by. REQUIRES: the settings outlive it.
class EffectiveSettings {
 public:
  explicit EffectiveSettings(const AgentSettings& settings) : settings_(settings) {}

  const Json* get(std::string_view path) const { return member_at(&settings_.merged, path); }

  // The value of the last of these on the command line, as in -log-level=debug or -log-level debug.
  std::optional<std::string> flag(std::string_view name) const;

  std::string origin(std::string_view path) const;
  std::string subject(const std::string& path) const { return path + " (" + origin(path) + ")"; }

  // A scalar that a flag beats: its value, and what to call it.
  struct Said {
    std::string value, subject;
  };
  std::optional<Said> said(const std::string& key, std::string_view flag_name) const;

  // A key of the TLS settings as one protocol has it: its own, that of all, that of old.
  std::string tls_key(const std::string& protocol, const std::string& key) const;

  // Folders that are to be there: of the log file, and of listeners at unix sockets.
  std::vector<std::pair<std::string, std::string>> folders() const;

  // key -> each of its addresses: of what listens. client_addr first, so that what follows from it is told once.
  std::vector<std::pair<std::string, std::string>> listeners() const;

 private:
  const AgentSettings& settings_;
};

}  // namespace lictor
