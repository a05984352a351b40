#include "sources.hpp"

#include "agent_config/kept_definitions.hpp"
#include "agent_user.hpp"
#include "base/text.hpp"
#include "files/io/file_watch.hpp"
#include "files/io/files.hpp"
#include "problems.hpp"
#include "process/io/as_user.hpp"
#include "secrets/secrets.hpp"
#include "settings/settings_check.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace lictor {
namespace {

namespace fs = std::filesystem;

constexpr const char* default_path = "/etc/lictor/lictor.json";

// Where agents are configured that lictor has nothing to do with, the first one that is there: by the official image's
// entrypoint, and by the units of HashiCorp's packages and of Debian's.
constexpr std::array agents_folders{"/consul/config", "/etc/consul.d"};

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

// As Consul's agent/config does it (sourcesFromPath): of a folder what agent_reads_in_folder tells, in the order of its names.
// What a link leads to has to be there.
class AgentReader {
 public:
  AgentReader(const AgentFlags& flags, Definitions definitions, AgentReads& reads, Problems& problems)
      : format_(flags.format), definitions_(definitions), reads_(reads), problems_(problems) {}

  void read(const std::string& path) {
    std::error_code none;
    if (!fs::is_directory(path, none)) return take(path, path);
    reads_.places.emplace(path, Given::nothing);
    std::vector<std::string> names;
    for (auto entry = fs::directory_iterator(path, none); !none && entry != fs::directory_iterator();
         entry.increment(none))
      names.push_back(entry->path().filename());
    if (none) return add(path, none.message(), "let the agent's user read it");
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) entry(path, path + "/" + name);
  }

 private:
  void add(const std::string& path, const std::string& why, const std::string& hint, Exit exit = Exit::config) {
    problems_.push_back(Problem{path, why, hint, exit});
  }

  void entry(const std::string& folder, const std::string& path) {
    if (!agent_reads_in_folder(path, format_)) return;
    std::error_code none, unseen;
    const std::string target = fs::is_symlink(path, unseen) ? fs::canonical(path, none).string() : path;
    if (none)
      return add(path, "the link leads nowhere, and the agent would not start", "mend the link, or remove it",
                 Exit::retry);
    take(path, target, &folder);
  }

  // `folder`: that it is read for; null: it is named by itself.
  void take(const std::string& path, const std::string& target, const std::string* folder = nullptr) {
    const auto text = read_file(path);
    if (!text) {
      problems_.push_back(text.error());
    } else if (!*text) {
      add(path, "no such file", "create it, or take it out of the agent's settings", Exit::retry);
    } else {
      const std::string format = !format_.empty()            ? format_
                                 : target.ends_with(".hcl")  ? "hcl"
                                 : target.ends_with(".json") ? "json"
                                                             : "";
      // An agent passes over a file that is named and has neither ending; a later one ends, and says why.
      if (format.empty()) return;
      auto content = definitions_ == Definitions::digests ? parse_without_definitions(path, **text, format)
                                                          : parse_for_agent(path, **text, format);
      if (!content) return problems_.push_back(content.error());
      if (folder) note_given(reads_.places, *folder, content->content);
      reads_.files.push_back(std::move(*content));
    }
  }

  const std::string& format_;
  Definitions definitions_;
  AgentReads& reads_;
  Problems& problems_;
};

// With the rights of the agent's user.
void read_files_by_agent(const Settings& settings, const AgentFlags& flags, Definitions definitions, AgentReads& reads,
                         Problems& problems) {
  if (settings.agent.config_dirs.empty() && flags.files.empty()) return;
  const auto user = agent_user(settings);
  std::optional<AsUser> as_user;
  if (user) as_user.emplace(FileUser{user->uid, user->gid, user->rights.groups});
  AgentReader reader(flags, definitions, reads, problems);
  for (const std::string& path : settings.agent.config_dirs) reader.read(path);
  for (const std::string& path : flags.files) reader.read(path);
}

AgentReads read_by_agent(const Settings& settings, Definitions definitions, Problems& problems) {
  AgentReads reads;
  const AgentFlags flags = read_agent_flags(settings.agent.args);
  for (const std::string& wrong : flags.wrong)
    problems.push_back(Problem{"agent.args", wrong, "correct the argument: the agent would not start with it"});
  read_files_by_agent(settings, flags, definitions, reads, problems);
  for (const std::string& fragment : flags.fragments) {
    if (auto content = parse_for_agent("agent.args -hcl", fragment, "hcl")) {
      reads.fragments.push_back(std::move(*content));
    } else {
      problems.push_back(content.error());
    }
  }
  return reads;
}

// Whether it is the agent that reads this file, by itself or in its folder.
bool agent_reads(const Settings& settings, const std::string& path) {
  std::vector<std::string> its = read_agent_flags(settings.agent.args).files;
  its.insert(its.end(), settings.agent.config_dirs.begin(), settings.agent.config_dirs.end());
  return std::any_of(its.begin(), its.end(), [&](const std::string& one) {
    std::error_code none;
    return fs::equivalent(one, path, none) || fs::equivalent(one, fs::path(path).parent_path(), none);
  });
}

// Files of the default list are none that somebody has asked for.
bool passed_over(const Settings& settings, const std::string& path) {
  return !settings.agent.config_files_named && agent_reads(settings, path);
}

// JSON that only lictor takes, and no agent.
bool has_comments(const std::string& path) {
  const auto text = read_file(path);
  return text && *text && !Json::accept(**text) && Json::accept(**text, true);
}

std::optional<std::string> find_agents_folder() {
  for (const std::string folder : agents_folders) {
    std::error_code none;
    if (!fs::is_directory(folder, none) || (geteuid() != 0 && access(folder.c_str(), R_OK | X_OK) != 0)) continue;
    // No agent has been configured by that: it is lictor's, as a file of the default agent.config_files.
    if (has_comments(folder + "/consul.json")) break;
    return folder;
  }
  return std::nullopt;
}

void add_agents_folder(Settings& settings, const Settings* in_force) {
  settings.agent.found_dir = in_force ? in_force->agent.found_dir : find_agents_folder();
  if (!settings.agent.found_dir || settings.origins.at("agent.config_dirs") != "default" ||
      settings.agent.config_files_named || !read_agent_flags(settings.agent.args).files.empty())
    return;
  settings.agent.config_dirs = {*settings.agent.found_dir};
  settings.origins["agent.config_dirs"] = "default, " + *settings.agent.found_dir + " is there";
}

// As systemd has it for a unit with StateDirectory=lictor.
std::string default_data_dir() {
  const char *usual = "/data/consul/data", *of_package = "/var/lib/lictor";
  std::error_code none;
  return !fs::exists(usual, none) && fs::is_directory(of_package, none) ? std::string(of_package) + "/data" : usual;
}

std::string settings_path(const std::optional<std::string>& named, const Environment& environment) {
  if (named) return *named;
  const auto from_environment = environment.find("LICTOR_CONFIG");
  return from_environment == environment.end() ? default_path : from_environment->second;
}

ResultAll<Settings> settings_of_file(const std::optional<std::string>& named, const Environment& environment,
                                     const Settings* in_force) {
  const bool by_default = !named && environment.count("LICTOR_CONFIG") == 0;
  const std::string path = settings_path(named, environment);
  auto text = read_file(path);
  if (!text) return Problems{text.error()};
  const bool there = text->has_value();
  if (!there && !by_default)
    return Problems{Problem{path, "no such settings file",
                            named ? "give -c an existing file" : "set LICTOR_CONFIG to an existing file", Exit::retry}};
  if (!there && in_force && in_force->default_file == true) return Problems{vanished(path)};
  if (there && trim(**text).empty())
    return Problems{Problem{path, "is empty", "write the settings into it, at least {}", Exit::retry}};
  auto settings = there ? read_settings(SettingsFile{path, std::move(**text)}, environment, in_force)
                        : read_settings(std::nullopt, environment);
  if (settings && by_default) settings->default_file = there;
  return settings;
}

}  // namespace

ResultAll<Settings> load_settings(const std::optional<std::string>& named, const Environment& environment,
                                  const Settings* in_force) {
  auto settings = settings_of_file(named, environment, in_force);
  if (settings) add_agents_folder(*settings, in_force);
  return settings;
}

ResultAll<Settings> load_readable_settings(const std::optional<std::string>& named, const Environment& environment) {
  const bool closed = geteuid() != 0 && access(settings_path(named, environment).c_str(), R_OK) != 0 && errno == EACCES;
  return closed ? read_settings(std::nullopt, environment) : load_settings(named, environment);
}

std::vector<std::string> unread_files(const Settings& settings) {
  std::vector<std::string> unread;
  if (settings.agent.config_files_named) return unread;
  const std::string format = read_agent_flags(settings.agent.args).format;
  for (const std::string& path : settings.agent.config_files) {
    std::error_code none;
    if (!fs::exists(path, none) || passed_over(settings, path)) continue;
    for (auto entry = fs::directory_iterator(fs::path(path).parent_path(), none);
         !none && entry != fs::directory_iterator(); entry.increment(none)) {
      const std::string beside = entry->path();
      if (beside != path && agent_reads_in_folder(beside, format) && !agent_reads(settings, beside))
        unread.push_back(beside);
    }
  }
  std::sort(unread.begin(), unread.end());
  return unread;
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
  add(settings.agent.config_dirs);
  add(read_agent_flags(settings.agent.args).files);
  return paths;
}

std::optional<std::string> text_setting(const Json& config, const char* key) {
  const auto it = config.find(key);
  if (it == config.end() || !it->is_string() || it->get_ref<const std::string&>().empty()) return std::nullopt;
  return it->get<std::string>();
}

ResultAll<AgentConfig> read_agent_config(const Settings& settings, Definitions definitions) {
  Problems problems;
  AgentReads reads = read_by_agent(settings, definitions, problems);
  std::vector<AgentConfigFile> files;
  for (const std::string& path : settings.agent.config_files) {
    if (passed_over(settings, path)) continue;
    if (!settings.agent.config_files_named) reads.places.emplace(path, Given::nothing);
    auto text = read_file(path);
    if (!text) {
      problems.push_back(text.error());
    } else if (!*text) {
      if (settings.agent.config_files_named) {
        problems.push_back(Problem{"agent.config_files", path + ": no such file",
                                   "create it or take it out of the list", Exit::retry});
      }
    } else if (trim(**text).empty() && !path.ends_with(".hcl")) {
      problems.push_back(
          Problem{"agent.config_files", path + " is empty", "write the agent's settings into it", Exit::retry});
    } else if (auto file = parse_agent_config(path, **text)) {
      if (!settings.agent.config_files_named) note_given(reads.places, path, file->content);
      files.push_back(std::move(*file));
    } else {
      problems.push_back(file.error());
    }
  }
  std::vector<UnknownKey> unknown;
  const auto from = settings.origins.find("agent.config");
  for (const auto& [name, given] :
       {std::pair{setting_subject("agent.config", from == settings.origins.end() ? "" : from->second),
                  &settings.agent.config},
        {"CONSUL_LOCAL_CONFIG", &settings.consul_local_config}}) {
    if (given->empty()) continue;
    const auto looked = look_at_agent_json(name, *given);
    if (looked)
      unknown.insert(unknown.end(), looked->unknown.begin(), looked->unknown.end());
    else
      problems.push_back(looked.error());
  }
  if (!problems.empty()) return problems;
  if (settings.default_file) reads.places[default_path] = *settings.default_file ? Given::settings : Given::nothing;
  AgentConfig config = merge_agent_config(files, settings, std::move(reads));
  config.unknown.insert(config.unknown.end(), unknown.begin(), unknown.end());
  return config;
}

std::string data_dir_of(const Settings& settings, const Json& agent) {
  if (settings.node.data_dir) return *settings.node.data_dir;
  return text_setting(agent, "data_dir").value_or(default_data_dir());
}

Result<std::string> data_dir_of(const Settings& settings) {
  const auto config = read_agent_config(settings);
  if (!config) return config.error().front();
  if (const auto user = agent_user(settings)) reach_files_as({user->uid, user->gid, user->rights.groups});
  return Result<std::string>(boost::system::in_place_value, data_dir_of(settings, config->effective().merged));
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
          key ? "name the file that holds the secret, not the secret itself" : "create it, or take the setting out",
          key ? Exit::config : Exit::retry});
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

Result<std::optional<OrderGroup>> order_group(const Settings& settings) {
  if (!settings.control.group) return std::optional<OrderGroup>();
  const auto gid = find_group(*settings.control.group);
  if (!gid) return gid.error();
  if (!*gid)
    return Problem{"control.group", fmt::format("no group \"{}\" on this host", *settings.control.group),
                   "create the group or name another"};
  return std::optional(OrderGroup{*settings.control.group, **gid});
}

std::string agent_folder(const Settings& settings) { return settings.run_dir + "/agent"; }
std::string agent_socket(const Settings& settings) { return agent_folder(settings) + "/http.sock"; }

bool read_sources(Sources& sources, const Settings& settings, const Environment& environment, Problems& problems,
                  Definitions definitions) {
  auto config = read_agent_config(settings, definitions);
  if (!got(config, problems)) return false;
  sources.settings = settings;
  sources.config = std::move(*config);
  PlanFacts& facts = sources.facts;
  const Json& agent = sources.config.effective().merged;
  facts.data_dir = data_dir_of(settings, agent);
  facts.api_socket = agent_socket(settings);
  facts.config_path = settings.run_dir + "/consul.json";
  facts.environment = environment;
  facts.limits = limits_of(read_cgroup(), host_cpus());
  if (const auto binary = find_binary(settings.agent.binary, environment); got(binary, problems))
    facts.binary = *binary;
  facts.uid = geteuid();
  facts.gid = getegid();
  if (const auto user = agent_user(settings); got(user, problems)) {
    facts.uid = user->uid;
    facts.gid = user->gid;
    facts.rights = user->rights;
    if (user->uid != geteuid()) {
      facts.user = user->name;
      facts.home = user->home;
    }
    reach_files_as(file_user(facts));
  }
  (void)got(order_group(settings), problems);
  const auto secrets = read_secrets(settings);
  if (got(secrets, problems)) {
    facts.secrets = secrets->secrets;
    sources.open_secrets = secrets->open;
  }
  if (const auto key = text_setting(agent, "key_file"); key && readable_by_all(*key))
    sources.open_secrets.push_back(*key);
  return true;
}

}  // namespace lictor
