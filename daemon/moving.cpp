#include "moving.hpp"

#include "agent_config/check_rules.hpp"
#include "agent_config/former_unit.hpp"
#include "files/io/files.hpp"
#include "identity/io/identity_files.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

namespace lictor {
namespace {

namespace fs = std::filesystem;

constexpr const char* unit = "consul.service";

std::optional<std::string> file_text(const std::string& path) {
  const auto text = read_file(path);
  return text ? *text : std::nullopt;
}

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code none;
  for (auto entry = fs::directory_iterator(folder, none); !none && entry != fs::directory_iterator();
       entry.increment(none))
    paths.push_back(entry->path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The unit, of the folders that systemd looks into the first that has it, and its drop-ins. Nothing where it is masked.
std::vector<std::string> unit_texts() {
  constexpr std::array folders{"/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/",
                               "/lib/systemd/system/", "/usr/lib/systemd/system/"};
  std::vector<std::string> texts;
  for (const std::string folder : folders) {
    std::error_code none;
    if (!fs::exists(folder + unit, none)) continue;
    if (auto text = fs::is_regular_file(folder + unit, none) ? file_text(folder + unit) : std::nullopt)
      texts.push_back(std::move(*text));
    break;
  }
  if (texts.empty()) return texts;
  for (const std::string folder : {folders[3], folders[1], folders[0]}) {
    for (const std::string& path : entries_of(folder + unit + ".d")) {
      if (auto text = path.ends_with(".conf") ? file_text(path) : std::nullopt) texts.push_back(std::move(*text));
    }
  }
  return texts;
}

bool is_enabled() {
  for (const std::string& folder : entries_of("/etc/systemd/system")) {
    std::error_code none;
    if (folder.ends_with(".wants") && fs::is_symlink(folder + "/" + unit, none)) return true;
  }
  return false;
}

// Its cgroup is there for as long as a process of it is.
bool is_running() {
  std::error_code none;
  for (const std::string slice : {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}) {
    if (fs::exists(slice + "/system.slice/" + unit, none)) return true;
  }
  return false;
}

// Names of services that an agent keeps for the programs that have registered them.
std::vector<std::string> registered_in(const std::string& data_dir) {
  std::vector<std::string> names;
  for (const std::string& path : entries_of(data_dir + "/services")) {
    const auto text = file_text(path);
    const Json content = text ? Json::parse(*text, nullptr, false) : Json();
    const Json* service = member_at(&content, "Service");
    const std::string name = text_in(member_at(service, "Service"));
    const Json* meta = member_at(service, "Meta");
    if (!name.empty() && text_in(member_at(meta, "managed-by")) != "lictor") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> unread(const std::vector<std::string>& wanted, const Settings& settings) {
  std::vector<std::string> read = settings.agent.config_dirs;
  for (const auto& more : {settings.agent.config_files, read_agent_flags(settings.agent.args).files})
    read.insert(read.end(), more.begin(), more.end());
  std::vector<std::string> left;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(left), [&](const std::string& one) {
    std::error_code none;
    return std::none_of(read.begin(), read.end(),
                        [&](const std::string& other) { return fs::equivalent(one, other, none); });
  });
  return left;
}

}  // namespace

MoveTold look_at_move(const Ground& ground) {
  const auto arguments = unit_arguments(unit_texts(), file_text);
  if (!arguments) return {};
  const PlanFacts& facts = ground.facts;
  std::error_code none;
  Move move{.unit = unit,
            .enabled = is_enabled(),
            .running = is_running(),
            .flags = read_agent_flags(*arguments),
            .unread = {},
            .settings = ground.plan.effective,
            .data_dir = facts.data_dir,
            .name = facts.identity.name,
            .id = facts.identity.id,
            .address = facts.bind.address,
            .same_id = fs::exists(node_id_path(facts.data_dir), none),
            .registered = registered_in(facts.data_dir),
            .added = {},
            .own_socket = "unix://" + facts.api_socket};
  const std::string former = text_in(member_at(&move.flags.values, "data_dir"));
  const bool has_run = move.same_id || (!former.empty() && fs::exists(node_id_path(former), none));
  if (!move.enabled && !move.running && (!has_run || fs::exists(identity_path(facts.data_dir), none))) return {};
  move.unread = unread(move.flags.files, ground.settings);
  for (const SharedJson& service : ground.services) move.added.push_back(text_in(spelled(*service, "name")));
  return {told_of_move(move), refused_moves(move)};
}

}  // namespace lictor
