#include "process/sandbox.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace lictor {
namespace {

// What a check can be seen to need, but for the sets of capabilities.
constexpr std::array kLines{
    "ProtectHome",     "PrivateTmp",           "PrivateDevices",         "ProtectProc",
    "ProtectSystem",   "RestrictRealtime",     "RestrictNamespaces",     "RestrictAddressFamilies",
    "LockPersonality", "SystemCallFilter",     "MemoryDenyWriteExecute", "ProtectKernelLogs",
    "ProtectClock",    "ProtectKernelModules", "ProtectKernelTunables",  "ReadWritePaths"};

bool restricts(const std::string& name, const std::string& value) {
  if (value.empty() || value == "no" || value == "default" || value == "~") return false;
  // All of them, as `systemctl show` has it of a unit that restricts none.
  if (name == "RestrictNamespaces")
    return value != "cgroup ipc net mnt pid user uts" && value != "mnt cgroup uts ipc user pid net";
  return true;
}

// "cap_chown cap_kill"
Capabilities capabilities_in(const std::string& names) {
  Capabilities set = 0;
  for (const std::string& name : split_list(names, ' ')) {
    if (const auto number = capability_number(name)) set |= capability(*number);
  }
  return set;
}

template <class Take>
void each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    take(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// A mount over a place that a check may need, as the line of a unit that makes such a one.
void read_mount(const std::string& line, Sandbox& sandbox) {
  // id parent major:minor root place options … - type source super-options
  const std::vector<std::string> words = split_list(line, ' ');
  const auto word = [&words](std::size_t at) { return at < words.size() ? words[at] : std::string(); };
  const auto dash = static_cast<std::size_t>(std::find(words.begin(), words.end(), "-") - words.begin());
  const std::string root = word(3), place = word(4), type = word(dash + 1), source = word(dash + 2),
                    super = word(dash + 3);
  auto& lines = sandbox.lines;
  if (place == "/proc" && type == "proc") {
    const auto hidepid = super.find("hidepid=");
    const std::string how =
        hidepid == super.npos ? "" : super.substr(hidepid + 8, super.find(',', hidepid) - hidepid - 8);
    if (how == "invisible" || how == "2" || how == "4" || how == "ptraceable") {
      lines["ProtectProc"] = how == "4" || how == "ptraceable" ? "ptraceable" : "invisible";
    } else {
      lines.erase("ProtectProc");
    }
  }
  if (place == "/home" && (root.find("/systemd/inaccessible") != root.npos || source == "tmpfs"))
    lines["ProtectHome"] = "yes";
  if (place == "/tmp" && root.find("/systemd-private-") != root.npos) lines["PrivateTmp"] = "yes";
}

}  // namespace

std::string sandbox_properties() {
  std::string names = "LoadState,CapabilityBoundingSet,AmbientCapabilities,NoNewPrivileges,SupplementaryGroups";
  for (const char* line : kLines) names += std::string(",") + line;
  return names;
}

Sandbox sandbox_of_unit(std::string_view shown, std::string origin) {
  Sandbox sandbox{.origin = std::move(origin)};
  each_line(shown, [&sandbox](const std::string& line) {
    const auto equals = line.find('=');
    if (equals == line.npos) return;
    const std::string name = line.substr(0, equals), value = line.substr(equals + 1);
    if (name == "CapabilityBoundingSet") sandbox.bounding = capabilities_in(value);
    if (name == "AmbientCapabilities") sandbox.ambient = capabilities_in(value);
    if (name == "SupplementaryGroups") sandbox.named_groups = split_list(value, ' ');
    if (name == "NoNewPrivileges") sandbox.no_new_privs = value == "yes";
    const bool known =
        std::find_if(kLines.begin(), kLines.end(), [&](const char* one) { return name == one; }) != kLines.end();
    if (known && restricts(name, value)) sandbox.lines[name] = value;
  });
  return sandbox;
}

Sandbox sandbox_of_process(std::string_view status, std::string_view mountinfo, std::string origin) {
  Sandbox sandbox{.origin = std::move(origin)};
  each_line(status, [&sandbox](const std::string& line) {
    const auto colon = line.find(':');
    if (colon == line.npos) return;
    const std::string name = line.substr(0, colon);
    const std::string_view value = trim(std::string_view(line).substr(colon + 1));
    if (name == "CapBnd") sandbox.bounding = whole_number<Capabilities>(value, 16).value_or(sandbox.bounding);
    if (name == "CapAmb") sandbox.ambient = whole_number<Capabilities>(value, 16).value_or(0);
    if (name == "NoNewPrivs") sandbox.no_new_privs = value == "1";
    if (name == "Groups") {
      sandbox.groups.emplace();
      for (const std::string& word : split_list(value, ' ')) {
        if (const auto gid = whole_number<unsigned>(word)) sandbox.groups->push_back(*gid);
      }
    }
  });
  each_line(mountinfo, [&sandbox](const std::string& line) { read_mount(line, sandbox); });
  return sandbox;
}

Sandbox both(Sandbox process, const Sandbox& unit) {
  process.origin = unit.origin;
  // Of its ambient set lictor keeps what it hands on.
  process.ambient |= unit.ambient;
  for (const auto& [name, value] : unit.lines) process.lines.emplace(name, value);
  return process;
}

}  // namespace lictor
