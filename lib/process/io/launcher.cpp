#include "process/io/launcher.hpp"

#include "base/json_text.hpp"
#include "process/io/privileges.hpp"

#include <boost/asio/detail/throw_error.hpp>  // which the launcher uses and does not include

// A pid descriptor would only serve to wait, and kernels before 5.3 have none.
#define BOOST_PROCESS_V2_DISABLE_PIDFD_OPEN
#include <boost/process/v2/posix/fork_and_forget_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <nlohmann/json.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace lictor {
namespace {

namespace process = boost::process::v2;

constexpr unsigned kCloseRangeCloexec = 4;  // CLOSE_RANGE_CLOEXEC: older headers lack it

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
    return Problem{path, why,
                   "if it has file capabilities (getcap), lictor's bounding set must have them too "
                   "(CapabilityBoundingSet=, --cap-add), or take "
                   "them off it",
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

// Of the step `doing` between fork and exec, by errno.
Problem step_problem(const std::string& path, const char* doing,
                     const char* hint = "see the limits and permissions of this host") {
  return Problem{path, std::string(doing) + ": " + std::strerror(errno), hint, Exit::internal};
}

std::string path_of(const LaunchRequest& request) {
  return request.argv.empty() ? "a child of lictor" : request.argv.front();
}

struct CleanSlate {
  const LaunchRequest& request;
  pid_t parent;
  int report;  // the far end of LaunchReport

  // Boost asks for these with its own argument lists, of which nothing is needed.
  template <class... Args>
  boost::system::error_code on_exec_setup(Args&&...) const {
    if (const auto prepared = prepare(); !prepared) give_up(prepared.error());
    return {};
  }
  template <class... Args>
  void on_exec_error(Args&&...) const {
    give_up(exec_problem(path(), errno));
  }

 private:
  std::string path() const { return path_of(request); }

  [[noreturn]] void give_up(const Problem& problem) const {
    const nlohmann::json parts{problem.what, problem.why, problem.hint, static_cast<int>(problem.exit)};
    const std::string told = json_text(parts);
    [[maybe_unused]] const ssize_t size = ::write(report, told.data(), told.size());
    ::_exit(127);  // the launcher's exit() would run lictor's own clean-up in the child
  }

  Result<void> become_user() const {
    const Rights rights = request.rights.value_or(Rights{.groups = {}, .no_new_privs = true});
    const bool other =
        request.uid.value_or(::geteuid()) != ::geteuid() || request.gid.value_or(::getegid()) != ::getegid();
    if (other || ::geteuid() == 0) {
      const char* hint = "run lictor as root (CAP_SETUID, CAP_SETGID), or the program as lictor's own user";
      if ((request.uid || request.gid) && ::setgroups(rights.groups.size(), rights.groups.data()) != 0)
        return step_problem(path(), "set groups", hint);
      if (request.gid && ::setgid(*request.gid) != 0) return step_problem(path(), "set gid", hint);
      // Until the program is executed.
      if (rights.capabilities != 0) ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
      if (request.uid && ::setuid(*request.uid) != 0) return step_problem(path(), "set uid", hint);
    }
    // Of root the kernel makes them all again.
    if (request.rights && ::geteuid() != 0 && rights.capabilities != ambient_capabilities()) {
      if (const auto handed_on = hand_on_capabilities(rights.capabilities); !handed_on)
        return Problem{path(), handed_on.error().what + ": " + handed_on.error().why,
                       "give lictor the capabilities of agent.capabilities, or take them out there", Exit::internal};
    }
    if (rights.no_new_privs && !gain_no_privileges()) return step_problem(path(), "set no_new_privs");
    return {};
  }

  Result<void> prepare() const {
    // Dispositions before the mask: what is pending then hits the default action, not lictor's handler.
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::umask(022);
    if (::setpgid(0, 0) != 0) return step_problem(path(), "make a process group");

    const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0) return step_problem(path(), "open /dev/null");
    if (request.output >= 0 &&
        (::dup2(request.output, STDOUT_FILENO) < 0 || ::dup2(request.output, STDERR_FILENO) < 0)) {
      return step_problem(path(), "redirect");
    }

    if (auto become = become_user(); !become) return become;
    if (request.die_with_parent) {
      // After the uid: changing that clears it.
      if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return step_problem(path(), "tie to parent");
      if (::getppid() != parent) ::_exit(127);  // it died before that
    }
    if (request.before) {
      if (auto done = request.before(); !done) return done;
    }
    if (request.argv.empty()) ::_exit(0);
    if (!close_above_2_on_exec()) return step_problem(path(), "close descriptors");
    return {};
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

// Boost's handle of a child has a handler for SIGCHLD while it exists, and then sets the default one, by which the kernel
// throws a signal away that is blocked and waits: of a child that ended meanwhile nobody would be told.
struct ToldAgain {
  ~ToldAgain() { ::raise(SIGCHLD); }
};

// The report's pipe, and the output, must not land on a standard descriptor that the child redirects.
void fill_standard_descriptors() {
  int fd = -1;
  while ((fd = ::open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO) ::fcntl(fd, F_SETFD, 0);
  if (fd >= 0) ::close(fd);
}

}  // namespace

std::optional<Problem> LaunchReport::failure() const {
  std::array<char, PIPE_BUF> told{};
  const ssize_t size = ::read(pipe_.get(), told.data(), told.size());
  if (size <= 0) return std::nullopt;
  const auto problem = foreign_json({told.data(), static_cast<std::size_t>(size)});
  if (!problem.is_array()) return std::nullopt;  // longer than a pipe takes at once
  return Problem{problem[0], problem[1], problem[2], static_cast<Exit>(problem[3].get<int>())};
}

Result<NewChild> launch(boost::asio::any_io_executor executor, const LaunchRequest& request) {
  const std::string path = path_of(request);
  if (!request.argv.empty() && ::access(path.c_str(), X_OK) != 0) return exec_problem(path, errno);
  fill_standard_descriptors();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return exec_problem(path, errno);
  Descriptor reading(ends[0]);
  const Descriptor writing(ends[1]);

  std::vector<std::string> arguments = request.argv;
  if (!arguments.empty()) arguments.erase(arguments.begin());
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
    const ToldAgain told_again;  // once the child's handle is gone
    auto child = launcher(executor, error, path, arguments, CleanSlate{request, self, writing.get()});
    if (error) return exec_problem(path, error.value());
    // Its destructor would kill the process; and only the reaper waits.
    const pid_t pid = child.detach().id();
    ::setpgid(pid, pid);  // here too: whoever signals the group next can't know whether the child has got so far
    return NewChild{pid, LaunchReport(std::move(reading))};
  } catch (const std::exception& failure) {
    if (::getpid() != self) ::_exit(127);  // thrown in the child: there must be no second lictor
    return Problem{path, std::string("launch: ") + failure.what(), "see the limits and permissions of this host",
                   Exit::internal};
  }
}

}  // namespace lictor
