#include "settings/settings.hpp"

#include <algorithm>
#include <cctype>

namespace lictor {

const std::vector<SettingKey>& setting_keys() {
  using enum SettingType;
  static const std::vector<SettingKey> keys{
      {"agent.binary", string, R"("consul")", "path of the Consul program, or a name to look up on `PATH`"},
      {"agent.config", object, "{}", "agent settings in Consul's own words"},
      {"agent.config_files", string_list, R"(["/consul/config/consul.json"])",
       "files with agent settings to start from, in JSON or HCL (`.hcl`), in order; a missing file is an error, but "
       "not "
       "of the default list, from which what the agent reads by itself is left out as well"},
      {"agent.config_dirs", string_list, "null",
       "directories of `.json` and `.hcl` files with agent settings, which the agent reads by itself (`-config-dir`), "
       "before lictor's own file; default: `/consul/config` if it is there, else `/etc/consul.d` if that is, unless "
       "`agent.config_files` or `agent.args` name files"},
      {"agent.tokens.agent_file", string, R"("")",
       "file with the token for the agent's own work with the servers (`acl.tokens.agent`)"},
      {"agent.tokens.default_file", string, R"("")",
       "file with the token of requests that carry none (`acl.tokens.default`)"},
      {"agent.tokens.registration_file", string, R"("")",
       "file with the token by which lictor registers the services and reads the catalog; without it that is the "
       "agent's "
       "default token"},
      {"agent.encrypt_file", string, R"("")", "file with the gossip key (`encrypt`)"},
      {"agent.user", string, "null",
       "user the agent runs as, by name or number; default: `consul` if lictor is root and that user exists, else "
       "lictor's own"},
      {"agent.group", string, "null", "group the agent runs as, by name or number; default: as for `agent.user`"},
      {"agent.groups", string_list, "[]",
       "supplementary groups of the agent, by name or number, beside those that have its user as a member in "
       "`/etc/group` and "
       "those that the platform has added"},
      {"agent.capabilities", string_list, "null",
       "capabilities of the agent, of its checks and of hooks, such as `net_bind_service` for ports below 1024; "
       "default: those that "
       "lictor has as ambient ones (`AmbientCapabilities=`); a change takes a restart of lictor"},
      {"agent.no_new_privs", boolean, "false",
       "the agent, its checks and hooks gain nothing by set-user-id programs and file capabilities: `sudo`, and `ping` "
       "on some hosts, "
       "fail in them"},
      {"agent.env", string_map, "{}", "extra environment variables of the agent"},
      {"agent.args", string_list, "[]", "extra arguments of the agent"},
      {"bind.interface", string_list, R"(["eth*", "em*"])",
       "interfaces to take the address from: names or globs that match the whole name, in order of preference"},
      {"bind.family",
       string,
       R"("ipv4")",
       "kind of address: `ipv4` or `ipv6`; link-local addresses never count",
       {"ipv4", "ipv6"}},
      {"bind.cidr", string_list, "[]", "only addresses inside these networks count; empty: all do"},
      {"bind.wait", duration, R"("60s")", "how long to wait for an address, and for a host name, at start", {}, true},
      {"bind.settle",
       duration,
       R"("5s")",
       "how long another address must have been the one to take before a serving node moves to it, and at a start one "
       "that "
       "may not be the last to come before it is taken",
       {},
       true},
      {"bind.on_change",
       string,
       R"("restart")",
       "when the address changes while serving: `restart` the agent, or `ignore` it",
       {"restart", "ignore"}},
      {"node.name", string, "null",
       "name of the node; default: `$NODE_NAME`, else `node_name` of the agent settings, else the host name; while "
       "that "
       "is `localhost` or the like, the stored name, or a name is waited for"},
      {"node.data_dir", string, "null",
       "the agent's data directory; default: `data_dir` of the agent settings, else `/var/lib/lictor/data` on a host "
       "with "
       "lictor's package, else `/data/consul/data`"},
      {"node.on_rename",
       string,
       R"("rename")",
       "when the host name differs from the stored name, at a start or while the node serves: `rename` takes the new "
       "one "
       "and clears the old away, `keep` keeps the stored one",
       {"rename", "keep"}},
      {"node.on_clone",
       string,
       R"("new_id")",
       "when the data directory came from another machine: take a `new_id`, or `refuse` to start",
       {"new_id", "refuse"}},
      {"node.heal", boolean, "true",
       "clear away, once dead, the members and catalog entries of names and ids that this node has had"},
      {"node.meta", string_map, "{}", "node metadata; `${NAME}` in a value stands for that environment variable"},
      {"services", object_list, "null",
       "service definitions in Consul's own words, `[]` registers nothing; default: one service `consul-members` with "
       "this node's address, the agent's HTTP port and the check of `default_check`"},
      {"default_check",
       string,
       R"("lictor")",
       "check of the default service: `lictor` tells the agent by itself how the node is, and the servers hear of it "
       "when "
       "that changes; `http` has the agent ask a server for the leader every 10 s",
       {"lictor", "http"}},
      {"hooks.post_start", hook_list, "[]",
       R"(commands to run after the services were put into the agent: `{"command": ["PROGRAM", "ARGUMENT"], "timeout": "30s", )"
       R"("on_failure": "retry", "environment": []}`, where `on_failure` is `retry`, `ignore` or `fail`, and `environment` names )"
       R"(the variables with secrets that the command gets, as `CONSUL_HTTP_TOKEN`)"},
      {"hooks.pre_stop", hook_list, "[]", "commands to run before the agent is stopped, written the same way"},
      {"stop.policy",
       string,
       R"("auto")",
       "`leave` the cluster, or `stay`: end the agent without leaving, so that its services stay in the catalog over a "
       "restart; `auto` stays where systemd or Kubernetes says that the node comes back, and leaves where the node "
       "goes or "
       "nobody knows",
       {"auto", "leave", "stay"}},
      {"stop.reboot",
       string,
       R"("leave")",
       "what `auto` does where the host reboots: `leave`, or `stay`",
       {"leave", "stay"}},
      {"stop.linger",
       duration,
       R"("1s")",
       "how long the agent is kept gossiping after a server has confirmed the leave, before it is ended",
       {},
       true},
      {"stop.timeout", duration, R"("25s")",
       "whole budget from signal to exit; the grace period of the platform must be longer"},
      {"restart.min", duration, R"("100ms")",
       "first pause after the agent died; doubled each time, with 20 % jitter, and reset after 60 s of serving"},
      {"restart.max", duration, R"("30s")", "longest pause after the agent died"},
      {"restart.spread",
       duration,
       R"("10s")",
       "longest time for which a restart of the agent that a changed settings file calls for waits, as all nodes may "
       "have "
       "been changed at once: each waits for a part of it by chance; `0s`: none waits; what is asked for on the node, "
       "such "
       "as `lictor reload`, never waits, nor does what the agent can reload",
       {},
       true},
      {"restart.give_up_after", integer, "5",
       "deaths in a row after which lictor gives up on an agent that was never ready; once it was ready, never"},
      {"watch.hung_after", duration, R"("30s")",
       "an agent whose API is silent this long, as a whole or in what it tells of itself, is hung: it is killed and "
       "restarted"},
      {"watch.rejoin_after",
       duration,
       R"("5m")",
       "an agent that had joined and has known no leader for this long is restarted without leaving, unless it knows "
       "no "
       "server either and nobody in `retry_join` can be reached; `0s` turns it off",
       {},
       true},
      {"watch.on_leave",
       string,
       R"("exit")",
       "when somebody else has told the agent to leave (`consul leave`): `exit` once it has left, or start it again "
       "and "
       "`rejoin`",
       {"exit", "rejoin"}},
      {"watch.settings", boolean, "true", "apply changed settings files without being told"},
      {"wait.files",
       duration,
       R"("60s")",
       "how long to wait, at start, for files that are named and not there yet, or still empty: tokens, gossip key, "
       "certificates, files with settings; and for `wait.mounts`",
       {},
       true},
      {"wait.mounts", string_list, "[]",
       "mount points without which lictor does not start, such as that of the data directory's volume"},
      {"systemd.ready",
       string,
       R"("registered")",
       "when systemd takes the service for started: once the node is `registered`, or already when the agent's `api` "
       "answers",
       {"registered", "api"}},
      {"systemd.ready_within",
       duration,
       R"("30s")",
       "after this time the service counts as started all the same, and its status says what is missing; `0s`: it "
       "starts for as long as it takes",
       {},
       true},
      {"control.socket", string, R"("/run/lictor/lictor.sock")",
       "unix socket for lictor's own commands, mode 0660: who is in its group, which is lictor's own, may ask"},
      {"control.group", string, "null",
       "group, by name or number, whose members may also give orders: `reload`, `restart`, `maint` and `leave`; by "
       "default nobody but root and lictor's own user"},
      {"control.http", string, R"("127.0.0.1:8555")",
       "`ADDRESS:PORT` for probes and metrics, both as numbers; empty turns it off"},
      {"control.ready_needs_leader", boolean, "true",
       "a node that is registered is not ready while its agent knows no leader; `false`: it stays ready, and only a "
       "node "
       "that is about to register needs one"},
      {"run_dir", string, R"("/run/lictor")", "directory of everything volatile that lictor writes"},
      {"log.level",
       string,
       R"("info")",
       "lowest level of lictor's own lines: `trace`, `debug`, `info`, `warn` or `error`",
       {"trace", "debug", "info", "warn", "error"}},
      {"log.format",
       string,
       R"("text")",
       "`text`, or `json`: one object a line with the fields as members, lines of the agent included",
       {"text", "json"}},
  };
  return keys;
}

const SettingKey* find_setting(std::string_view path) {
  const auto& keys = setting_keys();
  const auto at = std::find_if(keys.begin(), keys.end(), [&](const SettingKey& key) { return key.path == path; });
  return at == keys.end() ? nullptr : &*at;
}

bool SettingKey::settable_by_environment() const {
  using enum SettingType;
  return type == string || type == boolean || type == integer || type == duration || type == string_list;
}

std::string SettingKey::environment_name() const {
  std::string name = "LICTOR_";
  for (const char c : std::string_view(path)) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace lictor
