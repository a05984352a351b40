// Files as another user finds them, seen from a process of root.
#pragma once

#include "files/file_look.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace lictor {

// While it lives, this thread reaches files with the rights of uid:gid and these supplementary groups instead of its own
// (setfsuid(2)): what that user can't read is not read, wherever a link leads. Of no effect where lictor is not root.
class AsUser {
 public:
  AsUser(uid_t uid, gid_t gid, const std::vector<gid_t>& groups);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  bool root_;
  std::vector<gid_t> groups_;  // lictor's own
};

// What stands at `path`; of a file its text, up to 1 MiB.
FileLook look_at_file(const std::string& path);

}  // namespace lictor
