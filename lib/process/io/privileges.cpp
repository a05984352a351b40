#include "process/io/privileges.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <limits>
#include <utility>

namespace lictor {
namespace {

// PROC_PID_INIT_INO of include/linux/proc_ns.h: the number of the namespace that the kernel has started in.
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFCU;

constexpr int kNumbers = std::numeric_limits<Capabilities>::digits;

constexpr Capabilities bit(int number) { return Capabilities{1} << number; }

constexpr std::array<std::pair<int, const char*>, 5> kNeeded{{{CAP_CHOWN, "CHOWN"},
                                                              {CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
                                                              {CAP_SETUID, "SETUID"},
                                                              {CAP_SETGID, "SETGID"},
                                                              {CAP_KILL, "KILL"}}};

// Sets of capabilities cross into the kernel in halves.
constexpr std::uint32_t low(Capabilities set) { return static_cast<std::uint32_t>(set); }
constexpr std::uint32_t high(Capabilities set) { return static_cast<std::uint32_t>(set >> 32U); }

std::uint32_t little_endian(const std::array<unsigned char, sizeof(vfs_cap_data)>& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8U | bytes.at(at + i);
  return value;
}

}  // namespace

Capabilities needed_capabilities() {
  Capabilities all = 0;
  for (const auto& [number, name] : kNeeded) all |= bit(number);
  return all;
}

std::string names_of_needed(Capabilities set) {
  std::string names;
  for (const auto& [number, name] : kNeeded) {
    if ((set & bit(number)) != 0) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

Capabilities file_capabilities(const std::string& program) {
  std::array<unsigned char, sizeof(vfs_cap_data)> data{};
  // Longer is the form of a user namespace: its first part is the same.
  std::array<unsigned char, sizeof(vfs_ns_cap_data)> whole{};
  const ssize_t size = ::getxattr(program.c_str(), "security.capability", whole.data(), whole.size());
  if (size < static_cast<ssize_t>(XATTR_CAPS_SZ_1)) return 0;
  for (std::size_t i = 0; i < data.size(); ++i) data.at(i) = whole.at(i);
  Capabilities permitted = little_endian(data, 4);
  if (size >= static_cast<ssize_t>(XATTR_CAPS_SZ_2)) permitted |= Capabilities{little_endian(data, 12)} << 32U;
  return permitted;
}

std::optional<Capabilities> keep_needed_capabilities(Capabilities bounding) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return std::nullopt;

  // Kernels before 4.3 have no ambient set.
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const Capabilities kept = needed_capabilities() | bounding;
  for (int number = 0; number < kNumbers; ++number) {
    // Refused without CAP_SETPCAP, as in a container that was given a few capabilities: then the set is small already. And where
    // the kernel has no more of them.
    if ((kept & bit(number)) == 0 && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) break;
  }

  const Capabilities permitted = needed_capabilities() & (sets[0].permitted | Capabilities{sets[1].permitted} << 32U);
  sets[0] = {.effective = low(permitted), .permitted = low(permitted), .inheritable = 0};
  sets[1] = {.effective = high(permitted), .permitted = high(permitted), .inheritable = 0};
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return std::nullopt;
  return needed_capabilities() & ~permitted;
}

bool may_gain_privileges() { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }

bool hands_on(Capabilities set) {
  for (int number = 0; number < 64; ++number) {
    if ((set & bit(number)) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) != 1) return false;
  }
  return true;
}

std::string lacking_sight() {
  if (::geteuid() != 0) return "root";
  std::string lacking;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  const bool known = ::syscall(SYS_capget, &header, sets.data()) == 0;
  if (known && (sets[0].effective & bit(CAP_SYS_PTRACE)) == 0) lacking = "CAP_SYS_PTRACE";
  struct stat first {};
  if (::stat("/proc/self/ns/pid", &first) == 0 && first.st_ino != kFirstPidNamespace)
    lacking += (lacking.empty() ? "" : " and ") + std::string("the host's process ids (hostPID in a pod, --pid=host)");
  return lacking.empty() ? "another view of the host" : lacking;
}

bool gain_no_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

}  // namespace lictor
