// From settings and facts to what the agent is started with: consul.json, argv, environment.
#pragma once

#include "agent_config/agent_evaluation.hpp"
#include "agent_config/agent_settings.hpp"
#include "agent_config/agent_version.hpp"
#include "identity/identity.hpp"
#include "network/address.hpp"
#include "process/limits.hpp"
#include "process/rights.hpp"
#include "secrets/secrets.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// What an agent reads by itself, already parsed.
struct AgentReads {
  std::vector<AgentConfigFile> files;  // agent.config_dirs, and what -config-file and -config-dir in agent.args name
  std::vector<AgentConfigFile> fragments;  // -hcl
  SettingsPlaces places = {};              // folders that `files` are in, those without any too
};
// `files`: those of agent.config_files, already parsed.
AgentConfig merge_agent_config(const std::vector<AgentConfigFile>& files, const Settings& settings,
                               AgentReads reads = {});

// What the agent will read by itself, as it takes it: by the format, "hcl" or "json", or where none is given by the end of the
// name. A problem for what the agent would refuse, with the line and column.
Result<AgentConfigFile> parse_for_agent(const std::string& path, const std::string& text, const std::string& format);

// Text of a file of agent.config_files to a JSON object. Comments are allowed: Consul refuses them, but users write
// them. A problem names the file and, for bad syntax, line and column.
Result<AgentConfigFile> parse_agent_config(const std::string& path, const std::string& text);
// The same for settings that are JSON already: the content is what they are, and in problems `name` stands for file and line.
Result<AgentConfigFile> look_at_agent_json(const std::string& name, const Json& settings);

// What the host and the earlier steps found out.
struct PlanFacts {
  BindAddress bind;
  Identity identity;
  std::string data_dir;
  std::string binary;                // absolute path of the consul binary
  std::string api_socket;            // the private listener: absolute path
  std::string config_path;           // where consul.json will be
  unsigned uid = 0, gid = 0;         // the agent user
  Rights rights = {};                // what it has beside
  std::string user = {}, home = {};  // its name and its folder, where it is another one than lictor's own; else empty
  std::string recovery_token;        // a fresh random UUID; used only when ACLs are on
  std::optional<AgentVersion> agent_version;  // of the binary, where it is known without running it
  std::optional<std::string> client_address;  // address of CONSUL_CLIENT_INTERFACE, if set
  Limits limits;
  Environment environment;                         // lictor's own
  std::string id_origin = "lictor";                // IdentityVerdict's
  std::string name_origin = "lictor";              // IdentityVerdict's
  std::map<std::string, std::uint64_t> contents;   // of agent_files, by the same keys: tells them apart, no signature
  Secrets secrets;                                 // of agent.tokens.*_file and agent.encrypt_file
  AgentAnswers by_agent = {};                      // what the agent's program made of go-sockaddr templates
  std::vector<std::string> template_notices = {};  // what is to be told of those that lictor did not evaluate
};

// Files with certificates and keys for TLS that the agent reads, by the top-level keys that name them (ca_file, cert_file,
// key_file, tls).
std::map<std::string, std::vector<std::string>> agent_files(const AgentSettings& settings);

struct Plan {
  Json consul_json;
  AgentSettings effective;                     // what the agent goes by, consul.json and arguments included
  std::vector<std::string> argv;               // argv[0] is the binary
  std::vector<std::string> environment;        // "NAME=value"; GOMAXPROCS and GOMEMLIMIT unless the user set them
  std::map<std::string, std::string> origins;  // top-level key of consul.json -> origin
  std::vector<std::string> notices;            // info lines: a template that gave way, and the like
  int http_port = 8500;  // -1: no TCP listener for plain HTTP (the private socket works all the same)
  // What programs on the node use: "10.0.0.5:8500", or "unix:///..." where http_port is -1.
  std::string http_address;
  int serf_port = 8301;                           // ports.serf_lan
  std::map<std::string, std::uint64_t> contents;  // PlanFacts'
  Rights rights = {};                             // PlanFacts'
  // For lictor's own calls to /v1/agent/{self,members,reload,leave}; empty without ACLs. No server knows it:
  // registering and catalog reads are sent with the registration token, or where that is empty without a token, so that the
  // agent uses its acl.tokens.default. What concerns the node itself goes with the agent's own token, as far as there is one.
  std::string token, registration_token, default_token, agent_token;
  bool api_after_join = false;  // Rules'
};

// Computed keys: bind_addr (but where the user has all addresses listened on), advertise_addr (the user's, if literal; else
// where gossip listens), node_name, node_id, data_dir, node_meta (strings
// expanded), client_addr (CONSUL_CLIENT_INTERFACE), addresses.http (the user's, or client_addr's, plus the private
// socket), ports.http where the user has it off, unix_sockets {mode 0600, numeric user and group of the agent user},
// leave_on_terminate=false, skip_leave_on_interrupt=true, acl.tokens.agent_recovery (recovery_token_key) when ACLs are on
// and the user has no recovery token, acl.tokens.agent, acl.tokens.default and encrypt where files give them. Tokens from files turn
// acl.enable_token_persistence off: with it the agent prefers what it once kept (acl-tokens.json) to consul.json, at a start and
// at a reload. What start_join names goes to retry_join, and auto_reload_config=true becomes false, in a file of
// agent.config_dirs too. Nothing else of the user's is dropped or reworded; where a computed value replaces another one of the user's, a notice says so.
// argv: -config-dir for each of agent.config_dirs, agent.args with -join as -retry-join, lictor's file; and where arguments say
// otherwise than it must be, lictor's word in -hcl, which beats them.
// Environment: lictor's own and agent.env over it, without lictor's own LICTOR_*, what the official image's entrypoint would
// have consumed, and lictor's line to its service manager; HOME, USER and LOGNAME of a user that is not lictor's own, as User= of
// a unit has it. Where a variable names a proxy, NO_PROXY names the agent's own addresses, too.
// Problems, all of them: a server instead of a client agent, an unknown ${NAME} in node metadata, a setting of the
// wrong type where lictor has to read it, an api_socket that no listener can have, a secret that settings and a file give
// differently, a gossip key in agent.args, where every user of the host reads it.
ResultAll<Plan> make_plan(const Settings& settings, const AgentConfig& config, const PlanFacts& facts);

// The agent's environment, as in Plan. `own`: the addresses that no proxy is asked for, own_addresses().
std::vector<std::string> agent_environment(const Settings& settings, const PlanFacts& facts,
                                           const std::vector<std::string>& own = {});

// The addresses at which the agent is this node, or listens.
std::vector<std::string> own_addresses(const Json& effective, const PlanFacts& facts);

// Which variables name a proxy.
std::vector<std::string> proxies_in(const Environment& variables);

// What a hook gets of the agent's environment: all but the variables that hold secrets, by their names or because a secret of
// consul.json or the password of a URL is in their values, unless hook.environment names them.
std::vector<std::string> hook_environment(const Plan& plan, const Hook& hook);

// What a change from one plan to another asks of a running agent, in order of force. lictor's own services are not
// part of a plan: service_changes() sees to them.
enum class Change { none, reload, restart };
struct PlanDifference {
  Change change = Change::none;
  std::vector<std::string>
      keys;  // top-level keys of consul.json (or "argv", "environment", "agent.config_dirs", "agent.groups",
             // "agent.capabilities", "agent.no_new_privs", "agent.tokens.registration_file") that differ
};
// reload: all that differs is what Consul's page "Agent Configuration", section "Reloadable Configuration", lists for a
// client agent, tokens among them, in consul.json or agent.config_dirs, or the content of a TLS file; restart: anything else,
// TLS turned on or off included. A registration token is lictor's own and asks nothing of the agent.
PlanDifference plan_difference(const Plan& before, const Plan& after);

}  // namespace lictor
