#include "agent_config/agent_flags.hpp"

#include "agent_config/flag_sources.hpp"
#include "base/text.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace lictor {
namespace {

enum class Type { text, number, boolean, list, pairs };

struct Flag {
  std::string_view name;
  Type type;
  std::string_view path;  // empty: nothing that a file could say
};

constexpr std::array flags{
    Flag{"advertise", Type::text, "advertise_addr"},
    Flag{"advertise-wan", Type::text, "advertise_addr_wan"},
    Flag{"allow-write-http-from", Type::list, "http_config.allow_write_http_from"},
    Flag{"alt-domain", Type::text, "alt_domain"},
    Flag{"auto-reload-config", Type::boolean, "auto_reload_config"},
    Flag{"bind", Type::text, "bind_addr"},
    Flag{"bootstrap", Type::boolean, "bootstrap"},
    Flag{"bootstrap-expect", Type::number, "bootstrap_expect"},
    Flag{"check_output_max_size", Type::number, "check_output_max_size"},
    Flag{"client", Type::text, "client_addr"},
    Flag{"data-dir", Type::text, "data_dir"},
    Flag{"datacenter", Type::text, "datacenter"},
    Flag{"default-query-time", Type::text, "default_query_time"},
    Flag{"dev", Type::boolean, ""},
    Flag{"disable-host-node-id", Type::boolean, "disable_host_node_id"},
    Flag{"disable-keyring-file", Type::boolean, "disable_keyring_file"},
    Flag{"dns-port", Type::number, "ports.dns"},
    Flag{"domain", Type::text, "domain"},
    Flag{"enable-local-script-checks", Type::boolean, "enable_local_script_checks"},
    Flag{"enable-script-checks", Type::boolean, "enable_script_checks"},
    Flag{"encrypt", Type::text, "encrypt"},
    Flag{"grpc-port", Type::number, "ports.grpc"},
    Flag{"grpc-tls-port", Type::number, "ports.grpc_tls"},
    Flag{"http-port", Type::number, "ports.http"},
    Flag{"https-port", Type::number, "ports.https"},
    Flag{"join", Type::list, "retry_join"},
    Flag{"join-wan", Type::list, "retry_join_wan"},
    Flag{"log-file", Type::text, "log_file"},
    Flag{"log-json", Type::boolean, "log_json"},
    Flag{"log-level", Type::text, "log_level"},
    Flag{"log-rotate-bytes", Type::number, "log_rotate_bytes"},
    Flag{"log-rotate-duration", Type::text, "log_rotate_duration"},
    Flag{"log-rotate-max-files", Type::number, "log_rotate_max_files"},
    Flag{"max-query-time", Type::text, "max_query_time"},
    Flag{"node", Type::text, "node_name"},
    Flag{"node-id", Type::text, "node_id"},
    Flag{"node-meta", Type::pairs, "node_meta"},
    Flag{"non-voting-server", Type::boolean, "non_voting_server"},
    Flag{"pid-file", Type::text, "pid_file"},
    Flag{"primary-gateway", Type::list, "primary_gateways"},
    Flag{"protocol", Type::number, "protocol"},
    Flag{"raft-protocol", Type::number, "raft_protocol"},
    Flag{"read-replica", Type::boolean, "read_replica"},
    Flag{"recursor", Type::list, "recursors"},
    Flag{"rejoin", Type::boolean, "rejoin_after_leave"},
    Flag{"retry-interval", Type::text, "retry_interval"},
    Flag{"retry-interval-wan", Type::text, "retry_interval_wan"},
    Flag{"retry-join", Type::list, "retry_join"},
    Flag{"retry-join-wan", Type::list, "retry_join_wan"},
    Flag{"retry-max", Type::number, "retry_max"},
    Flag{"retry-max-wan", Type::number, "retry_max_wan"},
    Flag{"segment", Type::text, "segment"},
    Flag{"serf-lan-allowed-cidrs", Type::list, "serf_lan_allowed_cidrs"},
    Flag{"serf-lan-bind", Type::text, "serf_lan"},
    Flag{"serf-lan-port", Type::number, "ports.serf_lan"},
    Flag{"serf-wan-allowed-cidrs", Type::list, "serf_wan_allowed_cidrs"},
    Flag{"serf-wan-bind", Type::text, "serf_wan"},
    Flag{"serf-wan-port", Type::number, "ports.serf_wan"},
    Flag{"server", Type::boolean, "server"},
    Flag{"server-port", Type::number, "ports.server"},
    Flag{"syslog", Type::boolean, "enable_syslog"},
    Flag{"ui", Type::boolean, "ui_config.enabled"},
    Flag{"ui-content-path", Type::text, "ui_config.content_path"},
    Flag{"ui-dir", Type::text, "ui_config.dir"},
};

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

// Go's strconv.ParseBool.
std::optional<bool> boolean(std::string_view text) {
  static const std::set<std::string_view> yes{"1", "t", "T", "TRUE", "true", "True"},
      no{"0", "f", "F", "FALSE", "false", "False"};
  if (yes.count(text)) return true;
  if (no.count(text)) return false;
  return std::nullopt;
}

Json& at_path(Json& object, std::string_view path) {
  Json* at = &object;
  for (const std::string& name : split_list(std::string(path), '.')) at = &(*at)[name];
  return *at;
}

class FlagReader {
 public:
  AgentFlags read(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      std::string_view name = arguments[i];
      if (name.size() < 2 || name[0] != '-' || name == "--") break;
      name.remove_prefix(name.starts_with("--") ? 2 : 1);
      const auto equals = name.find('=');
      std::optional<std::string> value;
      if (equals != name.npos) value = name.substr(equals + 1);
      name = name.substr(0, equals);
      const Flag* flag = find_flag(name);
      const bool alone = flag && flag->type == Type::boolean;
      // Of a flag that is not known here, what follows is its value unless it is a flag, too.
      const bool known = flag || name == "hcl" || name.starts_with("config-");
      if (!value && !alone && i + 1 < arguments.size() && (known || !arguments[i + 1].starts_with('-')))
        value = arguments[++i];
      if (!value && !alone) value = "";
      take(flag, name, value.value_or("true"));
    }
    return std::move(read_);
  }

  FlagSources sources() && { return std::move(sources_); }

 private:
  void take(const Flag* flag, std::string_view name, const std::string& value) {
    if (name == "hcl") read_.fragments.push_back(value);
    if (name == "config-file" || name == "config-dir") read_.files.push_back(value);
    if (name == "config-format") read_.format = value;
    if (flag && !flag->path.empty()) set(*flag, value);
  }

  void set(const Flag& flag, const std::string& value) {
    const std::string argument = "-" + std::string(flag.name) + "=" + value;
    if (flag.type == Type::list) {
      for (Json* list : {&read_.lists, &source(sources_.lists, flag)}) at_path(*list, flag.path).push_back(value);
      return;
    }
    const std::string path(flag.path);
    if (flag.type == Type::pairs) {
      // A pair without a colon is a key with an empty value.
      const auto colon = value.find(':');
      const std::string key = value.substr(0, colon);
      for (Json* values : both(flag)) at_path(*values, path)[key] = colon == value.npos ? "" : value.substr(colon + 1);
    } else if (flag.type == Type::number) {
      const auto number = whole_number<std::int64_t>(value);
      if (!number) return read_.wrong.push_back(argument + ": is no whole number");
      for (Json* values : both(flag)) at_path(*values, path) = *number;
    } else if (flag.type == Type::boolean) {
      const auto on = boolean(value);
      if (!on) return read_.wrong.push_back(argument + ": is neither true nor false");
      for (Json* values : both(flag)) at_path(*values, path) = *on;
    } else {
      for (Json* values : both(flag)) at_path(*values, path) = value;
    }
  }

  // Where a value goes: to those of all flags, and to those of its own.
  std::array<Json*, 2> both(const Flag& flag) { return {&read_.values, &source(sources_.values, flag)}; }

  static Json& source(std::vector<AgentConfigFile>& of, const Flag& flag) {
    std::string name = "agent.args -" + std::string(flag.name);
    for (AgentConfigFile& one : of) {
      if (one.path == name) return one.content;
    }
    return of.emplace_back(AgentConfigFile{std::move(name), Json::object()}).content;
  }

  AgentFlags read_;
  FlagSources sources_;
};

}  // namespace

AgentFlags read_agent_flags(const std::vector<std::string>& arguments) { return FlagReader().read(arguments); }

FlagSources flag_sources(const std::vector<std::string>& arguments) {
  FlagReader reader;
  reader.read(arguments);
  return std::move(reader).sources();
}

}  // namespace lictor
