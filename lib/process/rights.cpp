#include "process/rights.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

namespace lictor {

const std::vector<std::string>& capability_names() {
  static const std::vector<std::string> names{"chown",
                                              "dac_override",
                                              "dac_read_search",
                                              "fowner",
                                              "fsetid",
                                              "kill",
                                              "setgid",
                                              "setuid",
                                              "setpcap",
                                              "linux_immutable",
                                              "net_bind_service",
                                              "net_broadcast",
                                              "net_admin",
                                              "net_raw",
                                              "ipc_lock",
                                              "ipc_owner",
                                              "sys_module",
                                              "sys_rawio",
                                              "sys_chroot",
                                              "sys_ptrace",
                                              "sys_pacct",
                                              "sys_admin",
                                              "sys_boot",
                                              "sys_nice",
                                              "sys_resource",
                                              "sys_time",
                                              "sys_tty_config",
                                              "mknod",
                                              "lease",
                                              "audit_write",
                                              "audit_control",
                                              "setfcap",
                                              "mac_override",
                                              "mac_admin",
                                              "syslog",
                                              "wake_alarm",
                                              "block_suspend",
                                              "audit_read",
                                              "perfmon",
                                              "bpf",
                                              "checkpoint_restore"};
  return names;
}

std::optional<int> capability_number(std::string_view name) {
  std::string plain(name);
  for (char& c : plain) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (plain.starts_with("cap_")) plain.erase(0, 4);
  const auto& names = capability_names();
  const auto at = std::find(names.begin(), names.end(), plain);
  if (at == names.end()) return std::nullopt;
  return static_cast<int>(at - names.begin());
}

std::string names_of(Capabilities set) {
  std::vector<std::string> names;
  for (int number = 0; number < std::numeric_limits<Capabilities>::digits; ++number) {
    if ((set & capability(number)) == 0) continue;
    const auto index = static_cast<std::size_t>(number);
    names.push_back(index < capability_names().size() ? "cap_" + capability_names()[index]
                                                      : "capability " + std::to_string(number));
  }
  return join(names, ", ");
}

std::vector<unsigned> united(std::vector<unsigned> groups, const std::vector<unsigned>& others) {
  groups.insert(groups.end(), others.begin(), others.end());
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::vector<unsigned> groups_with_member(std::string_view group_file, std::string_view user) {
  std::vector<unsigned> groups;
  if (user.empty()) return groups;
  while (!group_file.empty()) {
    const auto end = std::min(group_file.find('\n'), group_file.size());
    std::string_view line = group_file.substr(0, end);
    group_file.remove_prefix(std::min(end + 1, group_file.size()));
    // name:password:gid:member,member
    std::array<std::string_view, 3> fields;
    bool whole = true;
    for (std::string_view& field : fields) {
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) {
        whole = false;
        break;
      }
      field = line.substr(0, colon);
      line.remove_prefix(colon + 1);
    }
    const auto gid = whole && !fields[0].empty() ? whole_number<unsigned>(fields[2]) : std::nullopt;
    if (!gid || *gid == std::numeric_limits<unsigned>::max()) continue;
    for (const std::string& member : split_list(line.substr(0, line.find(':')))) {
      if (member == user) groups.push_back(*gid);
    }
  }
  return united(std::move(groups), {});
}

std::vector<unsigned> added_groups(const std::vector<unsigned>& of_process, unsigned primary,
                                   const std::vector<unsigned>& of_user) {
  std::vector<unsigned> added;
  for (const unsigned gid : of_process) {
    if (gid != 0 && gid != primary && std::find(of_user.begin(), of_user.end(), gid) == of_user.end())
      added.push_back(gid);
  }
  return united(std::move(added), {});
}

}  // namespace lictor
