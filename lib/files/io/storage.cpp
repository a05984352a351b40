#include "files/io/storage.hpp"

#include "base/text.hpp"
#include "files/io/as_user.hpp"
#include "files/io/files.hpp"
#include "files/io/folder.hpp"
#include "files/io/ownership.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace lictor {
namespace {

struct Mount {
  std::string id, parent, point, type;
};

// Mount points have their white space and backslashes as three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digits = text.substr(std::min(i + 1, text.size()), 3);
    const auto code = whole_number<unsigned>(digits, 8);
    if (text[i] == '\\' && digits.size() == 3 && code && *code < 256) {
      out += static_cast<char>(*code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": any number of fields stands before the dash.
std::optional<Mount> parse_mount(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 2) return std::nullopt;
  return Mount{std::string(fields[0]), std::string(fields[1]), unescaped(fields[4]), std::string(dash[1])};
}

bool contains(const std::string& point, const std::string& path) {
  return point == "/" || (path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/'));
}

std::vector<Mount> mounts_on_the_way(const std::string& path, const std::string& root) {
  const std::string table = content_of(root + "/proc/self/mountinfo");
  std::vector<Mount> mounts;
  for (std::string_view rest = table; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (auto mount = parse_mount(rest.substr(0, end)); mount && contains(mount->point, path)) mounts.push_back(*mount);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return mounts;
}

// Without symbolic links as far as it exists.
std::string resolved(const std::string& path) {
  if (!path.starts_with('/')) return resolved("/proc/self/cwd/" + path);
  for (size_t end = path.size();; end = path.rfind('/', end - 1)) {
    const std::string there = end == 0 || end == std::string::npos ? "/" : path.substr(0, end);
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(there.c_str(), nullptr), &std::free);
    if (!real && there != "/") continue;
    const std::string rest = there == "/" ? path : path.substr(end);
    return real && std::string_view(real.get()) != "/" ? real.get() + rest : rest.empty() ? "/" : rest;
  }
}

bool names_container(const std::string& environment) {
  return environment.starts_with("container=") ||
         environment.find(std::string("\0container=", 11)) != std::string::npos;
}

Problem full(const std::string& path, const std::string& why) {
  return Problem{path, why, "free some space there, or put the data directory on another volume", Exit::retry};
}

Problem unwritable(const std::string& path, int error) {
  const std::string why = "can't write there: " + error_text(error);
  switch (error) {
    case EROFS:
      return Problem{path, why, "mount a writable volume there, or set node.data_dir to another folder", Exit::config};
    case EACCES:
    case EPERM:
      return Problem{
          path, why,
          ::geteuid() == 0
              ? "give lictor the capability DAC_OVERRIDE"
              : fmt::format("change its owner or mode so that uid {} may, or start lictor as root", ::geteuid()),
          Exit::config};
    case ENOSPC:
    case EDQUOT:
      return full(path, why);
    default:
      return Problem{path, why, "check the file system that holds it", Exit::retry};
  }
}

struct Attempt {
  int error = 0;               // 0: all is well
  const char* step = "write";  // what failed
};

std::string ownership_advice(const FileUser& user) {
  return fmt::format(
      "have uid {0} own it where it comes from: chown {0}:{1} on the NFS server, uid={0},gid={1} as options of a vfat "
      "or "
      "CIFS mount; or run lictor as root with CHOWN and DAC_OVERRIDE",
      user.uid, user.gid);
}

// Of a lictor that is root: neither by itself nor as the agent's user can anything come of it.
Problem closed_to_both(const std::string& path, const Attempt& root, const Attempt& user, const FileUser& agent) {
  const char* denied = root.step == std::string_view("chown") ? "give files away" : "write";
  return Problem{path,
                 fmt::format("root may not {} there ({}), and uid {} may not write there ({})", denied,
                             error_text(root.error), agent.uid, error_text(user.error)),
                 ownership_advice(agent), Exit::config};
}

// Tries what the agent will do all the time, and with `giving` what lictor does for it.
Attempt try_small_file(const std::string& path, const std::optional<FileUser>& giving = {}) {
  const std::string name = path + "/lictor.probe";
  unlink_below(name);
  const int fd = open_below(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  // No lock is held yet: a second lictor may be trying here too.
  if (fd < 0) return {errno == EEXIST ? 0 : errno};
  const std::array<char, 4096> block{};
  const ssize_t written = ::write(fd, block.data(), block.size());
  Attempt attempt{written < 0 ? errno : written < static_cast<ssize_t>(block.size()) ? ENOSPC : 0};
  struct stat made {};
  const bool theirs = !giving || (::fstat(fd, &made) == 0 && made.st_uid == giving->uid && made.st_gid == giving->gid);
  if (attempt.error == 0 && !theirs && ::fchown(fd, giving->uid, giving->gid) != 0) attempt = {errno, "chown"};
  // A quota on a network file system is told when the file is closed.
  if (::close(fd) != 0 && attempt.error == 0) attempt.error = errno;
  unlink_below(name);
  return attempt;
}

// Of root, which may do with files as it likes, but where a file system knows better.
bool has_capability(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  return ::syscall(SYS_capget, &header, sets.data()) == 0 && (sets[0].effective & (1U << capability)) != 0;
}

std::optional<Problem> closed(const std::string& path, const FileUser& agent) {
  const bool giving = ::geteuid() == 0 && agent.uid != 0;
  const Attempt own = try_small_file(path, giving ? std::optional(agent) : std::nullopt);
  if (own.error == 0) return std::nullopt;
  if (!giving || !not_permitted(own.error)) return unwritable(path, own.error);
  // Without that capability it could not reach the agent's socket either.
  if (own.error == EACCES && !has_capability(CAP_DAC_OVERRIDE)) return unwritable(path, own.error);
  const AsUser as_user(agent);
  if (!as_user.in_force()) return unwritable(path, own.error);
  const Attempt user = try_small_file(path);
  if (user.error == 0) return std::nullopt;
  return not_permitted(user.error) ? closed_to_both(path, own, user, agent) : unwritable(path, user.error);
}

// What is left for those whom the file system keeps no reserve for.
std::optional<std::string> exhausted(const std::string& path) {
  struct statvfs now {};
  if (::statvfs(path.c_str(), &now) != 0) return std::nullopt;
  if (now.f_blocks > 0 && now.f_bavail == 0) return "no space left for the agent's user";
  if (now.f_files > 0 && now.f_favail == 0) return "no inodes left for the agent's user";
  return std::nullopt;
}

}  // namespace

std::string filesystem_of(const std::string& path, const std::string& root) {
  const std::vector<Mount> mounts = mounts_on_the_way(resolved(path), root);
  // As the kernel walks: from the root, over the nearest mount point on the way, so that what a later mount hides does not count.
  const auto nearest = [&mounts](const auto& eligible) {
    const Mount* found = nullptr;
    for (const Mount& mount : mounts) {
      if (eligible(mount) && (!found || mount.point.size() < found->point.size())) found = &mount;
    }
    return found;
  };
  const auto listed = [&mounts](const std::string& id) {
    return std::any_of(mounts.begin(), mounts.end(), [&id](const Mount& mount) { return mount.id == id; });
  };
  const Mount* here = nearest([&](const Mount& m) { return m.parent == m.id || !listed(m.parent); });
  if (!here) return "";
  for (size_t steps = 0; steps < mounts.size(); ++steps) {
    const Mount* next = nearest([here](const Mount& m) { return m.parent == here->id && m.id != here->id; });
    if (!next) break;
    here = next;
  }
  return here->type;
}

bool in_container(const std::string& root) {
  const auto is_there = [&root](const char* path) { return ::access((root + path).c_str(), F_OK) == 0; };
  return is_there("/.dockerenv") || is_there("/run/.containerenv") ||
         names_container(content_of(root + "/proc/1/environ")) ||
         names_container(content_of(root + "/proc/self/environ")) || filesystem_of("/", root) == "overlay";
}

std::optional<std::string> fleeting_storage(const std::string& path, const std::string& root) {
  const std::string type = filesystem_of(path, root);
  if ((type != "overlay" && type != "tmpfs" && type != "ramfs") || !in_container(root)) return std::nullopt;
  return fmt::format("{}: on {} in a container: the node's identity is lost with it; mount a volume there", path, type);
}

bool user_may_write(const std::string& path, const FileUser& user) {
  const AsUser as_user(user);
  return as_user.in_force() && try_small_file(path).error == 0;
}

Result<void> make_data_dir(const std::string& path, const FileUser& user) {
  const bool root = ::geteuid() == 0;
  auto made = make_directory(path, {.mode = 0755,
                                    .uid = root ? std::optional(user.uid) : std::nullopt,
                                    .gid = root ? std::optional(user.gid) : std::nullopt,
                                    .exact = false});
  if (!made && root && not_permitted(errno) && has_capability(CAP_CHOWN))
    return Problem{path, made.error().why, ownership_advice(user), Exit::config};
  return made;
}

Result<void> check_data_dir(const std::string& path, const FileUser& user) {
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0 && !(errno == EACCES && ::geteuid() == 0))
    return Problem{path, "stat: " + error_text(errno), "check the path", Exit::config};
  if (now.st_mode != 0 && !S_ISDIR(now.st_mode))
    return Problem{path, "no directory", "move it away, or set node.data_dir to another path", Exit::config};
  if (const auto folder = open_folder(path); !folder && errno == ELOOP) return folder.error();
  if (auto problem = closed(path, user)) return std::move(*problem);
  if (const auto why = user.uid == 0 ? std::nullopt : exhausted(path)) return full(path, *why);
  if (::geteuid() == 0) return {};
  if (const auto entry = foreign_entry(path, user.uid, ::getegid())) {
    struct stat owner {};
    ::lstat(entry->c_str(), &owner);
    return Problem{*entry, fmt::format("owned by uid {}, and uid {} may not write it", owner.st_uid, user.uid),
                   fmt::format("chown -R {} {}, or start lictor as root", user.uid, path), Exit::config};
  }
  return {};
}

}  // namespace lictor
