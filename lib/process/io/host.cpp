#include "process/io/host.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.hpp"
#include "base/time.hpp"
#include "files/io/descriptor.hpp"
#include "files/io/files.hpp"
#include "identity/identity.hpp"

// The linker's name for where the program begins in memory.
extern "C" const ElfW(Ehdr) program_header __asm__("__ehdr_start") __attribute__((visibility("hidden")));

namespace lictor {
namespace {

// One file of a v1 controller or, with "", of v2, from the first of `mounts` that has it: at the process's own path, else at the top.
std::optional<std::string> cgroup_file(const std::string& root, const std::vector<std::string>& mounts,
                                       const std::string& proc_self_cgroup, const std::string& controller,
                                       const std::string& file) {
  auto path = cgroup_path(proc_self_cgroup, controller);
  if (!path) return std::nullopt;
  // "/../x" is what a process outside of its cgroup namespace's root sees; under the mount it means nothing.
  if (path->empty() || *path == "/" || path->find("/..") != std::string::npos) path = "";
  for (const auto& mount : mounts) {
    const std::string top = root + "/sys/fs/cgroup" + mount;
    auto content = read_file(top + *path + "/" + file);
    if (!path->empty() && (!content || !*content)) content = read_file(top + "/" + file);
    if (content && *content) return std::string(trim(**content));
  }
  return std::nullopt;
}

}  // namespace

std::string machine_hash(const std::string& root) {
  std::string id(trim(content_of(root + "/etc/machine-id")));
  if (id.empty() || id == "uninitialized") id = trim(content_of(root + "/sys/class/dmi/id/product_uuid"));
  if (id.empty()) return "";
  // Firmware and kernels disagree on the case of the product's UUID.
  for (char& c : id) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::uint64_t forward = fnv1a(id, fnv1a("lictor machine"));
  const std::uint64_t backward = fnv1a(std::string(id.rbegin(), id.rend()), fnv1a("enihcam rotcil"));
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(forward),
                static_cast<unsigned long long>(backward));
  return text;
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string random_uuid() {
  unsigned char bytes[16];
  // Up to 256 bytes come whole; it waits only in the first moments of a boot, where a signal may interrupt it.
  while (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return make_uuid(bytes);
}

std::string now_rfc3339() {
  return rfc3339(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

CgroupFiles read_cgroup(const std::string& root) {
  const std::string self = content_of(root + "/proc/self/cgroup");
  const auto v2 = [&](const char* file) { return cgroup_file(root, {"", "/unified"}, self, "", file); };
  const auto cpu = [&](const char* file) {
    return cgroup_file(root, {"/cpu", "/cpu,cpuacct", "/cpuacct,cpu"}, self, "cpu", file);
  };
  CgroupFiles files;
  files.cpu_max = v2("cpu.max");
  files.memory_max = v2("memory.max");
  files.cfs_quota_us = cpu("cpu.cfs_quota_us");
  files.cfs_period_us = cpu("cpu.cfs_period_us");
  files.limit_in_bytes = cgroup_file(root, {"/memory"}, self, "memory", "memory.limit_in_bytes");
  return files;
}

int host_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  // More CPUs than the set has room for.
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

Result<std::string> find_binary(const std::string& name, const Environment& environment) {
  const auto path = environment.find("PATH");
  const bool is_path = name.find('/') != std::string::npos;
  std::vector<std::string> tries;
  if (is_path) {
    char here[4096] = "";
    if (name.front() != '/' && ::getcwd(here, sizeof here) == nullptr) {
      return Problem{name, "current directory: " + error_text(errno), "name the binary by its absolute path",
                     Exit::not_found};
    }
    tries.push_back(name.front() == '/' ? name : std::string(here) + "/" + name);
  } else if (!name.empty()) {
    for (const auto& folder : split_list(
             path != environment.end() ? path->second : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             ':')) {
      if (folder.front() == '/') tries.push_back(folder + "/" + name);
    }
  }
  std::string refused;
  for (const auto& candidate : tries) {
    struct stat now {};
    if (::stat(candidate.c_str(), &now) != 0) {
      if (errno == EACCES && refused.empty()) refused = candidate;
    } else if (S_ISREG(now.st_mode) && ::faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0) {
      return {boost::system::in_place_value, candidate};
    } else if (refused.empty()) {
      refused = candidate;
    }
  }
  if (!refused.empty()) {
    return Problem{refused, "not an executable file", "make it executable, or set agent.binary", Exit::cannot_execute};
  }
  return Problem{name, is_path ? "no such file" : "not found on PATH", "install it, or set agent.binary to its path",
                 Exit::not_found};
}

int knock(const std::string& path) {
  sockaddr_un name{};
  if (path.size() >= sizeof name.sun_path) return ENAMETOOLONG;
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, path.size());
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0)
    return fd.get() < 0 ? errno : 0;
  return errno == EAGAIN ? 0 : errno;
}

std::optional<bool> udp_port_taken(const std::string& address, int port) {
  sockaddr_storage name{};
  socklen_t size = 0;
  auto& v4 = reinterpret_cast<sockaddr_in&>(name);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    size = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    size = sizeof v6;
  } else {
    return std::nullopt;
  }
  const int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0;
  const int error = errno;
  close(fd);
  if (bound) return false;
  return error == EADDRINUSE ? std::optional(true) : std::nullopt;
}

Environment current_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

void give_memory_back() {
  malloc_trim(0);
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  // The stack was deeper once; of what is below this frame a page is left to the calls that follow.
  constexpr std::uintptr_t deep = 128 * 1024;
  const auto dead = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) / page * page - page;
  madvise(reinterpret_cast<void*>(dead - deep), deep, MADV_DONTNEED);
  // Of the program itself, what is only read is mapped again where it is read.
  const std::span segments(reinterpret_cast<const ElfW(Phdr)*>(&program_header + 1), program_header.e_phnum);
  const auto loaded = reinterpret_cast<std::uintptr_t>(&program_header);
  for (const auto& segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = loaded + segment.p_offset / page * page;
    const std::uintptr_t end = loaded + (segment.p_offset + segment.p_memsz) / page * page;
    // Advice: where the kernel does not take it, nothing is lost but the memory.
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

long pages_come_by() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

}  // namespace lictor
