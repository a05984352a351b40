// The one place in the program that waits for children.
//
// Nothing else calls wait, waitpid or waitid, and no library is allowed to: two waiters race for a status
// and one of them loses it. A child that was launched is announced with `expect`; every other child that
// turns up is an orphan that the kernel handed to us as PID 1 or subreaper.
#pragma once

#include "base/problem.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace lictor {

// How a process ended, decoded: exactly one of the two.
struct ExitStatus {
  int code = -1;   // exit code, or -1
  int signal = 0;  // terminating signal, or 0
  bool core = false;
  static ExitStatus decode(int wait_status);
  // "exit code 3", "signal 9 (Killed)", "signal 6 (Aborted, core dumped)"
  std::string describe() const;
  bool operator==(const ExitStatus&) const = default;
};

class Reaper {
 public:
  // Makes this process a subreaper (harmless as PID 1; not under an emulator that knows none), blocks SIGCHLD and starts to take it on the executor. Children that
  // ended before are collected too. At most one Reaper exists in a process; the subreaper flag and the
  // blocked signal outlive it.
  static Result<std::unique_ptr<Reaper>> start(boost::asio::any_io_executor executor);
  ~Reaper();  // nothing that was asked for is called any more

  // `ended` is called exactly once, from the executor, when `pid` has ended. May be called after the child's
  // death, as long as it comes before control returns to the executor that launched it.
  void expect(pid_t pid, std::function<void(ExitStatus)> ended);

  // `empty` is called once, from the executor, as soon as this process has no children at all (at once, if so now).
  void when_empty(std::function<void()> empty);

  // Sends `signal` to every descendant there is (walks /proc, as many turns of the executor as that takes; a process that forks
  // while we look is caught by the next call). `done` is called from the executor with how many were signalled. While a walk is
  // under way another call only gives it another signal and another `done`.
  void signal_all(int signal, std::function<void(std::size_t)> done);

  std::uint64_t orphans_reaped() const;

 private:
  struct State;
  explicit Reaper(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace lictor
