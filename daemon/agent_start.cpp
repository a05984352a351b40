#include "agent_start.hpp"

#include "agent_config/io/agent_binary.hpp"
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
          .gain_privileges = facts.uid == 0};
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

// A folder's files are read before consul.json and give way to it.
AgentSettings agent_settings(const Ground& ground) {
  AgentSettings all;
  all.args = ground.settings.agent.args;
  std::vector<AgentConfigFile> files;
  const AsUser as_user(ground.facts.uid, ground.facts.gid);
  for (const std::string& folder : ground.settings.agent.config_dirs) {
    for (const std::string& name : agent_files_in(folder)) {
      const std::string path = folder + "/" + name;
      const auto text = read_file(path);
      auto content = text && *text ? parse_agent_config(path, **text) : Result<Json>(Problem{});
      if (content) files.push_back({path, std::move(*content)});
      all.whole &= content.has_value();
    }
  }
  for (const std::string& arg : all.args)
    all.whole &= flag_name(arg) != "hcl" && !flag_name(arg).starts_with("config-");
  const auto of_folders = merge_agent_config(files, {}).origins;
  files.push_back({"consul.json", ground.plan.consul_json});
  AgentConfig merged = merge_agent_config(files, {});
  all.merged = std::move(merged.merged);
  all.origins = std::move(merged.origins);
  for (auto& [key, origin] : all.origins) {
    const auto theirs = of_folders.find(key);
    const auto ours = ground.plan.origins.find(key);
    if (ours == ground.plan.origins.end()) continue;
    const bool both = theirs != of_folders.end() && origin != "consul.json";
    origin = (both ? theirs->second + ", " : "") + ours->second;
  }
  return all;
}

Problems start_problems(const Ground& ground, const Interfaces& interfaces) {
  const AgentSettings settings = agent_settings(ground);
  StartFacts facts;
  const auto is_on = [](const char* path) { return trim(content_of(path)) == "1"; };
  facts.any_address =
      !interfaces || is_on("/proc/sys/net/ipv4/ip_nonlocal_bind") || is_on("/proc/sys/net/ipv6/ip_nonlocal_bind");
  for (const Interface& one : interfaces ? *interfaces : std::vector<Interface>{}) {
    for (const InterfaceAddress& address : one.addresses) facts.addresses.push_back(address.address);
  }
  const AsUser as_user(ground.facts.uid, ground.facts.gid);
  for (const std::string& path : paths_at_start(settings)) facts.files[path] = look_at_file(path);
  // Lictor makes the folder of its own socket.
  facts.files.erase(agent_folder(ground.settings));
  facts.keyring = settings.merged.value("disable_keyring_file", Json()) != true &&
                  look_at_file(ground.facts.data_dir + "/serf/local.keyring").kind != FileLook::missing;
  return start_faults(settings, facts);
}

LaunchRequest validation(const Ground& ground, const std::string& consul_json) {
  std::vector<std::string> argv{ground.facts.binary, "validate"};
  argv.insert(argv.end(), ground.settings.agent.config_dirs.begin(), ground.settings.agent.config_dirs.end());
  argv.push_back(consul_json);
  return as_agent_user(ground.facts, std::move(argv), ground.plan.environment);
}

}  // namespace lictor
