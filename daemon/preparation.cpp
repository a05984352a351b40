#include "preparation.hpp"

#include "agent_config/auto_reload.hpp"
#include "agent_config/blocked_endpoints.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "child.hpp"
#include "files/io/file_watch.hpp"
#include "files/io/ownership.hpp"
#include "files/io/storage.hpp"
#include "identity/io/identity_files.hpp"
#include "process/io/as_user.hpp"
#include "process/io/privileges.hpp"
#include "trust.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lictor {
namespace {

constexpr const char* default_path = "/etc/lictor/lictor.json";

ResultAll<AgentConfig> read_agent_config(const Settings& settings) {
  Problems problems;
  std::vector<AgentConfigFile> files;
  for (const std::string& path : settings.agent.config_files) {
    auto text = read_file(path);
    if (!text) {
      problems.push_back(text.error());
    } else if (!*text) {
      if (settings.agent.config_files_named) {
        problems.push_back(
            Problem{"agent.config_files", path + ": no such file", "create it or take it out of the list"});
      }
    } else if (auto content = parse_agent_config(path, **text)) {
      files.push_back({path, std::move(*content)});
    } else {
      problems.push_back(content.error());
    }
  }
  if (!problems.empty()) return problems;
  return merge_agent_config(files, settings);
}

std::string data_dir_of(const Settings& settings, const AgentConfig& config) {
  if (settings.node.data_dir) return *settings.node.data_dir;
  const auto own = config.merged.find("data_dir");
  return own != config.merged.end() && own->is_string() ? own->get<std::string>() : "/data/consul/data";
}

// agent.user and agent.group; as root `consul` where that user exists; else lictor's own ids.
Result<User> agent_user(const Settings& settings) {
  User user{geteuid(), getegid(), "", "/"};
  if (settings.agent.user) {
    const auto named = find_user(*settings.agent.user);
    if (!named)
      return Problem{"agent.user", fmt::format("no user \"{}\" on this host", *settings.agent.user),
                     "create the user or name another"};
    user = *named;
  } else if (geteuid() == 0) {
    if (const auto consul = find_user("consul")) user = *consul;
  }
  if (settings.agent.group) {
    const auto gid = find_group(*settings.agent.group);
    if (!gid)
      return Problem{"agent.group", fmt::format("no group \"{}\" on this host", *settings.agent.group),
                     "create the group or name another"};
    user.gid = *gid;
  }
  if (geteuid() != 0 && user.uid != geteuid()) {
    return Problem{"agent.user",
                   fmt::format("only root can run the agent as uid {}, lictor is uid {}", user.uid, geteuid()),
                   "start lictor as root or take agent.user out"};
  }
  return user;
}

std::optional<std::string> text_setting(const Json& config, const char* key) {
  const auto it = config.find(key);
  if (it == config.end() || !it->is_string() || it->get_ref<const std::string&>().empty()) return std::nullopt;
  return it->get<std::string>();
}

// A link that is not followed says no more than garbage does, and is replaced as that is.
Result<std::optional<std::string>> read_record(const std::string& path) {
  auto text = read_file(path);
  struct stat about {};
  if (text || lstat(path.c_str(), &about) != 0 || !S_ISLNK(about.st_mode)) return text;
  return std::optional(std::string());
}

Result<IdentityVerdict> settled_identity(const Settings& settings, const AgentConfig& config, const PlanFacts& facts,
                                         const std::optional<Identity>& running) {
  IdentityInput input;
  input.configured_id = text_setting(config.merged, "node_id");
  input.configured_name = settings.node.name ? settings.node.name : text_setting(config.merged, "node_name");
  if (running) {
    input.stored_text = format_identity(*running);
    input.node_id_text = running->id;
  } else {
    auto stored = read_record(identity_path(facts.data_dir));
    if (!stored) return stored.error();
    auto node_id = read_record(node_id_path(facts.data_dir));
    if (!node_id) return node_id.error();
    input.stored_text = std::move(*stored);
    input.node_id_text = std::move(*node_id);
  }
  input.host_name = host_name();
  input.address = facts.bind.address;
  input.machine = machine_hash();
  input.fresh_id = random_uuid();
  input.now = now_rfc3339();
  input.keep_name = settings.node.keep_name;
  input.refuse_clone = settings.node.refuse_clone;
  return settle_identity(input);
}

std::optional<std::string> address_of(const std::string& interface, const std::vector<Interface>& interfaces) {
  for (const Interface& i : interfaces) {
    if (i.name != interface) continue;
    for (const InterfaceAddress& a : i.addresses) {
      if (!a.link_local && !a.unusable) return a.address;
    }
  }
  return std::nullopt;
}

BindRules bind_rules(const Settings& settings, const AgentConfig& config) {
  return {.globs = settings.bind.interface,
          .ipv6 = settings.bind.ipv6,
          .cidr = settings.bind.cidr,
          .configured = text_setting(config.merged, "bind_addr")};
}

Result<void> find_addresses(const Settings& settings, const AgentConfig& config, const Interfaces& interfaces,
                            PlanFacts& facts, const Ground* bound = nullptr) {
  if (!interfaces) return interfaces.error();
  const BindRules rules = bind_rules(settings, config);
  const bool kept = bound != nullptr && rules == bind_rules(bound->settings, bound->config);
  auto bind = kept ? Result<BindAddress>(bound->facts.bind) : bind_address(rules, *interfaces);
  if (!bind) return bind.error();
  facts.bind = std::move(*bind);
  if (settings.client_interface) {
    facts.client_address = address_of(*settings.client_interface, *interfaces);
    if (!facts.client_address) {
      return Problem{
          "CONSUL_CLIENT_INTERFACE",
          fmt::format("no usable address on {} (seen: {})", *settings.client_interface, describe(*interfaces)),
          "name an interface that has one", Exit::retry};
    }
  }
  return {};
}

// A setting that names a file with a secret, and where the secret goes.
struct SecretFile {
  const char* setting;
  const std::string* path;
  std::string Secrets::*secret;
};
std::array<SecretFile, 4> secret_files(const Settings& settings) {
  const auto& tokens = settings.agent.tokens;
  return {{{"agent.tokens.agent_file", &tokens.agent_file, &Secrets::agent},
           {"agent.tokens.default_file", &tokens.default_file, &Secrets::fallback},
           {"agent.tokens.registration_file", &tokens.registration_file, &Secrets::registration},
           {"agent.encrypt_file", &settings.agent.encrypt_file, &Secrets::encrypt}}};
}

bool readable_by_all(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 && (about.st_mode & S_IROTH) != 0;
}

// What keeps an agent from starting with its keyring is a problem, another key than the configured one only worth telling.
std::optional<Problem> look_at_keyring(const PlanFacts& facts, const Json& consul_json, Problems& problems) {
  if (consul_json.value("disable_keyring_file", Json()) == true) return std::nullopt;
  const std::string path = facts.data_dir + "/serf/local.keyring";
  const auto text = read_file(path);
  if (!text || !*text) return std::nullopt;  // one that can't be read is the agent user's own affair
  const auto keys = parse_keyring(path, **text);
  if (!keys) problems.push_back(keys.error());
  const auto key = text_setting(consul_json, "encrypt");
  return keys && key ? keyring_disagreement(path, *keys, *key) : std::nullopt;
}

ServiceFacts service_facts(const Plan& plan, const PlanFacts& facts) {
  return {.address = facts.bind.address,
          .node_name = facts.identity.name,
          .node_id = facts.identity.id,
          .http_port = plan.http_port,
          .http_address = plan.http_address,
          .serf_port = plan.serf_port,
          .environment = facts.environment};
}

std::string settings_path(const std::optional<std::string>& named, const Environment& environment) {
  if (named) return *named;
  const auto from_environment = environment.find("LICTOR_CONFIG");
  return from_environment == environment.end() ? default_path : from_environment->second;
}

// Collects problems, so that all are reported at once.
template <class T>
bool got(const Result<T>& result, Problems& problems) {
  if (!result) problems.push_back(result.error());
  return result.has_value();
}
template <class T>
bool got(const ResultAll<T>& result, Problems& problems) {
  if (!result) {
    const Problems found = result.error();
    problems.insert(problems.end(), found.begin(), found.end());
  }
  return result.has_value();
}

// Of files as they are, or of directories as an agent reads them.
Digests digests_of(const std::vector<std::string>& paths) {
  std::string all, at_start;
  for (const std::string& path : paths) {
    all += std::to_string(content_digest(path)) + " ";
    for (const std::string& name : agent_files_in(path)) {
      const auto text = read_file(path + "/" + name);
      const std::string rest = taken_at_start(text ? text->value_or("") : text.error().why);
      if (!rest.empty()) at_start += name + "/" + rest + "/";
    }
  }
  const std::hash<std::string> hash;
  return {hash(all), hash(at_start)};
}

// As the agent reads them, one after another. Empty: none turns it on, or a later one off again.
std::string auto_reload_by(const Settings& settings, const PlanFacts& facts) {
  std::string by;
  const AsUser as_user(facts.uid, facts.gid);
  for (const std::string& folder : settings.agent.config_dirs) {
    for (const std::string& name : agent_files_in(folder)) {
      const std::string path = folder + "/" + name;
      const auto text = read_file(path);
      const auto said = auto_reload_in(text ? text->value_or("") : "");
      if (said) by = *said ? path : "";
    }
  }
  return by;
}

// An agent asks its own acl.default_policy, "allow" where there is none, about its own API.
bool denies_by_default(const Json& config) {
  const Json acl = config.value("acl", Json::object());
  const Json policy = acl.is_object() && acl.contains("default_policy") ? acl["default_policy"]
                                                                        : config.value("acl_default_policy", Json());
  return policy == "deny";
}

}  // namespace

ResultAll<Settings> load_settings(const std::optional<std::string>& named, const Environment& environment) {
  const bool by_default = !named && environment.count("LICTOR_CONFIG") == 0;
  const std::string path = settings_path(named, environment);
  auto text = read_file(path);
  if (!text) return Problems{text.error()};
  if (!*text) {
    if (by_default) return read_settings(std::nullopt, environment);
    return Problems{Problem{path, "no such settings file",
                            named ? "give -c an existing file" : "set LICTOR_CONFIG to an existing file"}};
  }
  return read_settings(SettingsFile{path, std::move(**text)}, environment);
}

std::vector<std::string> files_behind(const Settings& settings, const std::optional<std::string>& named,
                                      const Environment& environment) {
  std::vector<std::string> paths{settings_path(named, environment)};
  const auto add = [&paths](const std::vector<std::string>& more) {
    paths.insert(paths.end(), more.begin(), more.end());
  };
  add(settings.agent.config_files);
  for (const SecretFile& file : secret_files(settings)) {
    if (!file.path->empty()) paths.push_back(*file.path);
  }
  // Of settings that can't be read, what they name is not known, and not needed before they are mended.
  const auto config = read_agent_config(settings);
  for (const auto& [key, files] : agent_files(settings, config ? *config : AgentConfig{})) add(files);
  return paths;
}

Result<std::string> data_dir_of(const Settings& settings) {
  const auto config = read_agent_config(settings);
  if (!config) return config.error().front();
  return Result<std::string>(boost::system::in_place_value, data_dir_of(settings, *config));
}

ResultAll<ReadSecrets> read_secrets(const Settings& settings) {
  ReadSecrets read;
  Problems problems;
  for (const SecretFile& file : secret_files(settings)) {
    if (file.path->empty()) continue;
    constexpr size_t longest = 4096;
    const auto text = read_file(*file.path, longest);
    // A gossip key may begin with "/", too: what is not there, and may be one, is not quoted.
    const bool key = valid_gossip_key(*file.path);
    const std::string name = key ? "what it names" : *file.path;
    if (!text) {
      problems.push_back(Problem{file.setting, name + ": " + text.error().why, text.error().hint});
    } else if (!*text) {
      problems.push_back(Problem{
          file.setting, name + ": no such file",
          key ? "name the file that holds the secret, not the secret itself" : "create it, or take the setting out"});
    } else if (auto secret = parse_secret(file.setting, *file.path, **text)) {
      read.secrets.*file.secret = std::move(*secret);
      if (readable_by_all(*file.path)) read.open.push_back(*file.path);
    } else {
      problems.push_back(secret.error());
    }
  }
  if (!problems.empty()) return problems;
  return read;
}

AgentPrivileges agent_privileges(const std::string& binary, uid_t uid) {
  AgentPrivileges privileges;
  privileges.root = uid == 0;
  if (binary.empty() || privileges.root) return privileges;
  struct stat file {};
  const bool set_id = ::stat(binary.c_str(), &file) == 0 && (file.st_mode & (S_ISUID | S_ISGID)) != 0;
  privileges.capabilities = file_capabilities(binary);
  if (set_id || privileges.capabilities != 0) privileges.gains = binary;
  return privileges;
}

AgentPrivileges agent_privileges(const Settings& settings, const Environment& environment) {
  const auto user = agent_user(settings);
  const auto binary = find_binary(settings.agent.binary, environment);
  constexpr auto nobody = static_cast<uid_t>(-1);
  return agent_privileges(binary ? *binary : "", user ? user->uid : nobody);
}

std::string agent_folder(const Settings& settings) { return settings.run_dir + "/agent"; }
std::string agent_socket(const Settings& settings) { return agent_folder(settings) + "/http.sock"; }

NodeKey Ground::own() const {
  return {facts.identity.name, facts.identity.id, text_setting(plan.consul_json, "advertise_addr").value_or("")};
}

namespace {

// What was read, as far as it goes; false where not even the agent's settings can be.
bool read_into(Sources& sources, const Settings& settings, const Environment& environment, Problems& problems) {
  auto config = read_agent_config(settings);
  if (!got(config, problems)) return false;
  sources.settings = settings;
  sources.config = std::move(*config);
  PlanFacts& facts = sources.facts;
  facts.data_dir = data_dir_of(settings, sources.config);
  facts.api_socket = agent_socket(settings);
  facts.config_path = settings.run_dir + "/consul.json";
  facts.environment = environment;
  facts.limits = limits_of(read_cgroup(), host_cpus());
  if (const auto binary = find_binary(settings.agent.binary, environment); got(binary, problems))
    facts.binary = *binary;
  if (const auto user = agent_user(settings); got(user, problems)) {
    facts.uid = user->uid;
    facts.gid = user->gid;
  }
  const auto secrets = read_secrets(settings);
  if (got(secrets, problems)) {
    facts.secrets = secrets->secrets;
    sources.open_secrets = secrets->open;
  }
  if (const auto key = text_setting(sources.config.merged, "key_file"); key && readable_by_all(*key))
    sources.open_secrets.push_back(*key);
  return true;
}

ResultAll<Ground> settle(Sources sources, const Interfaces& interfaces, const Running& running, Problems problems) {
  Ground ground;
  static_cast<Sources&>(ground) = std::move(sources);
  const Settings& settings = ground.settings;
  PlanFacts& facts = ground.facts;
  facts.recovery_token = running.token.empty() ? random_uuid() : running.token;
  facts.agent_version =
      running.token.empty() ? known_agent_version(facts.data_dir, facts.binary) : running.agent_version;
  for (const auto& [key, files] : agent_files(settings, ground.config)) facts.contents[key] = digests_of(files);
  facts.auto_reload_by = auto_reload_by(settings, facts);
  got(find_addresses(settings, ground.config, interfaces, facts, running.bound), problems);
  if (!problems.empty()) return problems;

  auto identity = settled_identity(settings, ground.config, facts, running.identity);
  if (!got(identity, problems)) return problems;
  ground.identity = std::move(*identity);
  facts.identity = ground.identity.identity;
  facts.id_origin = ground.identity.id_origin;
  facts.name_origin = ground.identity.name_origin;
  auto plan = make_plan(settings, ground.config, facts);
  if (!got(plan, problems)) return problems;
  ground.plan = std::move(*plan);
  const ServiceFacts known = service_facts(ground.plan, facts);
  auto services = desired_services(settings.services ? *settings.services : default_services(known), known);
  if (!got(services, problems)) return problems;
  ground.services = std::move(*services);
  ground.keyring = look_at_keyring(facts, ground.plan.consul_json, problems);
  BlockedEndpoints blocked = blocked_endpoints(ground.plan.consul_json, !ground.services.empty(), settings.stop.leave);
  problems.insert(problems.end(), blocked.problems.begin(), blocked.problems.end());
  if (!problems.empty()) return problems;
  ground.warnings = std::move(blocked.warnings);
  if (auto warning = fleeting_storage(facts.data_dir)) ground.warnings.push_back(std::move(*warning));
  for (const std::string& path : ground.open_secrets)
    ground.warnings.push_back(path +
                              ": every user of this host can read this secret; take the right from others (chmod "
                              "o-r, in a Secret volume defaultMode: 0440)");
  if (ground.keyring) ground.warnings.push_back(to_string(*ground.keyring));
  for (std::string& warning : trust_warnings(settings, facts)) ground.warnings.push_back(std::move(warning));
  if (struct stat top{}; running.token.empty() && geteuid() == 0 && stat(facts.data_dir.c_str(), &top) == 0 &&
                         top.st_uid == facts.uid && top.st_gid == facts.gid) {
    // A directory that is the agent user's is not handed over again.
    if (const auto entry = foreign_entry(facts.data_dir, facts.uid, facts.gid))
      ground.warnings.push_back(
          fmt::format("{}: uid {} may not write it; give it to that user (chown)", *entry, facts.uid));
  }
  if (!ground.plan.token.empty() && !denies_by_default(ground.plan.consul_json))
    ground.warnings.push_back(
        "acl.default_policy: on this client it is not \"deny\", so whoever reaches the agent's API may reload the "
        "agent "
        "and have the node leave, with any token or none; set it to \"deny\", as on the servers");
  return ground;
}

}  // namespace

ResultAll<Sources> read_sources(const Settings& settings, const Environment& environment) {
  Sources sources;
  Problems problems;
  read_into(sources, settings, environment, problems);
  if (!problems.empty()) return problems;
  return sources;
}

ResultAll<Ground> look(const Settings& settings, const Environment& environment, const Interfaces& interfaces,
                       const Running& running) {
  Sources sources;
  Problems problems;
  if (!read_into(sources, settings, environment, problems)) return problems;
  return settle(std::move(sources), interfaces, running, std::move(problems));
}

ResultAll<Ground> look(const Sources& sources, const Interfaces& interfaces, const Running& running) {
  return settle(sources, interfaces, running, {});
}

Result<BindAddress> look_at_address(const Ground& ground, const Interfaces& interfaces) {
  PlanFacts facts;
  if (auto found = find_addresses(ground.settings, ground.config, interfaces, facts); !found) return found.error();
  return facts.bind;
}

ResultAll<Ground> take_id(const Ground& ground, const Interfaces& interfaces, const std::string& id) {
  Identity taken = ground.facts.identity;
  taken.id = id;
  taken.when = now_rfc3339();
  return look(ground, interfaces,
              {.token = ground.facts.recovery_token,
               .agent_version = ground.facts.agent_version,
               .bound = &ground,
               .identity = std::move(taken)});
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

Result<Locks> lock(const Settings& settings, const std::string& data_dir) {
  const auto config = read_agent_config(settings);
  if (!config) return config.error().front();
  if (data_dir_of(settings, *config) != data_dir)
    return Problem{data_dir, "no longer named by the settings", "start again", Exit::retry};
  // A user that can't be found is told by `look`, with all else that is wrong.
  const auto found = agent_user(settings);
  const User user = found ? *found : User{geteuid(), getegid(), "", ""};
  if (auto refused = handover_refused(settings, *config, data_dir, user.uid)) return std::move(*refused);
  Locks locks;
  for (const auto& [folder, file] :
       {std::pair(settings.run_dir, &locks.run_dir), std::pair(data_dir, &locks.data_dir)}) {
    if (access(folder.c_str(), F_OK) != 0) {
      if (auto made = make_directory(folder, 0755, {}, {}); !made) return made.error();
    }
    const bool data = file == &locks.data_dir;
    // Before the first file is made there.
    if (data) {
      if (auto fit = check_data_dir(data_dir, user.uid); !fit) return fit.error();
    }
    const bool given = data && geteuid() == 0;
    auto held = FileLock::acquire(folder + "/lictor.lock", given ? std::optional(user.uid) : std::nullopt,
                                  given ? std::optional(user.gid) : std::nullopt);
    if (!held) return held.error();
    *file = std::move(*held);
  }
  return locks;
}

Result<void> make_folders(const Ground& ground) {
  const PlanFacts& facts = ground.facts;
  if (auto made = make_directory(agent_folder(ground.settings), 0700, facts.uid, facts.gid); !made) return made;
  if (geteuid() == 0) {
    // Looked at once more: the file that names the directory may be another one by now.
    if (auto refused = handover_refused(ground.settings, ground.config, facts.data_dir, facts.uid))
      return std::move(*refused);
    if (auto given = give_ownership(facts.data_dir, facts.uid, facts.gid); !given) return given.error();
  }
  return {};
}

Result<void> write_consul_json(const Ground& ground, const std::string& path) {
  const FileAttributes attributes{.mode = 0600, .uid = ground.facts.uid, .gid = ground.facts.gid, .durable = false};
  const auto written = install_file(path, json_text(ground.plan.consul_json, 2) + "\n", attributes);
  if (!written) return written.error();
  return {};
}

Result<void> install_consul_json(Ground& ground) {
  if (!ground.plan.token.empty()) {
    ground.facts.recovery_token = random_uuid();
    auto plan = make_plan(ground.settings, ground.config, ground.facts);
    if (!plan) return plan.error().front();
    ground.plan = std::move(*plan);
  }
  return write_consul_json(ground, ground.facts.config_path);
}

}  // namespace lictor
