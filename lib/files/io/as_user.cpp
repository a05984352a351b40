#include "files/io/as_user.hpp"

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

std::optional<FileUser> named_user;

// A number that no user has: the call changes nothing, and tells the one in force.
uid_t acting_user() { return static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))); }

std::vector<gid_t> groups_of_thread() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  getgroups(static_cast<int>(groups.size()), groups.data());
  return groups;
}

// Of this thread, as the two calls beside it; the C library's sets those of all threads.
void set_groups_of_thread(const std::vector<gid_t>& groups) { ::syscall(SYS_setgroups, groups.size(), groups.data()); }

}  // namespace

AsUser::AsUser(const FileUser& user) : root_(geteuid() == 0) {
  if (!root_) return;
  before_.groups = groups_of_thread();
  set_groups_of_thread(user.groups);
  // The group first: with the user go the rights to change it.
  before_.gid = static_cast<gid_t>(setfsgid(user.gid));
  before_.uid = static_cast<uid_t>(setfsuid(user.uid));
  in_force_ = acting_user() == user.uid;
}

AsUser::~AsUser() {
  if (!root_) return;
  setfsuid(before_.uid);
  setfsgid(before_.gid);
  set_groups_of_thread(before_.groups);
}

void reach_files_as(FileUser user) {
  if (geteuid() == 0 && user.uid != 0) named_user = std::move(user);
}

std::optional<FileUser> other_file_user() {
  if (!named_user || geteuid() != 0 || acting_user() != 0) return std::nullopt;
  return named_user;
}

bool not_permitted(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EINVAL:     // a user namespace does not know that owner
    case EOVERFLOW:  // nor can it write him down
    case ENOSYS:
    case EOPNOTSUPP:
      return true;
    default:
      return false;
  }
}

}  // namespace lictor
