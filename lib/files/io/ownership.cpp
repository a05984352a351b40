#include "files/io/ownership.hpp"

#include "files/io/files.hpp"
#include "files/io/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor {
namespace {

Problem failed(const std::string& path, const char* step, int error) {
  Problem problem{path, std::string(step) + ": " + error_text(error),
                  "run lictor as a user who may do this, or change the owner or mode there", Exit::config};
  errno = error;
  return problem;
}

// What is lictor's own to refuse.
Problem refused(Problem problem) {
  errno = 0;
  return problem;
}

bool same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// An entry of the folder that is looked at, by descriptor and name: whoever owns a folder may swap what is in it.
struct Entry {
  int folder;
  const std::string& name;
  const struct stat& seen;
  const std::function<std::string()>& path;  // only problems need it: in a deep tree it is long
};

// What is done on a walk.
struct Visit {
  std::function<bool(const Entry&)> enter;         // whether to go into this folder
  std::function<bool(const Entry&)> leave_behind;  // each entry, a folder after what is in it; false ends the walk
};

// Through all below a folder, down by name and up by "..": open are never more than two folders, however deep they are.
class Walk {
 public:
  Walk(Descriptor top, std::string path, const Visit& visit)
      : at_(std::move(top)), path_(std::move(path)), visit_(visit) {}

  // A problem that is the walk's own.
  std::optional<Problem> all() {
    struct stat top {};
    if (::fstat(at_.get(), &top) != 0) return failed(path_, "stat", errno);
    levels_.push_back({"", top, {}});
    auto problem = entries();
    while (!problem && !over_ && (levels_.size() > 1 || !levels_.back().folders.empty()))
      problem = levels_.back().folders.empty() ? up() : down();
    return problem;
  }

 private:
  struct Level {
    std::string name;
    struct stat about;
    std::vector<std::string> folders;  // still to be gone into
  };

  std::string path_of(const std::string& name) const {
    std::string path = path_;
    for (std::size_t i = 1; i < levels_.size(); ++i) path += "/" + levels_[i].name;
    return name.empty() ? path : path + "/" + name;
  }

  std::optional<Problem> entries() {
    const int copy = ::openat(at_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(copy < 0 ? nullptr : ::fdopendir(copy), &::closedir);
    if (!dir) {
      const int error = errno;
      if (copy >= 0) ::close(copy);
      return failed(path_of(""), "open", error);
    }
    while (!over_) {
      errno = 0;
      const dirent* const entry = ::readdir(dir.get());
      if (entry == nullptr && errno != 0) return failed(path_of(""), "read", errno);
      if (entry == nullptr) return std::nullopt;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat seen {};
      if (::fstatat(at_.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) return failed(path_of(name), "stat", errno);
        continue;
      }
      const std::function<std::string()> path = [&] { return path_of(name); };
      const Entry here{at_.get(), name, seen, path};
      if (S_ISDIR(seen.st_mode) && visit_.enter(here)) {
        levels_.back().folders.push_back(name);
      } else {
        over_ = !visit_.leave_behind(here);
      }
    }
    return std::nullopt;
  }

  std::optional<Problem> down() {
    const std::string name = std::move(levels_.back().folders.back());
    levels_.back().folders.pop_back();
    Descriptor next(::openat(at_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat about {};
    if (next.get() < 0 || ::fstat(next.get(), &about) != 0) {
      if (errno == ENOENT) return std::nullopt;
      return failed(path_of(name), "open", errno);
    }
    at_ = std::move(next);
    levels_.push_back({name, about, {}});
    return entries();
  }

  std::optional<Problem> up() {
    const Level done = std::move(levels_.back());
    Descriptor above(::openat(at_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat now {};
    if (above.get() < 0 || ::fstat(above.get(), &now) != 0) return failed(path_of(""), "open", errno);
    levels_.pop_back();
    if (!same(now, levels_.back().about))
      return refused(Problem{path_of(done.name), "was moved while it was looked at",
                             "start again when nobody does that", Exit::retry});
    at_ = std::move(above);
    struct stat seen {};
    if (::fstatat(at_.get(), done.name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0)
      return errno == ENOENT ? std::nullopt : std::optional(failed(path_of(done.name), "stat", errno));
    const std::function<std::string()> there = [&] { return path_of(done.name); };
    over_ = !visit_.leave_behind({at_.get(), done.name, seen, there});
    return std::nullopt;
  }

  Descriptor at_;
  std::string path_;
  const Visit& visit_;
  std::vector<Level> levels_;
  bool over_ = false;
};

std::optional<Problem> give(const Entry& entry, uid_t uid, gid_t gid) {
  const Descriptor at(::openat(entry.folder, entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat now {};
  if (at.get() < 0 || ::fstat(at.get(), &now) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return failed(entry.path(), "open", errno);
  }
  if (S_ISBLK(now.st_mode) || S_ISCHR(now.st_mode))
    return refused(Problem{entry.path(), "is a device", "remove it, or give it away yourself", Exit::config});
  // It may be a name that the folder's owner gave to a file from elsewhere.
  if (!S_ISDIR(now.st_mode) && now.st_nlink > 1) {
    return refused(Problem{entry.path(), fmt::format("belongs to uid {} and has another name elsewhere", now.st_uid),
                           "remove it, or give it away yourself if it is the agent's", Exit::config});
  }
  if (::fchownat(at.get(), "", uid, gid, AT_EMPTY_PATH) != 0) return failed(entry.path(), "chown", errno);
  return std::nullopt;
}

}  // namespace

Result<std::size_t> give_ownership(const std::string& path, uid_t uid, gid_t gid) {
  auto top = open_folder(path);
  if (!top) return top.error();
  struct stat about {};
  if (::fstat(top->get(), &about) != 0) return failed(path, "stat", errno);
  const auto theirs = [=](const struct stat& seen) { return seen.st_uid == uid && seen.st_gid == gid; };
  if (theirs(about)) return std::size_t{0};
  std::size_t changed = 0;
  std::optional<Problem> kept_back;
  int why = 0;
  const Visit visit{[&](const Entry& folder) { return !theirs(folder.seen); },
                    [&](const Entry& entry) {
                      if (theirs(entry.seen)) return true;
                      ++changed;
                      kept_back = give(entry, uid, gid);
                      why = errno;
                      return !kept_back;
                    }};
  const Descriptor kept(::fcntl(top->get(), F_DUPFD_CLOEXEC, 0));
  if (auto problem = Walk(std::move(*top), path, visit).all()) return *problem;
  if (kept_back) {
    errno = why;
    return *kept_back;
  }
  // The last of all: until then the tree counts as not handed over.
  if (::fchown(kept.get(), uid, gid) != 0) return failed(path, "chown", errno);
  return changed + 1;
}

std::optional<std::string> foreign_entry(const std::string& path, uid_t uid, gid_t gid, std::size_t most) {
  const auto closed = [=, own = uid == ::geteuid()](const Entry& entry) {
    const struct stat& seen = entry.seen;
    if (seen.st_uid == uid || S_ISLNK(seen.st_mode)) return false;
    const int execute = S_ISDIR(seen.st_mode) ? X_OK : 0;
    if (own) return ::faccessat(entry.folder, entry.name.c_str(), R_OK | W_OK | execute, AT_EACCESS) != 0;
    const auto needed = static_cast<mode_t>(R_OK | W_OK | execute);
    return ((seen.st_gid == gid ? seen.st_mode >> 3U : seen.st_mode) & needed) != needed;
  };
  auto top = open_folder_to_read(path);
  if (!top) return std::nullopt;
  std::optional<std::string> found;
  const Visit visit{[&](const Entry& folder) { return !closed(folder); },
                    [&](const Entry& entry) {
                      if (most-- == 0) return false;
                      // The last is root's at the top of every ext4 volume; nobody else has business there.
                      if (entry.name != "lost+found" && closed(entry)) found = entry.path();
                      return !found;
                    }};
  Walk(std::move(*top), path, visit).all();
  return found;
}

}  // namespace lictor
