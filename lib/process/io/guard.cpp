#include "process/io/guard.hpp"

#include "process/io/launcher.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace lictor {
namespace {

[[noreturn]] void guard(pid_t lictor, pid_t guarded) {
  // Blocked, it waits to be taken, whenever it comes.
  sigset_t death;
  ::sigemptyset(&death);
  ::sigaddset(&death, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &death, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGUSR1);
  // All of lictor's, its locks among them, would stay open with it.
  const auto most = static_cast<int>(::sysconf(_SC_OPEN_MAX));
#ifdef SYS_close_range
  const bool closed = ::syscall(SYS_close_range, 0U, ~0U, 0) == 0;
#else
  const bool closed = false;
#endif
  for (int fd = 0; !closed && fd < most; ++fd) ::close(fd);
  while (::getppid() == lictor) ::sigwaitinfo(&death, nullptr);
  ::kill(-guarded, SIGKILL);
  ::_exit(0);
}

}  // namespace

Result<pid_t> start_guard(boost::asio::any_io_executor executor, pid_t guarded) {
  LaunchRequest request{.argv = {}, .environment = {}, .uid = {}, .gid = {}, .die_with_parent = false};
  request.before = [lictor = ::getpid(), guarded]() -> Result<void> { guard(lictor, guarded); };
  auto child = launch(executor, request);
  if (!child) return child.error();
  return child->pid;
}

}  // namespace lictor
