// Files: read, installed atomically and durably, locked. No policy.
//
// Every file lictor writes: run_dir/consul.json, data_dir/node-id, data_dir/lictor-identity.json,
// data_dir/lictor-timeline.json, data_dir/lictor-agent.json, what an agent keeps in data_dir/services and data_dir/checks
// (kept_files.hpp), and the locks data_dir/lictor.lock and run_dir/lictor.lock. Each goes through
// write_atomically (locks excepted), so that a crash at any moment leaves the old content or the new, never a mixture and
// never nothing. Of lictor-agent.json, lictor-timeline.json, and of consul.json as it is written before each launch, that
// holds for a crash of lictor and not of the host; what a running agent is to read anew has been synced first. All paths are
// walked as folder.hpp has it: a link by which another user could lead lictor where he can't go himself is a problem, and
// nothing is read or
// written. What root may not do is done as the user of as_user.hpp, where he may.
#pragma once

#include "base/problem.hpp"
#include "files/io/descriptor.hpp"

#include <dirent.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lictor {

// The system calls of one file installation, in order. The real ones by default; tests make the n-th fail.
// Each returns what the call of the same name returns and sets errno.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int fd, const void* data, size_t size);
  virtual int fchown(int fd, uid_t uid, gid_t gid);
  virtual int fchmod(int fd, mode_t mode);
  virtual int fsync(int fd);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};
FileCalls& real_file_calls();

struct FileAttributes {
  mode_t mode = 0600;
  std::optional<uid_t> uid;  // nothing: as created
  std::optional<gid_t> gid;
  bool durable = true;  // false: nothing waits for the disk, and a crash of the host may leave the file empty
  // false: where the file system keeps no modes and owners (vfat, CIFS), those that it gives will do.
  bool exact = true;
};

// Installs `content` at `path`: temporary file beside it (`path`.tmp, O_EXCL|O_NOFOLLOW, mode from the start), write,
// owner, mode (whatever the umask), fsync, rename, fsync of the folder, both if durable. A symbolic link at `path`
// is replaced, never followed; a temporary file left by a crash is taken away. On failure the temporary file is gone, the
// problem names step and errno, and the old file is untouched; only where the folder's fsync fails is the new content already
// there, not yet durably. Exit::retry where waiting may help (no space, an I/O error), else Exit::config.
Result<void> write_atomically(const std::string& path, const std::string& content, const FileAttributes& attributes,
                              FileCalls& calls = real_file_calls());

// The same, but nothing is written when content, mode and owner are already right. True: it was written.
Result<bool> install_file(const std::string& path, const std::string& content, const FileAttributes& attributes,
                          FileCalls& calls = real_file_calls());

// Waits until the disk has the file's content.
Result<void> sync_file(const std::string& path);

// rename(2): whoever opens `to` finds the old file or the new one.
Result<void> move_file(const std::string& from, const std::string& to);

// The regular file at `path`, open for reading, or its folder, with what find_to_read refuses as a problem. What it is, is
// known before it is opened: a device, a FIFO or a terminal never is. Sets errno.
Result<Descriptor> open_to_read(const std::string& path);
Result<Descriptor> open_folder_to_read(const std::string& path);

// The file's bytes, by open_to_read; nothing if it does not exist; a problem for anything else (no regular file, over `limit`
// bytes, EACCES).
Result<std::optional<std::string>> read_file(const std::string& path, size_t limit = 16 << 20);

// The same for facts that may be missing: empty where the file is not there or can't be read.
std::string content_of(const std::string& path);

// Makes `path` and its parents. The last one gets mode and owner, whether it was there or not; parents are
// made 0755 (whatever the umask) and left alone where they exist. `path` itself may be a symbolic link to a directory. On
// failure what it made is gone again.
Result<void> make_directory(const std::string& path, const FileAttributes& attributes);

// What errno means, as the end of a sentence: "permission denied".
std::string error_text(int error_number);

// Holds an exclusive lock (open file description lock on a file) for its lifetime; the kernel lets go of it when the process dies.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();
  // Nothing: another process holds it. The file itself stays for ever; its content, two lines, is the holder's pid and its
  // PID namespace as the kernel names it ("pid:[4026531836]"). Close-on-exec.
  // A file that this makes is given to `uid`:`gid`, where they are given; on failure it is gone again.
  static Result<std::optional<FileLock>> acquire(const std::string& path, std::optional<uid_t> uid = {},
                                                 std::optional<gid_t> gid = {});

 private:
  static Result<std::optional<FileLock>> acquire_as_this_user(const std::string& path, std::optional<uid_t> uid,
                                                              std::optional<gid_t> gid);
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// Who holds the lock at `path`, in words and as far as it can be known: "process 4711 (lictor)", "process 1 of another container",
// "another process".
std::string lock_holder(const std::string& path);

// Calls `take` with each name in the folder, by open_folder_to_read, "." and ".." included, until it returns false. Nothing where it can't be read.
template <class Take>
void each_name(const std::string& folder, const Take& take) {
  auto open = open_folder_to_read(folder);
  if (!open) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(open->get()), &::closedir);
  if (entries) open->release();
  while (const dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
    if (!take(std::string_view(entry->d_name))) return;
  }
}

}  // namespace lictor
