// Settings that a test writes, read.
#pragma once

#include "settings/settings.hpp"
#include "test.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace settings_parts {

using namespace lictor;

inline const std::string file_name = "/etc/lictor/lictor.json";

inline ResultAll<Settings> read(const std::string& text, const Environment& environment = {}) {
  return read_settings(SettingsFile{file_name, text}, environment);
}

inline ResultAll<Settings> read_environment(const Environment& environment) { return read_settings({}, environment); }

inline std::string all_of(const Problems& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

inline Settings good(const ResultAll<Settings>& result) {
  if (!result) FAIL(all_of(result.error()));
  return *result;
}

inline Problems bad(const ResultAll<Settings>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

// {"bind": {"wait": value}} for "bind.wait".
inline std::string file_with(const std::string& path, const Json& value) {
  std::string pointer = "/" + path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  Json file = Json::object();
  file[Json::json_pointer(pointer)] = value;
  return file.dump();
}

inline Json shown(const std::vector<Hook>& hooks) {
  Json out = Json::array();
  for (const Hook& hook : hooks) out.push_back({hook.command, hook.timeout.count(), static_cast<int>(hook.on_failure)});
  return out;
}

inline Json shown(const std::optional<std::vector<Definition>>& definitions) {
  if (!definitions) return {};
  Json list = Json::array();
  for (const Definition& definition : *definitions) list.push_back(*definition.json);
  return list;
}
inline Json shown(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

// Everything but the origins, to compare and to look at.
inline Json shown(const Settings& s) {
  return {
      {"agent",
       {s.agent.binary, s.agent.config, s.agent.config_files, s.agent.config_files_named, s.agent.config_dirs,
        shown(s.agent.found_dir), shown(s.agent.user), shown(s.agent.group), s.agent.groups,
        s.agent.capabilities ? Json(*s.agent.capabilities) : Json(), s.agent.no_new_privs, s.agent.env, s.agent.args,
        s.agent.tokens.agent_file, s.agent.tokens.default_file, s.agent.tokens.registration_file,
        s.agent.encrypt_file}},
      {"bind",
       {s.bind.interface, s.bind.ipv6, s.bind.cidr, s.bind.wait.count(), s.bind.settle.count(),
        s.bind.restart_on_change}},
      {"node",
       {shown(s.node.name), shown(s.node.data_dir), s.node.keep_name, s.node.refuse_clone, s.node.heal, s.node.meta}},
      {"services", shown(s.services)},
      {"default_check", s.http_check},
      {"hooks", {shown(s.hooks.post_start), shown(s.hooks.pre_stop)}},
      {"stop",
       {static_cast<int>(s.stop.policy), s.stop.stay_over_reboot, s.stop.linger.count(), s.stop.timeout.count()}},
      {"restart", {s.restart.min.count(), s.restart.max.count(), s.restart.spread.count(), s.restart.give_up_after}},
      {"watch",
       {s.watch.hung_after.count(), s.watch.rejoin_after.count(), s.watch.rejoin_after_leave, s.watch.settings}},
      {"wait", {s.wait.files.count(), s.wait.mounts}},
      {"systemd", {s.systemd.ready_by_api, s.systemd.ready_within.count()}},
      {"control", {s.control.socket, s.control.http, shown(s.control.group), s.control.ready_needs_leader}},
      {"run_dir", s.run_dir},
      {"log", {s.log.level, s.log.json}},
      {"consul", {s.consul_local_config, shown(s.client_interface)}},
  };
}

}  // namespace settings_parts
