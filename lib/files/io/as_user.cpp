#include "files/io/as_user.hpp"

#include <sys/fsuid.h>
#include <unistd.h>

namespace lictor {
namespace {

std::optional<FileUser> named_user;

// A number that no user has: the call changes nothing, and tells the one in force.
uid_t acting_user() { return static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))); }

}  // namespace

AsUser::AsUser(uid_t uid, gid_t gid) : root_(geteuid() == 0) {
  if (!root_) return;
  // The group first: with the user go the rights to change it.
  gid_ = static_cast<gid_t>(setfsgid(gid));
  uid_ = static_cast<uid_t>(setfsuid(uid));
}

AsUser::~AsUser() {
  if (!root_) return;
  setfsuid(uid_);
  setfsgid(gid_);
}

void reach_files_as(uid_t uid, gid_t gid) {
  if (geteuid() == 0 && uid != 0) named_user = FileUser{uid, gid};
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
