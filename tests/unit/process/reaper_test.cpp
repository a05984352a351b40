#include "process/io/reaper.hpp"

#include "process/io/launcher.hpp"
#include "scenario.hpp"
#include "test.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <algorithm>
#include <memory>

using namespace lictor;
using scenario::in_child;
using scenario::must;
using scenario::Pipe;

namespace {

// A process that runs `body` and exits with what it returns.
template <class Body>
pid_t start(const Body& body) {
  const pid_t pid = ::fork();
  must(pid >= 0, "fork");
  if (pid == 0) ::_exit(body());
  return pid;
}

// Blocks until the last writer has closed the pipe.
void wait_for_end(Pipe& pipe) {
  pipe.close_out();
  char byte = 0;
  while (::read(pipe.in, &byte, 1) != 0) {
  }
}

// Blocks until `pid` is a zombie; its status stays for the reaper.
void wait_for_zombie(pid_t pid) {
  siginfo_t info;
  int result = -1;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  } while (result != 0 && errno == EINTR);  // by the reaper's SIGCHLD
  must(result == 0, "waitid");
}

std::unique_ptr<Reaper> started(boost::asio::io_context& context) {
  auto reaper = Reaper::start(context.get_executor());
  must(reaper.has_value(), "no reaper");
  return std::move(*reaper);
}

void must_have_no_child() {
  siginfo_t info;
  must(::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD, "a child or zombie is left");
}

// One expected child and `orphans` unexpected ones, all of which die at the same moment; the process that made the
// orphans is expected as well.
void storm(boost::asio::io_context& context, Reaper& reaper, int round, int orphans) {
  const std::uint64_t before = reaper.orphans_reaped();
  Pipe barrier;
  int calls = 0;
  bool empty = false;
  const int code = round % 50;
  const pid_t child = start([&] {
    wait_for_end(barrier);
    if (code == 0) ::kill(::getpid(), SIGKILL);
    return code;
  });
  reaper.expect(child, [&](ExitStatus status) {
    ++calls;
    must(status == (code == 0 ? ExitStatus{-1, SIGKILL, false} : ExitStatus{code, 0, false}),
         "round " + std::to_string(round) + ": " + status.describe());
  });
  const pid_t maker = start([&] {
    for (int i = 0; i < orphans; ++i) {
      start([&] {
        wait_for_end(barrier);
        return i % 7;
      });
    }
    return 3;
  });
  reaper.expect(maker, [&](ExitStatus status) {
    ++calls;
    must(status.code == 3, "the maker: " + status.describe());
    barrier.close_out();
  });
  reaper.when_empty([&] { empty = true; });
  while (!empty) context.run_one();
  must(calls == 2, "called " + std::to_string(calls) + " times");
  const auto reaped = reaper.orphans_reaped() - before;
  must(reaped == static_cast<std::uint64_t>(orphans), "orphans reaped: " + std::to_string(reaped));
  must_have_no_child();
}

std::string storms(int rounds) {
  boost::asio::io_context context(1);
  const auto reaper = started(context);
  for (int round = 0; round < rounds; ++round) storm(context, *reaper, round, 200);
  return {};
}

// Runs `body` as the first process of a new pid namespace with a /proc of its own.
std::string as_pid_1(const scenario::Body& body) {
  return in_child([&]() -> std::string {
    must(::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0,
         std::string("this test needs root and pid namespaces: unshare: ") + std::strerror(errno));
    return in_child([&]() -> std::string {
      must(::getpid() == 1, "not PID 1");
      must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
      must(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
      return body();
    });
  });
}

}  // namespace

TEST_CASE("an exit status is decoded and described") {
  struct Row {
    int wait_status;
    ExitStatus expected;
    std::string text;
  };
  const Row rows[] = {
      {W_EXITCODE(0, 0), {0, 0, false}, "exit code 0"},
      {W_EXITCODE(3, 0), {3, 0, false}, "exit code 3"},
      {W_EXITCODE(255, 0), {255, 0, false}, "exit code 255"},
      {W_EXITCODE(0, SIGKILL), {-1, SIGKILL, false}, "signal 9 (Killed)"},
      {W_EXITCODE(0, SIGTERM), {-1, SIGTERM, false}, "signal 15 (Terminated)"},
      {W_EXITCODE(0, SIGABRT) | WCOREFLAG, {-1, SIGABRT, true}, "signal 6 (Aborted, core dumped)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(ExitStatus::decode(row.wait_status) == row.expected);
    CHECK(row.expected.describe() == row.text);
  }
}

// A fork of a process under AddressSanitizer takes 6 to 26 ms.
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
constexpr int kStorms = __has_feature(address_sanitizer) ? 2 : 50;

TEST_CASE("as subreaper no status is lost beside 200 orphans that die at once", "[native]") {
  CHECK(in_child([] { return storms(kStorms); }) == "");
}

TEST_CASE("as PID 1 no status is lost beside 200 orphans that die at once") {
  CHECK(as_pid_1([] { return storms(std::min(kStorms, 10)); }) == "");
}

TEST_CASE("a child that ended before it was expected is reported") {
  const auto body = [](bool before_start) {
    boost::asio::io_context context(1);
    std::unique_ptr<Reaper> reaper;
    if (!before_start) reaper = started(context);
    const pid_t child = start([] { return 7; });
    wait_for_zombie(child);
    if (before_start) reaper = started(context);
    ExitStatus seen;
    reaper->expect(child, [&](ExitStatus status) { seen = status; });
    while (seen.code < 0) context.run_one();
    must(seen == ExitStatus{7, 0, false}, seen.describe());
    must(reaper->orphans_reaped() == 0, "it was counted as an orphan");
    return std::string();
  };
  CHECK(in_child([&] { return body(false); }) == "");
  CHECK(in_child([&] { return body(true); }) == "");
}

TEST_CASE("a child launched by the report of another one's end is reported") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          const auto reaper = started(context);
          ExitStatus seen;
          reaper->expect(start([] { return 1; }), [&](ExitStatus) {
            const pid_t second = start([] { return 2; });
            wait_for_zombie(second);
            reaper->expect(second, [&](ExitStatus status) { seen = status; });
          });
          bool empty = false;
          reaper->when_empty([&] {
            must(seen.code == 2, "empty before the second child was reported");
            empty = true;
          });
          while (!empty) context.run_one();
          must(reaper->orphans_reaped() == 0, "one was counted as an orphan");
          return std::string();
        }) == "");
}

TEST_CASE("a child that ends while another one is launched is reported") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          const auto reaper = started(context);
          context.poll();  // of no child so far
          const pid_t first = start([] { return 7; });
          wait_for_zombie(first);
          ExitStatus seen;
          reaper->expect(first, [&](ExitStatus status) { seen = status; });
          const auto second = launch(context.get_executor(), {{"/bin/sleep", "600"}, {}, {}, {}});
          must(second.has_value(), "launch");
          const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
          while (seen.code < 0 && context.run_one_until(end) > 0) continue;
          ::kill(second->pid, SIGKILL);
          must(seen == ExitStatus{7, 0, false}, seen.describe());
          return std::string();
        }) == "");
}

TEST_CASE("a child that gets the pid of an orphan of the same round has its own status") {
  CHECK(as_pid_1([] {
          boost::asio::io_context context(1);
          const auto reaper = started(context);
          const pid_t first = start([] { return 1; });
          const pid_t orphan = start([] { return 5; });
          wait_for_zombie(first);
          wait_for_zombie(orphan);
          ExitStatus seen;
          reaper->expect(first, [&](ExitStatus) {
            const int fd = ::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
            const std::string last = std::to_string(orphan - 1);
            must(::write(fd, last.data(), last.size()) > 0, "write ns_last_pid");
            ::close(fd);
            const pid_t second = start([] { return 9; });
            must(second == orphan, "the pid was not given again");
            reaper->expect(second, [&](ExitStatus status) { seen = status; });
          });
          while (seen.code < 0) context.run_one();
          must(seen.code == 9, seen.describe());
          must(reaper->orphans_reaped() == 1, "orphans reaped");
          return std::string();
        }) == "");
}

TEST_CASE("SIGCHLD blocked or ignored by whoever started the process does not matter") {
  const auto body = [](bool blocked) {
    sigset_t all;
    sigfillset(&all);
    blocked ? ::sigprocmask(SIG_SETMASK, &all, nullptr) : (::signal(SIGCHLD, SIG_IGN), 0);
    boost::asio::io_context context(1);
    const auto reaper = started(context);
    bool ended = false;
    Pipe barrier;
    reaper->expect(start([&] {
                     wait_for_end(barrier);
                     return 0;
                   }),
                   [&](ExitStatus) { ended = true; });
    context.poll();
    barrier.close_out();
    while (!ended) context.run_one();
    return std::string();
  };
  CHECK(in_child([&] { return body(true); }) == "");
  CHECK(in_child([&] { return body(false); }) == "");
}

TEST_CASE("a destroyed reaper calls nobody") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          auto reaper = started(context);
          int calls = 0;
          for (int i = 0; i < 2; ++i) {
            const pid_t child = start([] { return 0; });
            wait_for_zombie(child);
            reaper->expect(child, [&](ExitStatus) {
              ++calls;
              reaper.reset();
            });
          }
          reaper->when_empty([&] { ++calls; });
          context.run();  // ends, for nothing is waited for any more
          must(calls == 1, "calls: " + std::to_string(calls));
          return std::string();
        }) == "");
}

TEST_CASE("when_empty without children is called soon, and not from inside") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          const auto reaper = started(context);
          int calls = 0;
          reaper->when_empty([&] { ++calls; });
          must(calls == 0, "called from inside");
          while (calls == 0) context.run_one();
          context.poll();
          must(calls == 1, "called more than once");
          return std::string();
        }) == "");
}

TEST_CASE("every descendant is signalled, whatever its name; zombies are not counted") {
  const auto body = [] {
    boost::asio::io_context context(1);
    const auto reaper = started(context);
    const pid_t zombie = start([] { return 0; });
    wait_for_zombie(zombie);
    Pipe ready;
    const auto stay = [&] {
      must(::write(ready.out, "x", 1) == 1, "write");
      for (;;) ::pause();
      return 0;
    };
    const pid_t child = start([&] {
      ::prctl(PR_SET_NAME, "a) Z 1 (b");  // a name that looks like the fields behind it
      start(stay);
      return stay();
    });
    char both[2];
    for (ssize_t got = 0; got < 2;) {
      const ssize_t size = ::read(ready.in, both, 2);
      must(size > 0 || errno == EINTR, "read");
      got += std::max<ssize_t>(size, 0);
    }
    const auto signalled = [&](int signal) {
      std::optional<std::size_t> count;
      reaper->signal_all(signal, [&](std::size_t number) { count = number; });
      while (!count) context.run_one();
      return *count;
    };
    must(signalled(0) == 2, "signalled");
    reaper->signal_all(SIGKILL, [](std::size_t) { must(false, "a walk that was given another end"); });
    must(signalled(0) == 2, "signalled by the second call");
    ExitStatus seen;
    reaper->expect(child, [&](ExitStatus status) { seen = status; });
    must(signalled(SIGKILL) == 2, "killed");
    bool empty = false;
    reaper->when_empty([&] { empty = true; });
    while (!empty) context.run_one();
    must(seen == ExitStatus{-1, SIGKILL, false}, seen.describe());
    must(signalled(SIGKILL) == 0, "signalled at the end");
    return std::string();
  };
  CHECK(in_child(body) == "");
  CHECK(as_pid_1(body) == "");
}
