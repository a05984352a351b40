// Starts a process with a clean slate. Boost.Process launches; nobody here waits (see reaper.hpp).
#pragma once

#include "decide/problem.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace lictor {

struct LaunchRequest {
  std::vector<std::string> argv;         // argv[0]: absolute path, and what the child sees as its name
  std::vector<std::string> environment;  // "NAME=value", the whole of it
  // Groups cleared, gid, uid set, in this order. Without privilege only one's own ids can be asked for, and the
  // supplementary groups stay.
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  int output = -1;               // becomes stdout and stderr if >= 0; else both are inherited
  bool die_with_parent = true;   // SIGKILL when lictor's thread dies (PR_SET_PDEATHSIG, set after the uid; the kernel
                                 // drops it when the program is set-uid or has file capabilities)
  bool gain_privileges = false;  // true: no_new_privs is left as it is, so that set-uid and file capabilities count
};

// What the child gets: a process group of its own, no blocked signal, every disposition at its default, stdin from
// /dev/null, no descriptor above 2, umask 022, no_new_privs. The pid is the caller's to hand to Reaper::expect before it returns to
// the executor. Returns when exec has succeeded or failed. Problems name the step and errno and carry Exit::not_found or
// Exit::cannot_execute for exec's ENOENT and EACCES/ENOEXEC/ENOTDIR, Exit::internal for the rest. A failed launch
// leaves nothing running: a missing or non-executable file is noticed before the fork; where a step fails after it, the
// child has ended and the reaper collects it as an orphan. REQUIRES: SIGCHLD is not ignored (the Reaper takes it); the
// kernel keeps no status for a process that ignores it.
Result<pid_t> launch(boost::asio::any_io_executor executor, const LaunchRequest& request);

}  // namespace lictor
