#include "process/io/privileges.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>

namespace lictor {
namespace {

// PROC_PID_INIT_INO of include/linux/proc_ns.h: the number of the namespace that the kernel has started in.
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFCU;

constexpr int kNumbers = std::numeric_limits<Capabilities>::digits;

constexpr Capabilities kNeeded = capability(CAP_CHOWN) | capability(CAP_DAC_OVERRIDE) | capability(CAP_SETUID) |
                                 capability(CAP_SETGID) | capability(CAP_KILL);

// Sets of capabilities cross into the kernel in halves.
constexpr std::uint32_t low(Capabilities set) { return static_cast<std::uint32_t>(set); }
constexpr std::uint32_t high(Capabilities set) { return static_cast<std::uint32_t>(set >> 32U); }

struct Sets {
  Capabilities effective, permitted, inheritable;
};

std::optional<Sets> sets_of(int pid) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, pid};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return std::nullopt;
  const auto whole = [&data](std::uint32_t __user_cap_data_struct::*half) {
    return data[0].*half | Capabilities{data[1].*half} << 32U;
  };
  return Sets{whole(&__user_cap_data_struct::effective), whole(&__user_cap_data_struct::permitted),
              whole(&__user_cap_data_struct::inheritable)};
}

std::optional<Sets> own_sets() { return sets_of(0); }

bool set_own(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  data[0] = {.effective = low(sets.effective), .permitted = low(sets.permitted), .inheritable = low(sets.inheritable)};
  data[1] = {
      .effective = high(sets.effective), .permitted = high(sets.permitted), .inheritable = high(sets.inheritable)};
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

Problem refused(const char* doing) {
  return Problem{doing, std::strerror(errno), "see the limits and permissions of this host", Exit::internal};
}

// Has these sets, and of them `set` as the ambient one.
Result<void> make_ambient(const Sets& sets, Capabilities set) {
  if (!set_own(sets)) return refused("capset");
  // Kernels before 4.3 have no ambient set to clear.
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int number = 0; number < kNumbers; ++number) {
    if ((set & capability(number)) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
      return refused("raise an ambient capability");
  }
  return {};
}

std::uint32_t little_endian(const std::array<unsigned char, sizeof(vfs_cap_data)>& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8U | bytes.at(at + i);
  return value;
}

}  // namespace

Capabilities needed_capabilities() { return kNeeded; }

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

Capabilities permitted_capabilities(int pid) {
  const auto sets = sets_of(pid);
  return sets ? sets->permitted : 0;
}

Capabilities ambient_capabilities() {
  Capabilities set = 0;
  for (int number = 0; number < kNumbers; ++number) {
    const int has = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0);
    if (has < 0) break;  // the kernel has no more of them
    if (has == 1) set |= capability(number);
  }
  return set;
}

std::optional<Capabilities> keep_capabilities(Capabilities handed_on) {
  const auto had = own_sets();
  if (!had) return std::nullopt;
  const Capabilities permitted = had->permitted & (kNeeded | handed_on);
  if (!set_own({permitted & kNeeded, permitted, permitted & handed_on & had->inheritable})) return std::nullopt;
  return kNeeded & ~permitted;
}

void limit_capabilities(Capabilities most) {
  for (int number = 0; number < kNumbers; ++number) {
    if ((most & capability(number)) == 0 && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) break;
  }
  if (auto own = own_sets()) set_own({own->effective & most, own->permitted & most, own->inheritable & most});
}

Result<void> hand_on_capabilities(Capabilities set) {
  // Root's others would be permitted until the program is executed.
  return make_ambient({0, set, set}, set);
}

Result<void> take_ambient_capabilities(Capabilities set) {
  const auto own = own_sets();
  if (!own) return refused("capget");
  return make_ambient({own->effective, own->permitted, own->inheritable | set}, set);
}

bool may_gain_privileges() { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }

std::string lacking_sight() {
  if (::geteuid() != 0) return "root";
  std::string lacking;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  const bool known = ::syscall(SYS_capget, &header, sets.data()) == 0;
  if (known && (sets[0].effective & capability(CAP_SYS_PTRACE)) == 0) lacking = "CAP_SYS_PTRACE";
  struct stat first {};
  if (::stat("/proc/self/ns/pid", &first) == 0 && first.st_ino != kFirstPidNamespace)
    lacking += (lacking.empty() ? "" : " and ") + std::string("the host's process ids (hostPID in a pod, --pid=host)");
  return lacking.empty() ? "another view of the host" : lacking;
}

bool gain_no_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

}  // namespace lictor
