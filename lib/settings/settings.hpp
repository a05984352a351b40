// The settings of lictor: one table of keys, and what a set of sources makes of it.
//
// Everything about a key (type, default, meaning, environment name, allowed values) stands once, in the
// table that `setting_keys()` returns. Reading, the environment, `render --explain`, config/lictor.json,
// config/lictor.schema.json, docs/configuration.md and docs/lictor.json.5 are all held to it by tests.
//
// Strength, weakest first: defaults, the settings file, CONSUL_* (what the official image's entrypoint took),
// LICTOR_*. Nothing is applied unless everything is right.
#pragma once

#include "base/environment.hpp"
#include "base/json.hpp"
#include "base/problem.hpp"
#include "base/shared_json.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// integer: a count, at least 1.
enum class SettingType { string, boolean, integer, duration, string_list, string_map, object, object_list, hook_list };

struct SettingKey {
  const char* path;  // "bind.interface"
  SettingType type;
  const char* fallback;                  // the default, as JSON text; "null" where it is worked out (see meaning)
  const char* meaning;                   // one line, as docs/configuration.md shows it
  std::vector<std::string> values = {};  // the only values allowed, if any ("ipv4", "ipv6")
  bool may_be_zero = false;              // a duration: not to wait at all is a choice, too

  // Scalars and lists of strings. A list is written "a,b"; empty is the empty list. An empty value of a key whose
  // default is worked out stands for that default.
  bool settable_by_environment() const;
  std::string environment_name() const;  // "LICTOR_BIND_INTERFACE"
};

// In the order in which docs/configuration.md lists them.
const std::vector<SettingKey>& setting_keys();

// Nothing for a path that is not in the table.
const SettingKey* find_setting(std::string_view path);

enum class StopPolicy { automatic, leave, stay };
enum class OnFailure { retry, ignore, fail };
struct Hook {
  std::vector<std::string> command;  // argv; never a shell line
  Duration timeout{};
  OnFailure on_failure = OnFailure::retry;
  std::vector<std::string> environment;  // variables that it gets although their names tell of secrets
};

// Each member is the key of the same name. What the table calls "worked out" is optional or empty here.
// One of `services`, as it is written.
struct Definition {
  SharedJson json;
  std::uint64_t digest;  // of all but the values of secrets
  // Of its text in the settings file: what has the same when that is read again is the same. 0: not known.
  std::uint64_t text = 0;
};

struct Settings {
  // Whether there is a file at the default place. Nothing: another one is named. Of load_settings, as agent.found_dir.
  std::optional<bool> default_file;
  struct {
    std::string binary;
    Json config;  // object
    std::vector<std::string> config_files;
    bool config_files_named = false;  // false: equal to the default list, whose missing files are skipped
    std::vector<std::string> config_dirs;
    // Where an agent without lictor is configured on this host, as far as it was there at lictor's start: what config_dirs
    // holds where the settings name no files. Of load_settings; read_settings looks at no host.
    std::optional<std::string> found_dir;
    struct {
      std::string agent_file, default_file, registration_file;  // empty: none
    } tokens;
    std::string encrypt_file;
    std::optional<std::string> user, group;  // name or number
    std::vector<std::string> groups;         // names or numbers
    std::optional<std::vector<std::string>> capabilities;
    bool no_new_privs = false;
    std::map<std::string, std::string> env;
    std::vector<std::string> args;
  } agent;
  struct {
    std::vector<std::string> interface;
    bool ipv6 = false;
    std::vector<std::string> cidr;
    Duration wait{}, settle{};
    bool restart_on_change = true;
  } bind;
  struct {
    std::optional<std::string> name, data_dir;
    bool keep_name = false;     // node.on_rename = keep
    bool refuse_clone = false;  // node.on_clone = refuse
    bool heal = true;
    std::map<std::string, std::string> meta;
  } node;
  std::optional<std::vector<Definition>> services;  // nothing: the default service
  bool http_check = false;                          // default_check = http
  struct {
    std::vector<Hook> post_start, pre_stop;
  } hooks;
  struct {
    StopPolicy policy = StopPolicy::automatic;
    bool stay_over_reboot = false;  // stop.reboot
    Duration linger{}, timeout{};
  } stop;
  struct {
    Duration min{}, max{}, spread{};
    int give_up_after = 0;
  } restart;
  struct {
    Duration hung_after{}, rejoin_after{};
    bool rejoin_after_leave = false;  // watch.on_leave = rejoin
    bool settings = true;
  } watch;
  struct {
    Duration files{};
    std::vector<std::string> mounts;  // absolute paths
  } wait;
  struct {
    bool ready_by_api = false;  // systemd.ready = api
    Duration ready_within{};    // zero: no limit
  } systemd;
  struct {
    std::string socket, http;          // http: "ADDRESS:PORT", numeric, or empty
    std::optional<std::string> group;  // name or number
    bool ready_needs_leader = true;
  } control;
  std::string run_dir;
  struct {
    std::string level;  // trace debug info warn error
    bool json = false;
  } log;

  // From CONSUL_*, for the plan: settings of the agent that beat agent.config, and an interface whose address
  // becomes client_addr.
  Json consul_local_config = Json::object();
  std::optional<std::string> client_interface;

  // LICTOR_* variables that mean nothing to lictor, each with the name that may have been meant, if any.
  std::vector<std::string> unknown_variables;

  // Where each key's value came from: "default", the file's name, or the variable's name (NODE_NAME among them).
  // Every key of the table has an entry.
  std::map<std::string, std::string> origins;

  // The same for the same values, wherever they came from: of all keys but node.name, which every node has its own of,
  // and without the values of secrets.
  std::uint64_t digest = 0;
};

struct SettingsFile {
  std::string name;
  std::string text;
};

// Reads `file` (JSON with // and /* */ comments) and `environment`. On failure: every problem there is, each
// with the key's path and the file's or variable's name ("bind.wait (LICTOR_BIND_WAIT)"), the reason, and the
// nearest known key for an unknown one. A value is judged even where a stronger source covers it. `null` in the file
// is allowed where the default is worked out, and stands for it. An unknown LICTOR_* variable is a problem too where it is a slip
// of the fingers away from a known one, and else one of unknown_variables, except LICTOR_CONFIG, LICTOR_GRACE, those that lictor gives to hooks (LICTOR_ADDRESS, LICTOR_NODE_NAME,
// LICTOR_NODE_ID), and those that Kubernetes makes for a Service whose name begins with "lictor"
// (LICTOR_SERVICE_HOST, LICTOR_PORT_8555_TCP and the like). Empty CONSUL_* variables and an empty NODE_NAME count
// as absent.
// `before`: what was read from it last; definitions of services that are written as they were then are shared with it.
ResultAll<Settings> read_settings(const std::optional<SettingsFile>& file, const Environment& environment,
                                  const Settings* before = nullptr);

// Whether lictor takes this variable for its own: no other program is meant by it.
bool is_own_variable(const std::string& name);

// The settings file with every key at its default, each under its meaning as a comment: what
// config/lictor.json holds.
std::string default_settings_text();

// JSON schema (draft 7) of the settings file: what config/lictor.schema.json holds.
Json settings_schema();

// The Markdown table for docs/configuration.md.
std::string settings_table();

// The list of keys in docs/lictor.json.5, in mdoc.
std::string settings_manual();

}  // namespace lictor
