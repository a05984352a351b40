// Files reached with another user's rights, from a process of root.
//
// Root may be nobody for a folder: a network file system that squashes root, a mount whose owner this user namespace does not
// map, a root without CAP_DAC_OVERRIDE. There the agent's user may do what root may not, and lictor then does its own file work
// as that user.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <optional>

namespace lictor {

// While it lives, this thread reaches files with the rights of uid:gid instead of its own (setfsuid(2)): what that user can't
// read is not read, wherever a link leads. Supplementary groups stay lictor's. Of no effect where lictor is not root.
class AsUser {
 public:
  AsUser(uid_t uid, gid_t gid);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  bool root_;
  uid_t uid_ = 0;  // those of before
  gid_t gid_ = 0;
};

struct FileUser {
  uid_t uid;
  gid_t gid;
};

// From now on files that root may not reach are reached as this user, where he may. Of no effect where lictor is not root.
void reach_files_as(uid_t uid, gid_t gid);

// As whom else this thread may try: nothing where nobody was named, and where it acts as another user already.
std::optional<FileUser> other_file_user();

// Whether errno tells that this user may not do it, or that the file system does not do such a thing for him: what another
// user may be able to.
bool not_permitted(int error);

// `act()` gives a Result and sets errno where it fails; done as the other user where this one may not. The outcome is that
// of the user who may; of the first where neither may.
template <class Act>
auto by_whoever_may(const Act& act) -> decltype(act()) {
  auto outcome = act();
  if (outcome || !not_permitted(errno)) return outcome;
  const int error = errno;
  const auto other = other_file_user();
  if (!other) {
    errno = error;
    return outcome;
  }
  const AsUser as_user(other->uid, other->gid);
  auto by_other = act();
  if (by_other || !not_permitted(errno)) return by_other;
  errno = error;
  return outcome;
}

}  // namespace lictor
