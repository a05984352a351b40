// Runs a piece of a test in a process of its own, for what would disturb the others: signals, subreaper flag, user,
// namespaces.
#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

namespace scenario {

constexpr std::chrono::seconds kBound(60);

// All that comes until the last writer closes; throws when that takes longer than `bound`.
inline std::string read_all(int fd, std::chrono::milliseconds bound = kBound) {
  const auto until = std::chrono::steady_clock::now() + bound;
  std::string text;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
      throw std::runtime_error("nobody closed the pipe in time; so far: " + text);
    }
    char buffer[4096];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size == 0) return text;
    if (size > 0) text.append(buffer, static_cast<size_t>(size));
    if (size < 0 && errno != EINTR) throw std::runtime_error(std::strerror(errno));
  }
}

struct Pipe {
  int in = -1;   // to read from
  int out = -1;  // to write to
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::strerror(errno));
    in = ends[0];
    out = ends[1];
  }
  ~Pipe() {
    close_in();
    close_out();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_in() {
    if (in >= 0) ::close(in);
    in = -1;
  }
  void close_out() {
    if (out >= 0) ::close(out);
    out = -1;
  }
};

// What was wrong; empty: nothing.
using Body = std::function<std::string()>;

// Throws what is wrong: for use inside a body.
inline void must(bool fact, const std::string& what) {
  if (!fact) throw std::runtime_error(what);
}

// From here on this process has no such system call, as on an old kernel.
inline void take_call_away(unsigned number) {
  sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{std::size(code), code};
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
  must(::syscall(number, -1, nullptr, 0, 0) == -1 && errno == ENOSYS, "the call is still there");
}

inline std::string guarded(const Body& body) {
  try {
    return body();
  } catch (const std::exception& failure) {
    return failure.what();
  }
}

// Runs `body` in a child that leads a process group of its own, and returns what it returned (or threw). The
// whole group is killed at the end. A body that takes longer than `kBound` is "too slow".
inline std::string in_child(const Body& body) {
  Pipe report;
  const pid_t pid = ::fork();
  if (pid < 0) return std::strerror(errno);
  if (pid == 0) {
    ::setpgid(0, 0);
    report.close_in();
    const std::string wrong = guarded(body) + '\0';
    const ssize_t written = ::write(report.out, wrong.data(), wrong.size());
    ::_exit(written == static_cast<ssize_t>(wrong.size()) ? 0 : 1);
  }
  ::setpgid(pid, pid);
  report.close_out();
  std::string wrong;
  while (wrong.empty() || wrong.back() != '\0') {
    pollfd ready{report.in, POLLIN, 0};
    char buffer[4096];
    ssize_t size = 0;
    if (::poll(&ready, 1, std::chrono::milliseconds(kBound).count()) == 0) {
      wrong += "too slow";
    } else if ((size = ::read(report.in, buffer, sizeof buffer)) > 0) {
      wrong.append(buffer, static_cast<size_t>(size));
      continue;
    } else {
      wrong += "ended without a report";
    }
    wrong += '\0';
  }
  wrong.pop_back();
  ::kill(-pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return wrong;
}

}  // namespace scenario
