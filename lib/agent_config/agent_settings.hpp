// The settings of an agent, merged as the agent itself merges what it reads, and how they are read: which of several keys and
// spellings an agent goes by.
//
// What an agent goes by, weakest first: arguments that may stand several times (-retry-join), files and folders in the order of
// its command line, the other arguments, -hcl. Scalars: the later one wins. Lists are joined, and nothing empties one. Objects
// are merged. null says nothing. A second "service" or "check" joins the first in "services" or "checks".
#pragma once

#include "agent_config/agent_flags.hpp"
#include "agent_config/settings_places.hpp"
#include "base/json.hpp"
#include "base/problem.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor {

// A key that no agent from 1.8 to 1.21 of Consul has, and refuses; a later one may have it (agent_evaluation.hpp).
struct UnknownKey {
  Problem problem;  // with file, line and column, as far as those are known
  Json alone;       // AgentFault's
};

// One thing that says something of an agent: a file, agent.config, arguments.
struct AgentConfigFile {
  std::string path;  // or what it is called: "agent.config", "agent.args"
  Json content;
  std::map<std::string, std::uint32_t> lines =
      {};  // dotted path of a value -> where it stands, as far as that is known
  std::vector<UnknownKey> unknown = {};
};

// A scalar that one place gives otherwise than another before it: the later one counts.
struct Contradiction {
  std::string path;           // dotted
  std::string before, after;  // "FILE:LINE", or as a source is called
};

struct AgentSettings {
  Json merged = Json::object();
  std::map<std::string, std::string> origins = {};  // top-level key -> where from, all sources of a list or object
  std::map<std::string, std::string> places = {};   // dotted path of a scalar or list -> "FILE:LINE", the last one
  std::vector<Contradiction> contradictions = {};

  using Lines = std::map<std::string, std::uint32_t>;  // AgentConfigFile's
  void add(const std::string& key, Json value, const std::string& path, const Lines& lines);
  void add(AgentConfigFile file);
  // Where the value at a dotted path is from, as narrowly as is known; "" for one that nobody gave.
  std::string origin(std::string_view path) const;
};

// The user's.
struct AgentConfig {
  // What an agent reads before lictor's file: arguments that are lists, agent.config_dirs, files and folders of agent.args.
  AgentSettings before = {};
  // What lictor's file is made of: agent.config_files, agent.config, CONSUL_LOCAL_CONFIG.
  AgentSettings given = {};
  // What an agent reads after it.
  std::vector<AgentConfigFile> after = {};

  // Which of the places that need not be there gave any of that.
  SettingsPlaces places = {};
  std::vector<UnknownKey> unknown = {};  // of all of that

  // All of that, by join(). Nothing where what was given is all there is: it stands for itself.
  std::optional<AgentSettings> joined = {};
  void join();  // after each change of the above

  // What an agent goes by that is started with this consul.json, whose keys are from `origins`.
  AgentSettings effective(const Json& consul_json, const std::map<std::string, std::string>& origins) const;
  // And with what was given.
  const AgentSettings& effective() const& { return joined ? *joined : given; }
  AgentSettings effective() && { return joined ? std::move(*joined) : std::move(given); }
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
  std::string subject(const std::string& path) const { return path + " (" + settings_.origin(path) + ")"; }

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
