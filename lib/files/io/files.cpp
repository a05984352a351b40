#include "files/io/files.hpp"

#include "base/text.hpp"
#include "files/io/as_user.hpp"
#include "files/io/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

namespace lictor {
namespace {

Problem told(const std::string& path, const char* step, int error) {
  const std::string why = std::string(step) + ": " + error_text(error);
  switch (error) {
    case EACCES:
    case EPERM:
      return Problem{path, why, "run lictor as a user who may do this, or change the owner or mode there",
                     Exit::config};
    case EROFS:
      return Problem{path, why, "mount a writable volume there, or choose another path", Exit::config};
    case ELOOP:
      if (const auto folder = open_folder(folder_of(path)); !folder) return folder.error();
      return Problem{path, "is a symbolic link", "remove it", Exit::config};
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
      return Problem{path, why, "choose another path, or make it what is expected there", Exit::config};
    case ENOSPC:
    case EDQUOT:
      return Problem{path, why, "free some space there", Exit::retry};
    case ENOLCK:
      return Problem{path, why, "mount it with locks that work (NFS: the option nolock or local_lock=all)",
                     Exit::config};
    default:
      return Problem{path, why, "check the file system that holds it", Exit::retry};
  }
}

// Sets errno to `error`.
Problem problem(const std::string& path, const char* step, int error) {
  Problem problem = told(path, step, error);
  errno = error;
  return problem;
}

// A step of an installation that failed, by the name of its system call.
struct Failure {
  const char* step;
  int error;
};

// Whether this thread acts as `uid` already, so that there is nobody to give a file to.
bool acts_for(const std::optional<uid_t>& uid) {
  return uid && static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) == *uid;
}

// By the kernel's name for it: what a pid is the pid of.
std::string pid_namespace() {
  std::error_code none;
  return std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
}

// In this order: the mode of what is another user's takes one capability more.
std::optional<Failure> set_attributes(int fd, const FileAttributes& attributes, FileCalls& calls) {
  struct stat made {};
  if (calls.fchmod(fd, attributes.mode) != 0) {
    const int error = errno;
    const bool right = ::fstat(fd, &made) == 0 && (made.st_mode & 07777U) == attributes.mode;
    if (!not_permitted(error) || (!right && attributes.exact)) return Failure{"chmod", error};
  }
  constexpr auto keep_uid = static_cast<uid_t>(-1);
  constexpr auto keep_gid = static_cast<gid_t>(-1);
  if ((attributes.uid || attributes.gid) &&
      calls.fchown(fd, attributes.uid.value_or(keep_uid), attributes.gid.value_or(keep_gid)) != 0) {
    const int error = errno;
    const bool right = ::fstat(fd, &made) == 0 && made.st_uid == attributes.uid.value_or(made.st_uid) &&
                       made.st_gid == attributes.gid.value_or(made.st_gid);
    // Whoever has made it may be called what the file system likes, and reads it.
    const bool by_its_user = !attributes.exact && acts_for(attributes.uid);
    if (!not_permitted(error) || (!right && !by_its_user)) return Failure{"chown", error};
  }
  return std::nullopt;
}

std::optional<Failure> fill(int fd, const std::string& content, const FileAttributes& attributes, FileCalls& calls) {
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = calls.write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Failure{"write", n == 0 ? EIO : errno};
    done += static_cast<size_t>(n);
  }
  if (auto failure = set_attributes(fd, attributes, calls)) return failure;
  if (attributes.durable && calls.fsync(fd) != 0) return Failure{"fsync", errno};
  return std::nullopt;
}

Result<void> sync_folder(const std::string& folder, FileCalls& calls) {
  const int fd = calls.open((folder + "/.").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return problem(folder, "open", errno);
  // Some network file systems have no such operation for folders, and nothing better either.
  const int error = calls.fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  if (calls.close(fd) != 0 && error == 0) return problem(folder, "close", errno);
  if (error != 0) return problem(folder, "fsync", error);
  return {};
}

Result<std::string> drain(int fd, const std::string& path, size_t limit) {
  constexpr size_t least = 4096, most = size_t{1} << 20U;
  struct stat about {};
  // As large as the file says, and a byte: its end is then met by the second read. Files of /proc say nothing.
  const size_t told = ::fstat(fd, &about) == 0 && about.st_size > 0 ? static_cast<size_t>(about.st_size) : least;
  std::string content(std::min({told, limit, most}) + 1, '\0');
  for (size_t size = 0;;) {
    if (size == content.size()) content.resize(size + std::max(size, least));
    const ssize_t n = ::read(fd, content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return problem(path, "read", errno);
    if (n == 0) {
      content.resize(size);
      return {boost::system::in_place_value, std::move(content)};
    }
    size += static_cast<size_t>(n);
    if (size > limit) {
      return Problem{path, "larger than " + std::to_string(limit) + " bytes", "check that this is the file you mean",
                     Exit::config};
    }
  }
}

}  // namespace

int FileCalls::open(const char* path, int flags, mode_t mode) { return open_below(path, flags, mode); }
ssize_t FileCalls::write(int fd, const void* data, size_t size) { return ::write(fd, data, size); }
int FileCalls::fchown(int fd, uid_t uid, gid_t gid) { return ::fchown(fd, uid, gid); }
int FileCalls::fchmod(int fd, mode_t mode) { return ::fchmod(fd, mode); }
int FileCalls::fsync(int fd) { return ::fsync(fd); }
int FileCalls::close(int fd) { return ::close(fd); }
int FileCalls::rename(const char* from, const char* to) { return rename_below(from, to); }
int FileCalls::unlink(const char* path) { return unlink_below(path); }

FileCalls& real_file_calls() {
  static FileCalls calls;
  return calls;
}

namespace {

Result<void> write_as_this_user(const std::string& path, const std::string& content, const FileAttributes& attributes,
                                FileCalls& calls) {
  const std::string temporary = path + ".tmp";
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = calls.open(temporary.c_str(), flags, attributes.mode);
  // Nobody else writes here while the lock is held: what is in the way is what a crash left.
  if (fd < 0 && errno == EEXIST) {
    if (calls.unlink(temporary.c_str()) != 0) return problem(temporary, "unlink", errno);
    fd = calls.open(temporary.c_str(), flags, attributes.mode);
  }
  if (fd < 0) return problem(temporary, "open", errno);

  auto failure = fill(fd, content, attributes, calls);
  if (calls.close(fd) != 0 && !failure) failure = Failure{"close", errno};
  if (!failure && calls.rename(temporary.c_str(), path.c_str()) != 0) failure = Failure{"rename", errno};
  if (failure) {
    calls.unlink(temporary.c_str());
    return problem(path, failure->step, failure->error);
  }
  if (!attributes.durable) return {};
  return sync_folder(folder_of(path), calls);
}

}  // namespace

Result<void> write_atomically(const std::string& path, const std::string& content, const FileAttributes& attributes,
                              FileCalls& calls) {
  return by_whoever_may([&] { return write_as_this_user(path, content, attributes, calls); });
}

Result<bool> install_file(const std::string& path, const std::string& content, const FileAttributes& attributes,
                          FileCalls& calls) {
  const auto open_present = [&path]() -> Result<Descriptor> {
    Descriptor fd(open_below(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (fd.get() < 0) return problem(path, "open", errno);
    return fd;
  };
  const auto opened = by_whoever_may(open_present);
  const Descriptor none(-1);
  const Descriptor& fd = opened ? *opened : none;
  struct stat now {};
  if (fd.get() >= 0 && ::fstat(fd.get(), &now) == 0 && S_ISREG(now.st_mode) &&
      (now.st_mode & 07777U) == attributes.mode && now.st_uid == attributes.uid.value_or(now.st_uid) &&
      now.st_gid == attributes.gid.value_or(now.st_gid)) {
    const auto present = drain(fd.get(), path, content.size());
    if (present && *present == content) return false;
  }
  const auto written = write_atomically(path, content, attributes, calls);
  if (!written) return written.error();
  return true;
}

Result<void> sync_file(const std::string& path) {
  const Descriptor fd(open_below(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd.get() < 0) return problem(path, "open", errno);
  if (::fsync(fd.get()) != 0) return problem(path, "fsync", errno);
  return {};
}

Result<void> move_file(const std::string& from, const std::string& to) {
  if (rename_below(from, to) != 0) return problem(to, "rename", errno);
  return {};
}

namespace {

// What `path` is, found and of the type that is wanted, and then opened by what was found. Without /proc it is opened by its
// name, and may be something else by then: such a thing is closed again.
Result<Descriptor> open_found(const std::string& path, mode_t type, int flags) {
  const auto failed = [](Problem problem, int error) {
    errno = error;
    return problem;
  };
  auto found = find_to_read(path);
  if (!found) {
    const int error = errno;
    return failed(error == ELOOP ? found.error() : problem(path, "open", error), error);
  }
  const mode_t is = found->about.st_mode & S_IFMT;
  if (is == S_IFDIR && type == S_IFREG) return failed(problem(path, "read", EISDIR), EISDIR);
  if (is != type && type == S_IFDIR) return failed(problem(path, "open", ENOTDIR), ENOTDIR);
  if (is != type)
    return failed(Problem{path, "no regular file", "name a file, not a device, pipe or socket", Exit::config}, EINVAL);
  flags |= O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Descriptor open(::open(fmt::format("/proc/self/fd/{}", found->at.get()).c_str(), flags));
  if (open.get() < 0 && errno == ENOENT)
    open = Descriptor(found->folder.get() < 0 ? open_below(path, flags | O_NOFOLLOW)
                                              : ::openat(found->folder.get(), found->name.c_str(), flags | O_NOFOLLOW));
  if (open.get() < 0) return failed(problem(path, "open", errno), errno);
  struct stat now {};
  if (::fstat(open.get(), &now) != 0) return failed(problem(path, "stat", errno), errno);
  if (now.st_dev != found->about.st_dev || now.st_ino != found->about.st_ino)
    return failed(Problem{path, "changed while it was opened", "try again", Exit::retry}, EAGAIN);
  return open;
}

}  // namespace

Result<Descriptor> open_to_read(const std::string& path) {
  return by_whoever_may([&path] { return open_found(path, S_IFREG, 0); });
}

Result<Descriptor> open_folder_to_read(const std::string& path) {
  return by_whoever_may([&path] { return open_found(path, S_IFDIR, O_DIRECTORY); });
}

Result<std::optional<std::string>> read_file(const std::string& path, size_t limit) {
  const auto file = open_to_read(path);
  if (!file) {
    if (errno == ENOENT) return std::optional<std::string>();
    return file.error();
  }
  auto content = drain(file->get(), path, limit);
  if (!content) return content.error();
  return std::optional(std::move(*content));
}

std::string content_of(const std::string& path) {
  auto content = read_file(path);
  return content && *content ? std::move(**content) : std::string();
}

namespace {

// `made`: the folders that were not there.
Result<void> make_folders(const std::string& path, const FileAttributes& attributes, std::vector<std::string>& made) {
  for (auto end = path.find_first_not_of('/'); end != std::string::npos && end < path.size();) {
    end = std::min(path.find('/', end), path.size());
    const std::string part = path.substr(0, end);
    end = path.find_first_not_of('/', end);
    struct stat there {};
    if (::stat(part.c_str(), &there) == 0) continue;
    if (make_below(part, 0755) != 0) return problem(part, "mkdir", errno);
    made.push_back(part);
    // The agent's user has to get through the parents, so the umask must not count.
    const Descriptor folder(open_below(part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat now {};
    if (folder.get() < 0 || ::fstat(folder.get(), &now) != 0) return problem(part, "mkdir", errno);
    if ((now.st_mode & 0755U) != 0755U && ::fchmod(folder.get(), 0755) != 0 &&
        (attributes.exact || !not_permitted(errno)))
      return problem(part, "chmod", errno);
  }
  const auto folder = open_folder(path);
  if (!folder) {
    const int error = errno;
    Problem none = folder.error();
    errno = error;
    return none;
  }
  struct stat now {};
  if (::fstat(folder->get(), &now) != 0) return problem(path, "stat", errno);
  if ((now.st_mode & 07777U) == attributes.mode && now.st_uid == attributes.uid.value_or(now.st_uid) &&
      now.st_gid == attributes.gid.value_or(now.st_gid))
    return {};
  if (const auto failure = set_attributes(folder->get(), attributes, real_file_calls()))
    return problem(path, failure->step, failure->error);
  return {};
}

}  // namespace

Result<void> make_directory(const std::string& path, const FileAttributes& attributes) {
  return by_whoever_may([&] {
    std::vector<std::string> made;
    auto done = make_folders(path, attributes, made);
    if (done) return done;
    const int error = errno;
    for (; !made.empty(); made.pop_back()) remove_folder_below(made.back());
    errno = error;
    return done;
  });
}

std::string error_text(int error_number) {
  std::string text = std::strerror(error_number);
  if (text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::optional<FileLock>> FileLock::acquire(const std::string& path, std::optional<uid_t> uid,
                                                  std::optional<gid_t> gid) {
  return by_whoever_may([&] { return acquire_as_this_user(path, uid, gid); });
}

Result<std::optional<FileLock>> FileLock::acquire_as_this_user(const std::string& path, std::optional<uid_t> uid,
                                                               std::optional<gid_t> gid) {
  constexpr int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  int fd = open_below(path, flags | O_CREAT | O_EXCL, 0644);
  const bool made = fd >= 0;
  if (!made && errno == EEXIST) fd = open_below(path, flags | O_CREAT, 0644);
  if (fd < 0) return problem(path, "open", errno);
  FileLock lock(fd);
  struct stat now {};
  if (::fstat(fd, &now) != 0) return problem(path, "stat", errno);
  const bool given = now.st_uid == uid.value_or(now.st_uid) && now.st_gid == gid.value_or(now.st_gid);
  if (made && !given && !acts_for(uid) && ::fchown(fd, uid.value_or(now.st_uid), gid.value_or(now.st_gid)) != 0) {
    const int error = errno;
    unlink_below(path);
    return problem(path, "chown", error);
  }
  if (!S_ISREG(now.st_mode) || now.st_nlink != 1) {
    return Problem{path, "no regular file, or one with another name elsewhere", "remove it", Exit::config};
  }
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return problem(path, "lock", errno);
    return std::optional<FileLock>();
  }
  const std::string holder = std::to_string(::getpid()) + "\n" + pid_namespace() + "\n";
  const auto length = static_cast<ssize_t>(holder.size());
  // Cutting off what is there makes a disk's file system give up its block and find another one, at every start.
  if (::pwrite(fd, holder.data(), holder.size(), 0) != length ||
      (now.st_size > length && ::ftruncate(fd, length) != 0)) {
    return problem(path, "write", errno);
  }
  return std::optional(std::move(lock));
}

std::string lock_holder(const std::string& path) {
  constexpr size_t longest = 64;
  const auto text = by_whoever_may([&path] { return read_file(path, longest); });
  const std::vector<std::string> lines = split_list(text && *text ? **text : "", '\n');
  const std::string pid = lines.empty() ? "" : lines[0], its_namespace = lines.size() > 1 ? lines[1] : "";
  if (pid.empty() || !std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return "another process";
  const std::string holder = "process " + pid;
  if (its_namespace.empty()) return holder;  // as of an older lictor
  if (its_namespace != pid_namespace()) return holder + " of another container";
  const auto name = read_file("/proc/" + pid + "/comm", longest);
  return name && *name ? fmt::format("{} ({})", holder, trim(**name)) : holder;
}

}  // namespace lictor
