// Which instructions of a program are executed: stepper PID SECONDS, on standard output one address a line, in hexadecimal.
// A step at a time, as the processor that this machine has takes them: valgrind's may be another, for which the C library
// chooses other functions.

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <sys/user.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unordered_set>

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const auto pid = static_cast<pid_t>(std::atoi(argv[1]));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  int status = 0;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0 || ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0 ||
      waitpid(pid, &status, __WALL) != pid) {
    std::perror("stepper");
    return 1;
  }
  std::unordered_set<unsigned long> seen;
  while (std::chrono::steady_clock::now() < end) {
    // A signal that it is given is its own; a trap is ours.
    const int signal = WSTOPSIG(status);
    const bool own = signal == SIGTRAP || status >> 16 != 0;
    if (ptrace(PTRACE_SINGLESTEP, pid, nullptr, own ? 0 : signal) != 0 || waitpid(pid, &status, __WALL) != pid ||
        !WIFSTOPPED(status))
      return 1;
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) == 0) seen.insert(registers.rip);
  }
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  for (const unsigned long address : seen) std::printf("%lx\n", address);
  return 0;
}
