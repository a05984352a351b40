// What keeps a program that lictor runs from parts of its host: as the service manager puts it, and as the kernel shows it of a
// process.
#pragma once

#include "process/rights.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

struct Sandbox {
  // Where it comes from, for people: "lictor.service", "process 123".
  std::string origin;
  Capabilities bounding = ~Capabilities{0}, ambient = 0;
  bool no_new_privs = false;
  // Properties of a unit by their names (systemd.exec(5)), as `systemctl show` puts their values, as far as they restrict. What the
  // kernel shows of a process stands here by the name of the line that would have made it so.
  std::map<std::string, std::string> lines = {};
  // Supplementary groups, where the kernel shows them; else those that the unit names.
  std::optional<std::vector<unsigned>> groups = {};
  std::vector<std::string> named_groups = {};
};

// The properties that sandbox_of_unit reads, for `systemctl show -p`.
std::string sandbox_properties();

// The answer of `systemctl show`: NAME=VALUE a line. What does not restrict is left out.
Sandbox sandbox_of_unit(std::string_view shown, std::string origin);

// Of /proc/PID/status and /proc/PID/mountinfo: capabilities, no_new_privs, groups, a /proc that hides processes, and what systemd mounts
// over /home, /tmp and /dev. Of system call filters the kernel shows only that there is one.
Sandbox sandbox_of_process(std::string_view status, std::string_view mountinfo, std::string origin);

// Both, of a process that is that unit's.
Sandbox both(Sandbox process, const Sandbox& unit);

}  // namespace lictor
