#include "agent_config/sandboxed_checks.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

// A program, the line of a unit that keeps it from working, and how. `call`: the line is a filter of system calls or of address
// families that lacks this one.
struct NeededRight {
  const char *program, *line, *call, *effect;
};

constexpr const char* kHidden = "hides the processes of other users";
constexpr const char* kJit = "keeps a just-in-time compiler from running what it has compiled";
constexpr const char* kScheduling = "refuses to change how a process is scheduled";
constexpr const char* kNamespaces = "refuses namespaces";
constexpr const char* kSocket = "refuses a kind of socket that it opens";
constexpr const char* kCall = "refuses a system call that it makes";

constexpr std::array kNeeds{
    NeededRight{"pgrep", "ProtectProc", "", kHidden},
    NeededRight{"pidof", "ProtectProc", "", kHidden},
    NeededRight{"ps", "ProtectProc", "", kHidden},
    NeededRight{"pkill", "ProtectProc", "", kHidden},
    NeededRight{"killall", "ProtectProc", "", kHidden},
    NeededRight{"pstree", "ProtectProc", "", kHidden},
    NeededRight{"top", "ProtectProc", "", kHidden},
    NeededRight{"lsof", "ProtectProc", "", kHidden},
    NeededRight{"fuser", "ProtectProc", "", kHidden},
    NeededRight{"java", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"node", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"nodejs", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"deno", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"bun", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"dotnet", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"mono", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"pwsh", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"pypy3", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"luajit", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"julia", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"escript", "MemoryDenyWriteExecute", "", kJit},
    NeededRight{"chrt", "RestrictRealtime", "", "refuses realtime scheduling"},
    NeededRight{"nice", "SystemCallFilter", "setpriority", kScheduling},
    NeededRight{"renice", "SystemCallFilter", "setpriority", kScheduling},
    NeededRight{"chrt", "SystemCallFilter", "sched_setscheduler", kScheduling},
    NeededRight{"ionice", "SystemCallFilter", "ioprio_set", kScheduling},
    NeededRight{"taskset", "SystemCallFilter", "sched_setaffinity", kScheduling},
    NeededRight{"ulimit", "SystemCallFilter", "prlimit64", "refuses to change limits"},
    NeededRight{"prlimit", "SystemCallFilter", "prlimit64", "refuses to change limits"},
    NeededRight{"mount", "SystemCallFilter", "mount", kCall},
    NeededRight{"umount", "SystemCallFilter", "umount2", kCall},
    NeededRight{"chroot", "SystemCallFilter", "chroot", kCall},
    NeededRight{"strace", "SystemCallFilter", "ptrace", kCall},
    NeededRight{"gdb", "SystemCallFilter", "ptrace", kCall},
    NeededRight{"perf", "SystemCallFilter", "perf_event_open", kCall},
    NeededRight{"unshare", "RestrictNamespaces", "", kNamespaces},
    NeededRight{"nsenter", "RestrictNamespaces", "", kNamespaces},
    NeededRight{"bwrap", "RestrictNamespaces", "", kNamespaces},
    NeededRight{"podman", "RestrictNamespaces", "", kNamespaces},
    NeededRight{"tcpdump", "RestrictAddressFamilies", "AF_PACKET", kSocket},
    NeededRight{"arping", "RestrictAddressFamilies", "AF_PACKET", kSocket},
    NeededRight{"ip", "RestrictAddressFamilies", "AF_NETLINK", kSocket},
    NeededRight{"ss", "RestrictAddressFamilies", "AF_NETLINK", kSocket},
    NeededRight{"setarch", "LockPersonality", "", "refuses another personality"},
    NeededRight{"linux32", "LockPersonality", "", "refuses another personality"},
    NeededRight{"dmesg", "ProtectKernelLogs", "", "hides the kernel's log"},
    NeededRight{"hwclock", "ProtectClock", "", "refuses access to the clock's device"},
    NeededRight{"modprobe", "ProtectKernelModules", "", "refuses to load modules"},
};

// A place that a line hides or keeps from being written.
struct GuardedPlace {
  const char *line, *begin, *effect;
};
constexpr std::array kPlaces{
    GuardedPlace{"ProtectHome", "/home/", "hides it"},
    GuardedPlace{"ProtectHome", "/root/", "hides it"},
    GuardedPlace{"ProtectHome", "/run/user/", "hides it"},
    GuardedPlace{"PrivateTmp", "/tmp/", "gives the service one of its own"},
    GuardedPlace{"PrivateTmp", "/var/tmp/", "gives the service one of its own"},
    GuardedPlace{"PrivateDevices", "/dev/", "hides the host's devices"},
};
// What each service has in its own /dev.
constexpr std::array kDevices{"null", "zero", "full", "random", "urandom", "tty",    "fd",
                              "std",  "shm",  "pts",  "ptmx",   "log",     "mqueue", "hugepages"};

bool hides_place(const GuardedPlace& place, const std::string& word) {
  if (!word.starts_with(place.begin)) return false;
  if (std::string_view(place.line) != "PrivateDevices") return true;
  const std::string name = word.substr(5);
  return std::none_of(kDevices.begin(), kDevices.end(), [&](const char* own) { return name.starts_with(own); });
}

bool holds(const Sandbox& sandbox, const NeededRight& need) {
  const auto line = sandbox.lines.find(need.line);
  if (line == sandbox.lines.end()) return false;
  if (*need.call == '\0') return true;
  // "read write" allows these, "~read write" all others; a call may stand there with its error: "chroot:EPERM".
  const bool others = line->second.starts_with('~');
  bool named = false;
  for (const std::string& one : split_list(others ? line->second.substr(1) : line->second, ' '))
    named |= one.substr(0, one.find(':')) == need.call;
  return named == others;
}

std::string name_of_program(const std::string& word) { return word.substr(word.rfind('/') + 1); }

// What keeps the check from working, each line of the sandbox once.
class Breaks {
 public:
  Breaks(const ScriptCheck& check, const Sandbox& sandbox, const FindProgram& find)
      : check_(check), sandbox_(sandbox), find_(find) {}

  std::vector<std::string> all() {
    for (const auto& [word, is_program] : check_.words) {
      places(word);
      if (!is_program) continue;
      const auto program = find_(word);
      names(word, name_of_program(word));
      if (!program) continue;
      if (!program->interpreter.empty()) names(word, program->interpreter);
      gains(word, *program);
    }
    return std::move(told_);
  }

 private:
  void tell(const std::string& word, const std::string& line, const std::string& effect) {
    if (std::find(lines_.begin(), lines_.end(), line) != lines_.end()) return;
    lines_.push_back(line);
    told_.push_back(fmt::format("check \"{}\": {}: {} ({}) {}", check_.name, word, line, sandbox_.origin, effect));
  }

  void tell_line(const std::string& word, const char* line, const char* effect) {
    const auto& value = sandbox_.lines.at(line);
    tell(word, value.size() > 20 ? line : fmt::format("{}={}", line, value), effect);
  }

  // The word may be "if=/dev/sda" or "PATH:/home/x/bin".
  void places(std::string_view word) {
    while (!word.empty()) {
      const auto end = std::min(word.find_first_of("=,:${}"), word.size());
      const std::string part(word.substr(0, end));
      word.remove_prefix(std::min(end + 1, word.size()));
      for (const GuardedPlace& place : kPlaces) {
        if (sandbox_.lines.contains(place.line) && hides_place(place, part)) tell_line(part, place.line, place.effect);
      }
    }
  }

  void names(const std::string& word, const std::string& name) {
    for (const NeededRight& need : kNeeds) {
      if (name == need.program && holds(sandbox_, need)) tell_line(word, need.line, need.effect);
    }
  }

  void gains(const std::string& word, const ProgramLook& program) {
    if (!program.set_id && program.capabilities == 0) return;
    if (sandbox_.no_new_privs)
      return tell(word, "NoNewPrivileges=yes",
                  program.set_id ? "keeps a set-user-id program from its user's rights"
                                 : "keeps a program from its file's capabilities");
    if (const Capabilities lacking = program.capabilities & ~sandbox_.bounding; lacking != 0)
      tell(word, "CapabilityBoundingSet", "has no " + names_of(lacking) + ", which the program's file has");
  }

  const ScriptCheck& check_;
  const Sandbox& sandbox_;
  const FindProgram& find_;
  std::vector<std::string> lines_, told_;
};

}  // namespace

std::vector<std::string> broken_checks(const std::vector<ScriptCheck>& checks, const Sandbox& sandbox,
                                       const FindProgram& find) {
  std::vector<std::string> all;
  for (const ScriptCheck& check : checks) {
    std::vector<std::string> told = Breaks(check, sandbox, find).all();
    all.insert(all.end(), std::make_move_iterator(told.begin()), std::make_move_iterator(told.end()));
  }
  return all;
}

}  // namespace lictor
