#include "act/launcher.hpp"

#include "act/privileges.hpp"

#include <boost/asio/detail/throw_error.hpp>  // which the launcher uses and does not include

// A pid descriptor would only serve to wait, and kernels before 5.3 have none.
#define BOOST_PROCESS_V2_DISABLE_PIDFD_OPEN
#include <boost/process/v2/posix/fork_and_forget_launcher.hpp>
#include <boost/process/v2/process.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace lictor {
namespace {

namespace process = boost::process::v2;

constexpr unsigned kCloseRangeCloexec = 4;  // CLOSE_RANGE_CLOEXEC: older headers lack it

// The steps of the child between fork and exec, as a failure names them.
enum Step : int { kExec, kProcessGroup, kInput, kOutput, kGroups, kGid, kUid, kNoGain, kParent, kDescriptors };
constexpr std::array<const char*, 10> kStepNames = {
    "execute", "make a process group", "open /dev/null", "redirect",         "clear groups", "set gid",
    "set uid", "set no_new_privs",     "tie to parent",  "close descriptors"};
static_assert(kStepNames.size() == kDescriptors + 1);

// One int is what the child tells: errno in its lower part, and above it the step.
constexpr int kStepShift = 16;
constexpr int kErrnoMask = (1 << kStepShift) - 1;

// Close-on-exec rather than closed: exec's errno has yet to be told. (Boost 1.81's own clean-up leaves everything below the
// descriptors open that it is told to spare.)
bool close_above_2_on_exec() {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, 3U, ~0U, kCloseRangeCloexec) == 0) return true;
#endif
  // Kernels before 5.11, and sandboxes that know no such call.
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return false;
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (fd > 2) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  ::closedir(folder);
  return true;
}

struct CleanSlate {
  const LaunchRequest& request;
  pid_t parent;
  int report;  // the far end of LaunchReport

  // Boost asks for these with its own argument lists, of which nothing is needed.
  template <class... Args>
  boost::system::error_code on_exec_setup(Args&&...) const {
    const Step failed = prepare();
    if (failed == kExec) return {};
    errno |= failed << kStepShift;  // which is what on_exec_error finds
    return {errno, boost::system::system_category()};
  }
  template <class... Args>
  void on_exec_error(Args&&...) const {
    const int code = errno;
    [[maybe_unused]] const ssize_t told = ::write(report, &code, sizeof code);
    ::_exit(127);  // the launcher's exit() would run lictor's own clean-up in the child
  }

 private:
  // The step that failed, or kExec.
  Step prepare() const {
    // Dispositions before the mask: what is pending then hits the default action, not lictor's handler.
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::umask(022);
    if (::setpgid(0, 0) != 0) return kProcessGroup;

    const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0) return kInput;
    if (request.output >= 0 &&
        (::dup2(request.output, STDOUT_FILENO) < 0 || ::dup2(request.output, STDERR_FILENO) < 0)) {
      return kOutput;
    }

    const bool other =
        request.uid.value_or(::geteuid()) != ::geteuid() || request.gid.value_or(::getegid()) != ::getegid();
    if (other || ::geteuid() == 0) {
      if ((request.uid || request.gid) && ::setgroups(0, nullptr) != 0) return kGroups;
      if (request.gid && ::setgid(*request.gid) != 0) return kGid;
      if (request.uid && ::setuid(*request.uid) != 0) return kUid;
    }
    if (!request.gain_privileges && !gain_no_privileges()) return kNoGain;
    if (request.die_with_parent) {
      // After the uid: changing that clears it.
      if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return kParent;
      if (::getppid() != parent) ::_exit(127);  // it died before that
    }
    if (request.before) request.before();
    return close_above_2_on_exec() ? kExec : kDescriptors;
  }
};

// A signal that hits the child before it has its own dispositions would run lictor's handler there, and be taken for one
// sent to lictor.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

Problem exec_problem(const std::string& path, int error) {
  const std::string why = std::string("execute: ") + std::strerror(error);
  if (error == ENOENT && ::access(path.c_str(), F_OK) == 0) {
    return Problem{path, why, "the file is there: its interpreter or loader is missing on this host", Exit::not_found};
  }
  if (error == ENOENT) return Problem{path, why, "install it or correct its path", Exit::not_found};
  if (error == EACCES) {
    return Problem{path, why, "make it executable, and its folders searchable, for the user it runs as",
                   Exit::cannot_execute};
  }
  if (error == ENOEXEC || error == ENOTDIR) {
    return Problem{path, why, "it must be a program for this machine", Exit::cannot_execute};
  }
  if (error == EPERM) {
    return Problem{path, why, "if it has file capabilities (getcap), lictor must have them too, or take them off it",
                   Exit::cannot_execute};
  }
  // Of the fork mostly.
  if (error == EAGAIN || error == ENOMEM) {
    return Problem{path, why, "raise the limit of processes or of memory (pids.max, ulimit -u, memory.max)",
                   Exit::internal};
  }
  if (error == EMFILE || error == ENFILE) return Problem{path, why, "raise the limit of open files", Exit::internal};
  return Problem{path, why, "see the limits and permissions of this host", Exit::internal};
}

Problem launch_problem(const std::string& path, int code) {
  const auto step = static_cast<size_t>(code >> kStepShift);
  const int error = code & kErrnoMask;
  if (step == kExec || step >= kStepNames.size()) return exec_problem(path, error);
  const char* hint = step == kGroups || step == kGid || step == kUid
                         ? "run lictor as root (CAP_SETUID, CAP_SETGID), or the program as lictor's own user"
                         : "see the limits and permissions of this host";
  return Problem{path, std::string(kStepNames[step]) + ": " + std::strerror(error), hint, Exit::internal};
}

// The report's pipe, and the output, must not land on a standard descriptor that the child redirects.
void fill_standard_descriptors() {
  int fd = -1;
  while ((fd = ::open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO) ::fcntl(fd, F_SETFD, 0);
  if (fd >= 0) ::close(fd);
}

}  // namespace

std::optional<Problem> LaunchReport::failure() const {
  int code = 0;
  if (::read(pipe_.get(), &code, sizeof code) != sizeof code) return std::nullopt;
  return launch_problem(path_, code);
}

Result<NewChild> launch(boost::asio::any_io_executor executor, const LaunchRequest& request) {
  const std::string& path = request.argv.front();
  if (::access(path.c_str(), X_OK) != 0) return exec_problem(path, errno);
  fill_standard_descriptors();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return exec_problem(path, errno);
  Descriptor reading(ends[0]);
  const Descriptor writing(ends[1]);

  const std::vector<std::string> arguments(request.argv.begin() + 1, request.argv.end());
  std::vector<const char*> environment;
  for (const auto& entry : request.environment) environment.push_back(entry.c_str());
  environment.push_back(nullptr);

  const pid_t self = ::getpid();
  process::posix::fork_and_forget_launcher launcher;
  launcher.env = environment.data();
  launcher.fd_whitelist.push_back(writing.get());
  boost::system::error_code error;
  try {
    const AllSignalsBlocked blocked;
    auto child = launcher(executor, error, path, arguments, CleanSlate{request, self, writing.get()});
    if (error) return exec_problem(path, error.value());
    // Its destructor would kill the process; and only the reaper waits.
    const pid_t pid = child.detach().id();
    ::setpgid(pid, pid);  // here too: whoever signals the group next can't know whether the child has got so far
    return NewChild{pid, LaunchReport(path, std::move(reading))};
  } catch (const std::exception& failure) {
    if (::getpid() != self) ::_exit(127);  // thrown in the child: there must be no second lictor
    return Problem{path, std::string("launch: ") + failure.what(), "see the limits and permissions of this host",
                   Exit::internal};
  }
}

}  // namespace lictor
