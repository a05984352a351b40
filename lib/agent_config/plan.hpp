// From settings and facts to what the agent is started with: consul.json, argv, environment.
#pragma once

#include "agent_config/agent_version.hpp"
#include "identity/identity.hpp"
#include "network/address.hpp"
#include "process/limits.hpp"
#include "secrets/secrets.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// A file of agent.config_files, already parsed.
struct AgentConfigFile {
  std::string path;
  Json content;
};

// The user's agent settings, weakest first: files, agent.config, CONSUL_*. Merged as Consul merges files
// (scalars: the later wins; lists append; objects merge; null says nothing; a second "service" or "check" joins the first
// in "services" or "checks"), plus `origins`: top-level key -> where it came from, all sources of a list or object.
struct AgentConfig {
  Json merged = Json::object();
  std::map<std::string, std::string> origins;
};
AgentConfig merge_agent_config(const std::vector<AgentConfigFile>& files, const Settings& settings);

// Text of a file of agent.config_files to a JSON object. Comments are allowed: Consul refuses them, but users write
// them. A problem names the file and, for bad syntax, line and column.
Result<Json> parse_agent_config(const std::string& path, const std::string& text);

// Tell contents of files apart; no signatures.
struct Digests {
  std::uint64_t all = 0;
  // Of what a running agent does not take at a reload; the same for all that it takes whole.
  std::uint64_t at_start = 0;
  bool operator==(const Digests&) const = default;
};

// What the host and the earlier steps found out.
struct PlanFacts {
  BindAddress bind;
  Identity identity;
  std::string data_dir;
  std::string binary;                         // absolute path of the consul binary
  std::string api_socket;                     // the private listener: absolute path
  std::string config_path;                    // where consul.json will be
  unsigned uid = 0, gid = 0;                  // the agent user
  std::string recovery_token;                 // a fresh random UUID; used only when ACLs are on
  std::optional<AgentVersion> agent_version;  // of the binary, where it is known without running it
  std::optional<std::string> client_address;  // address of CONSUL_CLIENT_INTERFACE, if set
  Limits limits;
  Environment environment;                  // lictor's own
  std::string id_origin = "lictor";         // IdentityVerdict's
  std::string name_origin = "lictor";       // IdentityVerdict's
  std::map<std::string, Digests> contents;  // of agent_files, by the same keys
  Secrets secrets;                          // of agent.tokens.*_file and agent.encrypt_file
  // The agent settings with addresses in the place of go-sockaddr templates, where there are any (address_templates.hpp), and
  // what is to be told about those that are left to the agent.
  std::optional<Json> evaluated;
  std::vector<std::string> left_templates;
  std::string auto_reload_by;  // the file of agent.config_dirs by which the agent would watch its files by itself
};

// Files that the agent reads beside consul.json, by what names them: the top-level keys of consul.json with certificates
// and keys for TLS (ca_file, cert_file, key_file, tls), and "agent.config_dirs".
std::map<std::string, std::vector<std::string>> agent_files(const Settings& settings, const AgentConfig& config);

// What of a file in agent.config_dirs a running agent does not take at a reload. Empty: it takes all of it, as of one with
// definitions of services alone. `text` as it is where it is no JSON object.
std::string taken_at_start(const std::string& text);

struct Plan {
  Json consul_json;
  std::vector<std::string> argv;               // argv[0] is the binary
  std::vector<std::string> environment;        // "NAME=value"; GOMAXPROCS and GOMEMLIMIT unless the user set them
  std::map<std::string, std::string> origins;  // top-level key of consul.json -> origin
  std::vector<std::string> notices;            // info lines: a template that gave way, and the like
  int http_port = 8500;  // -1: no TCP listener for plain HTTP (the private socket works all the same)
  // What programs on the node use: "10.0.0.5:8500", or "unix:///..." where http_port is -1.
  std::string http_address;
  int serf_port = 8301;                     // ports.serf_lan
  std::map<std::string, Digests> contents;  // PlanFacts'
  // For lictor's own calls to /v1/agent/{self,members,reload,leave}; empty without ACLs. No server knows it:
  // registering and catalog reads are sent with the registration token, or where that is empty without a token, so that the
  // agent uses its acl.tokens.default. What concerns the node itself goes with the agent's own token, as far as there is one.
  std::string token, registration_token, default_token, agent_token;
  bool api_after_join = false;  // Rules'
};

// Computed keys: bind_addr, advertise_addr (the user's, if literal), node_name, node_id, data_dir, node_meta (strings
// expanded), client_addr (CONSUL_CLIENT_INTERFACE), addresses.http (the user's, or client_addr's, plus the private
// socket), ports.http where the user has it off, unix_sockets {mode 0600, numeric user and group of the agent user},
// leave_on_terminate=false, skip_leave_on_interrupt=true, acl.tokens.agent_recovery (recovery_token_key) when ACLs are on
// and the user has no recovery token, acl.tokens.agent, acl.tokens.default and encrypt where files give them. Tokens from files turn
// acl.enable_token_persistence off: with it the agent prefers what it once kept (acl-tokens.json) to consul.json, at a start and
// at a reload. What start_join names goes to retry_join, and auto_reload_config=true becomes false, in a file of
// agent.config_dirs too. Nothing else of the user's is dropped or reworded; where a computed value replaces another one of the user's, a notice says so.
// argv: -config-dir for each of agent.config_dirs, then lictor's file, then agent.args, -join as -retry-join and
// -auto-reload-config turned off; the later is the stronger.
// Environment: lictor's own and agent.env over it, without LICTOR_*, what the official image's entrypoint would have
// consumed, and lictor's line to its service manager.
// Problems, all of them: a server instead of a client agent, an unknown ${NAME} in node metadata, a setting of the
// wrong type where lictor has to read it, an api_socket that no listener can have, a secret that settings and a file give
// differently, a gossip key in agent.args, where every user of the host reads it.
ResultAll<Plan> make_plan(const Settings& settings, const AgentConfig& config, const PlanFacts& facts);

// What a hook gets of the agent's environment: all but the variables that hold secrets, by their names or because a secret of
// consul.json or the password of a URL is in their values, unless hook.environment names them.
std::vector<std::string> hook_environment(const Plan& plan, const Hook& hook);

// What a change from one plan to another asks of a running agent, in order of force. lictor's own services are not
// part of a plan: service_changes() sees to them.
enum class Change { none, reload, restart };
struct PlanDifference {
  Change change = Change::none;
  std::vector<std::string> keys;  // top-level keys of consul.json (or "argv", "environment", "agent.config_dirs",
                                  // "agent.tokens.registration_file") that differ
};
// reload: all that differs is what Consul's page "Agent Configuration", section "Reloadable Configuration", lists for a
// client agent, tokens among them, in consul.json or agent.config_dirs, or the content of a TLS file; restart: anything else,
// TLS turned on or off included. A registration token is lictor's own and asks nothing of the agent.
PlanDifference plan_difference(const Plan& before, const Plan& after);

}  // namespace lictor
