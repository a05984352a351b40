#include "agent_start.hpp"

#include "agent_config/io/agent_binary.hpp"
#include "agent_user.hpp"
#include "base/text.hpp"
#include "child.hpp"
#include "files/io/file_watch.hpp"
#include "files/io/files.hpp"
#include "process/io/as_user.hpp"

#include <unistd.h>

#include <utility>

namespace lictor {

LaunchRequest as_agent_user(const PlanFacts& facts, std::vector<std::string> argv,
                            std::vector<std::string> environment) {
  const bool root = geteuid() == 0;
  return {.argv = std::move(argv),
          .environment = std::move(environment),
          .uid = root ? std::optional(facts.uid) : std::nullopt,
          .gid = root ? std::optional(facts.gid) : std::nullopt,
          .rights = facts.rights};
}

Result<std::string> version_of(const std::string& binary, const Ground& ground) {
  const auto record = agent_record(ground.facts.data_dir);
  if (record && record->binary == binary_file(binary)) return {boost::system::in_place_value, record->version};
  auto output =
      output_of(as_agent_user(ground.facts, {binary, "version"}, ground.plan.environment), std::chrono::seconds(5));
  if (!output) return output.error();
  auto version = parse_consul_version(*output);
  if (!version)
    return Problem{binary, "`version` names no version of Consul", "is it the consul binary?", Exit::config};
  return {boost::system::in_place_value, std::move(*version)};
}

namespace {

// The lowest port that the agent can listen on.
int unprivileged_from(const PlanFacts& facts) {
  if (binds_privileged_ports(facts.binary, facts.uid, facts.rights)) return 0;
  return whole_number<int>(trim(content_of("/proc/sys/net/ipv4/ip_unprivileged_port_start"))).value_or(1024);
}

// REQUIRES: files are reached as the agent's user does.
bool has_keyring(const Ground& ground) {
  return ground.plan.effective.merged.value("disable_keyring_file", Json()) != true &&
         look_at_file(keyring_path(ground.facts)).kind != FileLook::missing;
}

}  // namespace

Problems start_problems(const Ground& ground, const Interfaces& interfaces) {
  const AgentSettings& settings = ground.plan.effective;
  StartFacts facts;
  const auto is_on = [](const char* path) { return trim(content_of(path)) == "1"; };
  facts.any_address =
      !interfaces || is_on("/proc/sys/net/ipv4/ip_nonlocal_bind") || is_on("/proc/sys/net/ipv6/ip_nonlocal_bind");
  for (const Interface& one : interfaces ? *interfaces : std::vector<Interface>{}) {
    for (const InterfaceAddress& address : one.addresses) facts.addresses.push_back(address.address);
  }
  const AsUser as_user(file_user(ground.facts));
  for (const std::string& path : paths_at_start(settings)) facts.files[path] = look_at_file(path);
  // Lictor makes the folder of its own socket.
  facts.files.erase(agent_folder(ground.settings));
  facts.unprivileged_from = unprivileged_from(ground.facts);
  facts.keyring = has_keyring(ground);
  return start_faults(settings, facts);
}

Problems settings_faults(const Ground& ground, const Sources& sources) {
  const AsUser as_user(file_user(ground.facts));
  return start_faults(sources.config.effective(ground.plan.consul_json, ground.plan.origins),
                      {.files = {}, .addresses = {}, .any_address = true, .keyring = has_keyring(ground)});
}

LaunchRequest validation(const Ground& ground, const std::string& consul_json) {
  std::vector<std::string> argv{ground.facts.binary, "validate"};
  const AgentFlags flags = read_agent_flags(ground.settings.agent.args);
  if (!flags.format.empty()) argv.push_back("-config-format=" + flags.format);
  argv.insert(argv.end(), ground.settings.agent.config_dirs.begin(), ground.settings.agent.config_dirs.end());
  argv.insert(argv.end(), flags.files.begin(), flags.files.end());
  argv.push_back(consul_json);
  return as_agent_user(ground.facts, std::move(argv), ground.plan.environment);
}

}  // namespace lictor
