#include "process/io/as_user.hpp"

#include "files/io/files.hpp"
#include "process/io/users.hpp"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lictor {

namespace {

// Of this thread, as the two calls beside it; the C library's sets those of all threads. Refused without CAP_SETGID, and then
// they stay.
void set_groups_of_thread(const std::vector<gid_t>& groups) { ::syscall(SYS_setgroups, groups.size(), groups.data()); }

}  // namespace

AsUser::AsUser(uid_t uid, gid_t gid, const std::vector<gid_t>& groups) : root_(geteuid() == 0) {
  if (!root_) return;
  groups_ = own_groups();
  set_groups_of_thread(groups);
  // The group first: with the user go the rights to change it.
  setfsgid(gid);
  setfsuid(uid);
}

AsUser::~AsUser() {
  if (!root_) return;
  setfsuid(0);
  setfsgid(getegid());
  set_groups_of_thread(groups_);
}

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
