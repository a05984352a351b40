#include "files/io/folder.hpp"

#include "files/io/files.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

namespace lictor {
namespace {

constexpr int kMostLinks = 40;  // as the kernel has it

bool ours(uid_t uid) { return uid == 0 || uid == ::geteuid(); }

// Who beside root and lictor's own user can put entries into the folder.
std::optional<std::string> others_in(const struct stat& folder) {
  if (!ours(folder.st_uid)) return fmt::format("uid {}", folder.st_uid);
  if ((folder.st_mode & S_IWOTH) != 0) return "everybody";
  const bool foreign_group = folder.st_gid != 0 && folder.st_gid != ::getegid();
  if ((folder.st_mode & S_IWGRP) != 0 && foreign_group) return fmt::format("gid {}", folder.st_gid);
  return std::nullopt;
}

// In a folder like /tmp everybody can put entries, and replace none but his own.
bool followed(const struct stat& folder, const struct stat& link) {
  return !others_in(folder) || (ours(folder.st_uid) && (folder.st_mode & S_ISVTX) != 0 && ours(link.st_uid));
}

Problem open_problem(const std::string& path, int error) {
  return Problem{path, "open: " + error_text(error), "choose another path, or make it what is expected there",
                 Exit::config};
}

// What is still to be walked, the next component last.
void push(std::vector<std::string>& rest, const std::string& path) {
  for (size_t end = path.size(); end != std::string::npos && end > 0;) {
    const size_t slash = path.rfind('/', end - 1);
    const size_t begin = slash == std::string::npos ? 0 : slash + 1;
    if (begin < end) rest.push_back(path.substr(begin, end - begin));
    end = slash;
  }
}

int start_of(const std::string& path) {
  return ::open(path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// False: errno says why, where there is no descriptor as of its open.
bool look_at(const Descriptor& open, struct stat& about) { return open.get() >= 0 && ::fstat(open.get(), &about) == 0; }

// The folder that `path` lies in, and its name there; errno as of the walk.
struct Place {
  Descriptor folder;
  std::string name;
};
Place place_of(const std::string& path) {
  const auto slash = path.rfind('/');
  auto folder = open_folder(folder_of(path));
  // Only the walk knows a refused link from a missing folder; errno is what it was.
  return {folder ? std::move(*folder) : Descriptor(-1), path.substr(slash == std::string::npos ? 0 : slash + 1)};
}

// Most paths have no link on the way, and the kernel walks those in one step. Nothing, and errno, where there is one (ELOOP),
// where what is sought is not there and no link was met on the way to where it is missing (ENOENT), and where the kernel (before
// 5.6) or a sandbox knows no such call.
Descriptor open_without_links(const std::string& path, std::uint64_t flags) {
#ifdef SYS_openat2
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Descriptor(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
#else
  errno = ENOSYS;
  return Descriptor(-1);
#endif
}

// One step of a walk: `entry`, which is `next`, in the folder at `path`.
struct PathStep {
  const Descriptor& at;
  const struct stat& folder;
  const std::string& path;
  const struct stat& entry;
};

// Component by component. `look` is called with each step and returns a problem to end it; errno is then ELOOP.
template <class Look>
Result<Found> walk(const std::string& path, const Look& look) {
  Found found{Descriptor(start_of(path)), Descriptor(start_of(path)), ".", {}};
  std::string way = path.starts_with('/') ? "" : ".";
  std::vector<std::string> rest;
  push(rest, path);
  const auto failed = [](const std::string& where, int error) {
    auto problem = open_problem(where, error);
    errno = error;
    return problem;
  };
  if (!look_at(found.at, found.about)) return failed(path, errno);
  for (int links = 0; !rest.empty();) {
    const std::string name = rest.back();
    const std::string here = way + "/" + name;
    rest.pop_back();
    Descriptor next(::openat(found.at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat now {};
    if (!look_at(next, now)) return failed(here, errno);
    if (std::optional<Problem> refused = look(PathStep{found.at, found.about, here, now})) {
      errno = ELOOP;
      return std::move(*refused);
    }
    if (!S_ISLNK(now.st_mode)) {
      found = {std::move(next), std::move(found.at), name, now};
      way = here;
      continue;
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(next.get(), "", target.data(), target.size());
    if (size < 0 || ++links > kMostLinks) return failed(here, size < 0 ? errno : ELOOP);
    const std::string to(target.data(), static_cast<size_t>(size));
    if (to.starts_with('/')) {
      found.at = Descriptor(start_of(to));
      if (!look_at(found.at, found.about)) return failed(here, errno);
      way.clear();
    }
    push(rest, to);
  }
  return found;
}

Problem refused_link(const std::string& path, const struct stat& folder) {
  return Problem{
      path,
      fmt::format("is a symbolic link in a directory that {} can write to", others_in(folder).value_or("another user")),
      "remove it", Exit::config};
}

// Somebody else's secret, to which others may have given another name in a folder of theirs.
bool may_be_lent(const struct stat& folder, const struct stat& file) {
  const bool his_own = !ours(folder.st_uid) && file.st_uid == folder.st_uid;
  return !S_ISDIR(file.st_mode) && file.st_nlink > 1 && (file.st_mode & S_IROTH) == 0 && !his_own && others_in(folder);
}

bool read_only(const Descriptor& at) {
  struct statvfs about {};
  return ::fstatvfs(at.get(), &about) == 0 && (about.f_flag & ST_RDONLY) != 0;
}

}  // namespace

Result<Descriptor> open_folder(const std::string& path) {
  if (Descriptor folder = open_without_links(path, O_RDONLY | O_DIRECTORY); folder.get() >= 0) return folder;
  const auto found = walk(path, [](const PathStep& step) -> std::optional<Problem> {
    if (!S_ISLNK(step.entry.st_mode) || followed(step.folder, step.entry)) return std::nullopt;
    return refused_link(step.path, step.folder);
  });
  if (!found) return found.error();
  // What was walked with can neither be synced nor given a mode.
  Descriptor open(::openat(found->at.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.get() < 0) {
    const int error = errno;
    auto problem = open_problem(path, error);
    errno = error;
    return problem;
  }
  return open;
}

Result<Found> find_to_read(const std::string& path) {
  Found quick{open_without_links(path, O_PATH), Descriptor(-1), "", {}};
  if (quick.at.get() >= 0 && ::fstat(quick.at.get(), &quick.about) == 0 &&
      (S_ISDIR(quick.about.st_mode) || quick.about.st_nlink == 1))
    return quick;
  if (quick.at.get() < 0 && errno == ENOENT) {
    auto problem = open_problem(path, ENOENT);
    errno = ENOENT;
    return problem;
  }
  // Who has put a link on the way that only he follows, and which one.
  std::optional<std::pair<uid_t, Problem>> led;
  auto found = walk(path, [&led](const PathStep& step) -> std::optional<Problem> {
    if (!S_ISLNK(step.entry.st_mode) || followed(step.folder, step.entry) || ours(step.entry.st_uid))
      return std::nullopt;
    auto refused = refused_link(step.path, step.folder);
    if (led && led->first != step.entry.st_uid) return refused;
    led.emplace(step.entry.st_uid, std::move(refused));
    return std::nullopt;
  });
  if (!found) return found;
  if (led && found->about.st_uid != led->first) {
    errno = ELOOP;
    return led->second;
  }
  struct stat folder {};
  if (::fstat(found->folder.get(), &folder) == 0 && may_be_lent(folder, found->about)) {
    errno = ELOOP;
    return Problem{path,
                   fmt::format("belongs to uid {}, has another name elsewhere and lies in a directory that {} can "
                               "write to",
                               found->about.st_uid, others_in(folder).value_or("")),
                   "remove it, or put a copy there", Exit::config};
  }
  return found;
}

std::optional<std::string> others_who_write(const std::string& path) {
  const auto told = [](const std::string& who, const std::string& where) { return who + " can write to " + where; };
  std::optional<std::string> known;
  const auto found = walk(path, [&](const PathStep& step) -> std::optional<Problem> {
    const auto others = followed(step.folder, step.entry) ? std::nullopt : others_in(step.folder);
    if (others && !known && !read_only(step.at)) known = told(*others, folder_of(step.path));
    return std::nullopt;
  });
  if (!found || known) return known;
  // A link's own mode says nothing, and there is none left.
  const auto others = others_in(found->about);
  return others && !read_only(found->at) ? std::optional(told(*others, path)) : std::nullopt;
}

int open_below(const std::string& path, int flags, mode_t mode) {
  const Place place = place_of(path);
  return place.folder.get() < 0 ? -1 : ::openat(place.folder.get(), place.name.c_str(), flags, mode);
}

int make_below(const std::string& path, mode_t mode) {
  const Place place = place_of(path);
  return place.folder.get() < 0 ? -1 : ::mkdirat(place.folder.get(), place.name.c_str(), mode);
}

int rename_below(const std::string& from, const std::string& to) {
  const Place old = place_of(from);
  if (old.folder.get() < 0) return -1;
  const Place now = place_of(to);
  if (now.folder.get() < 0) return -1;
  return ::renameat(old.folder.get(), old.name.c_str(), now.folder.get(), now.name.c_str());
}

int unlink_below(const std::string& path) {
  const Place place = place_of(path);
  return place.folder.get() < 0 ? -1 : ::unlinkat(place.folder.get(), place.name.c_str(), 0);
}

int remove_folder_below(const std::string& path) {
  const Place place = place_of(path);
  return place.folder.get() < 0 ? -1 : ::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace lictor
