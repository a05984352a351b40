// Starts a process with a clean slate. Boost.Process launches; nobody here waits (see reaper.hpp).
#pragma once

#include "base/problem.hpp"
#include "files/io/descriptor.hpp"
#include "process/rights.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lictor {

struct LaunchRequest {
  // argv[0]: absolute path, and what the child sees as its name. Empty: no program, the child ends with `before`, code 0.
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value", the whole of it
  // Groups, gid, uid and capabilities are set, in this order. Without privilege only one's own ids can be asked for, and the
  // supplementary groups stay as they are.
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  // What it has beside. Nothing: no groups but `gid` where the user is another one, no capabilities, no_new_privs. A user that is root
  // has all capabilities that lictor was started with.
  std::optional<Rights> rights = {};
  int output = -1;  // becomes stdout and stderr if >= 0; else both are inherited
  bool die_with_parent =
      true;  // SIGKILL when lictor's thread dies (PR_SET_PDEATHSIG, set after the uid; where the program
             // gains privileges the kernel drops it, see guard.hpp)
  // Called in the child, as the user it runs as, and before exec: what may wait for a disk or a lock of the kernel's, and must
  // be over before the program runs. Its problem is the launch's.
  std::function<Result<void>()> before = {};
};

// What a child has to say that never became its program. Nobody waits for it: a child waits for a CPU and for the disk that
// its program is on, and a loop that waits with it serves nobody meanwhile.
class LaunchReport {
 public:
  explicit LaunchReport(Descriptor pipe) : pipe_(std::move(pipe)) {}

  // The step that failed, and why; Exit::not_found or Exit::cannot_execute for exec's ENOENT and
  // EACCES/ENOEXEC/ENOTDIR, Exit::internal for the rest but `before`. Nothing: the program was executed, or may yet be. Final, and told
  // once, when the child has ended.
  std::optional<Problem> failure() const;

 private:
  Descriptor pipe_;  // the child's end is closed by exec
};

struct NewChild {
  pid_t pid;
  LaunchReport report;
};

// What the child gets: a process group of its own, no blocked signal, every disposition at its default, stdin from
// /dev/null, no descriptor above 2, umask 022. The pid is the caller's to hand to Reaper::expect before it
// returns to the executor. Returns when there is a child: whether that becomes the program, its report tells. A problem
// where there is none: a missing or non-executable file is noticed before the fork, with the exit codes of
// LaunchReport::failure. REQUIRES: SIGCHLD is not ignored (the Reaper takes it); the kernel keeps no status for a process that
// ignores it.
Result<NewChild> launch(boost::asio::any_io_executor executor, const LaunchRequest& request);

}  // namespace lictor
