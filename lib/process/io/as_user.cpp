#include "process/io/as_user.hpp"

#include "files/io/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lictor {

namespace {

// With the rights of the moment, which access(2) does not go by. A kernel without the call (before 5.8) says nothing.
bool can_write(const std::string& folder) {
#ifdef SYS_faccessat2
  return syscall(SYS_faccessat2, AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno == ENOSYS;
#else
  return folder.empty() || true;
#endif
}

}  // namespace

FileLook look_at_file(const std::string& path) {
  FileLook look;
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) {
    look.kind = errno == ENOENT || errno == ENOTDIR ? FileLook::missing : FileLook::unreadable;
  } else if (S_ISDIR(about.st_mode)) {
    look.kind = FileLook::folder;
    look.writable = can_write(path);
    look.empty = true;
    bool read = false;
    each_name(path, [&](std::string_view name) {
      read = true;
      return look.empty = name == "." || name == "..";
    });
    look.empty &= read;
  } else if (S_ISREG(about.st_mode)) {
    const auto text = read_file(path, 1 << 20);
    look.kind = text && *text ? FileLook::file : FileLook::unreadable;
    if (look.kind == FileLook::file) look.text = **text;
  } else {
    look.kind = FileLook::other;
  }
  return look;
}

}  // namespace lictor
