// Files reached with another user's rights, from a process of root.
//
// Root may be nobody for a folder: a network file system that squashes root, a mount whose owner this user namespace does not
// map, a root without CAP_DAC_OVERRIDE. There the agent's user may do what root may not, and lictor then does its own file work
// as that user.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <optional>
#include <vector>

namespace lictor {

struct FileUser {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups = {};  // supplementary ones
};

// While it lives, this thread reaches files with the rights of that user instead of its own (setfsuid(2)): what he can't read is
// not read, wherever a link leads. Of no effect where lictor is not root; without CAP_SETGID the groups stay.
class AsUser {
 public:
  explicit AsUser(const FileUser& user);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

  // Root with CAP_SETUID acts so; without it nothing has changed.
  bool in_force() const { return in_force_; }

 private:
  bool root_, in_force_ = false;
  FileUser before_{};
};

// From now on files that root may not reach are reached as this user, where he may. Of no effect where lictor is not root.
void reach_files_as(FileUser user);

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
  const AsUser as_user(*other);
  if (!as_user.in_force()) {
    errno = error;
    return outcome;
  }
  auto by_other = act();
  if (by_other || !not_permitted(errno)) return by_other;
  errno = error;
  return outcome;
}

}  // namespace lictor
