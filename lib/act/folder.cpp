#include "act/folder.hpp"

#include "act/files.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <optional>
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

// Most paths have no link on the way, and the kernel walks those in one step. Nothing where there is one, where there is no
// such folder, and where the kernel (before 5.6) or a sandbox knows no such call.
Descriptor open_without_links(const std::string& path) {
#ifdef SYS_openat2
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Descriptor(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
#else
  return Descriptor(-1);
#endif
}

}  // namespace

Result<Descriptor> open_folder(const std::string& path) {
  if (Descriptor folder = open_without_links(path); folder.get() >= 0) return folder;
  Descriptor at(start_of(path));
  std::string way = path.starts_with('/') ? "" : ".";
  std::vector<std::string> rest;
  push(rest, path);
  const auto failed = [](const std::string& where, int error) {
    auto problem = open_problem(where, error);
    errno = error;
    return problem;
  };
  for (int links = 0; !rest.empty();) {
    const std::string name = rest.back();
    const std::string here = way + "/" + name;
    rest.pop_back();
    Descriptor next(::openat(at.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat folder {
    }, now{};
    if (next.get() < 0 || ::fstat(next.get(), &now) != 0 || ::fstat(at.get(), &folder) != 0) return failed(here, errno);
    if (!S_ISLNK(now.st_mode)) {
      at = std::move(next);
      way = here;
      continue;
    }
    if (!followed(folder, now)) {
      Problem refused{here,
                      fmt::format("is a symbolic link in a directory that {} can write to",
                                  others_in(folder).value_or("another user")),
                      "remove it", Exit::config};
      errno = ELOOP;
      return refused;
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(next.get(), "", target.data(), target.size());
    if (size < 0 || ++links > kMostLinks) return failed(here, size < 0 ? errno : ELOOP);
    const std::string to(target.data(), static_cast<size_t>(size));
    if (to.starts_with('/')) {
      at = Descriptor(start_of(to));
      way.clear();
    }
    push(rest, to);
  }
  // What was walked with can neither be synced nor given a mode.
  Descriptor open(::openat(at.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.get() < 0) return failed(path, errno);
  return open;
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

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace lictor
