#include "process/io/launcher.hpp"

#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>

using namespace lictor;
using scenario::in_child;
using scenario::must;
using scenario::Pipe;
using scenario::read_all;
using scenario::take_call_away;

namespace {

constexpr uid_t kNobody = 65534;

LaunchRequest shell(const std::string& script) { return {{"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}, {}, {}}; }

// Launches, and returns all that the child wrote to stdout and stderr. It must end with code 0.
std::string output_of(LaunchRequest request) {
  boost::asio::io_context context(1);
  Pipe pipe;
  request.output = pipe.out;
  const auto child = launch(context.get_executor(), request);
  if (!child) throw std::runtime_error(to_string(child.error()));
  pipe.close_out();
  const std::string text = read_all(pipe.in);
  int status = -1;
  while (::waitpid(child->pid, &status, 0) < 0) must(errno == EINTR, "waitpid");
  must(!child->report.failure(), "a failure told of what ran");
  must(status == 0, "status " + std::to_string(status) + ", output: " + text);
  return text;
}

// The problem of a launch that must fail, before there is a child or in the child, which has ended.
Problem problem_of(const LaunchRequest& request) {
  boost::asio::io_context context(1);
  const auto child = launch(context.get_executor(), request);
  int status = 127 << 8;
  while (::waitpid(-1, &status, 0) > 0) continue;
  must(status == 127 << 8, "status " + std::to_string(status));
  if (!child) return child.error();
  const auto failure = child->report.failure();
  must(failure.has_value(), "it was launched");
  return *failure;
}

struct Folder : TemporaryFolder {
  Folder() { ::chmod(path.c_str(), 0755); }
  std::string file(const std::string& name, const std::string& content, mode_t mode) {
    const std::string full = *this / name;
    std::ofstream(full) << content;
    ::chmod(full.c_str(), mode);
    return full;
  }
};

// Everything that a child must not inherit.
void make_a_mess() {
  ::umask(077);
  // Not SIGCHLD: who ignores that gets no statuses from the kernel, and output_of needs them.
  for (const int signal : {SIGPIPE, SIGINT, SIGHUP, SIGALRM, SIGRTMIN + 3}) ::signal(signal, SIG_IGN);
  sigset_t some;
  sigemptyset(&some);
  for (const int signal : {SIGTERM, SIGCHLD, SIGUSR1, SIGRTMAX}) sigaddset(&some, signal);
  ::sigprocmask(SIG_SETMASK, &some, nullptr);
  const int fd = ::memfd_create("lictor-leak", 0);
  must(::dup(fd) > 2 && ::dup2(fd, 77) == 77 && ::dup2(fd, 400) == 400, "dup");
}

}  // namespace

TEST_CASE("a child gets a clean slate whatever the launcher's own state", "[native]") {
  const auto body = [](bool with_close_range) {
    make_a_mess();
    if (!with_close_range) take_call_away(SYS_close_range);
    must(output_of(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status")) ==
             "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n",
         "signals");
    must(output_of(shell("umask")) == "0022\n", "umask");
    must(output_of(shell("readlink /proc/self/fd/0")) == "/dev/null\n", "stdin");
    must(output_of(shell("ls -l /proc/self/fd | grep lictor-leak || true")).empty(), "descriptors");
    // Fields 1 and 5 of stat: pid and process group.
    must(output_of(shell("read pid name state parent group rest < /proc/$$/stat; test $pid = $group")).empty(),
         "group");
    // The launcher's own mask is as before.
    sigset_t now;
    ::sigprocmask(SIG_SETMASK, nullptr, &now);
    must(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0, "own mask");
    return std::string();
  };
  CHECK(in_child([&] { return body(true); }) == "");
  CHECK(in_child([&] { return body(false); }) == "");
}

TEST_CASE("a child gets its arguments, its environment and its output as asked") {
  LaunchRequest request{{"/usr/bin/printf", "[%s]", "a b", "", "$x"}, {}, {}, {}};
  CHECK(output_of(request) == "[a b][][$x]");
  request = {{"/usr/bin/env"}, {"ONE=1", "TWO=a b"}, {}, {}};
  CHECK(output_of(request) == "ONE=1\nTWO=a b\n");
  CHECK(output_of(shell("echo out; echo err >&2")) == "out\nerr\n");
}

TEST_CASE("a child without a program ends with what it was to do") {
  LaunchRequest request;
  Pipe pipe;
  request.before = [fd = pipe.out]() -> Result<void> {
    must(::write(fd, "done", 4) == 4, "write");
    return {};
  };
  CHECK(output_of(request).empty());
  pipe.close_out();
  CHECK(read_all(pipe.in) == "done");
  request.before = [] { return Result<void>(Problem{"links", "locked", "wait", Exit::retry}); };
  CHECK(to_string(problem_of(request)) == "links: locked; wait");
  CHECK(problem_of(request).exit == Exit::retry);
}

TEST_CASE("a launcher without standard descriptors gives its child the right ones") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          Pipe pipe;
          auto request = shell("readlink /proc/self/fd/0; echo err >&2");
          request.output = pipe.out;
          for (const int fd : {0, 1, 2}) ::close(fd);
          must(launch(context.get_executor(), request).has_value(), "launch");
          pipe.close_out();
          must(read_all(pipe.in) == "/dev/null\nerr\n", "wrong");
          return std::string();
        }) == "");
}

TEST_CASE("a child runs as the user asked for") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  auto request = shell("echo $(id -u) $(id -g) $(id -G)");
  request.uid = kNobody;
  request.gid = 12345;
  CHECK(output_of(request) == "65534 12345 12345\n");

  // With the groups that are asked for, and nothing of lictor's own.
  request.rights = Rights{.groups = {4, 54321}};
  CHECK(output_of(request) == "65534 12345 12345 4 54321\n");
  request.rights.reset();

  CHECK(in_child([&] {
          must(::setgid(12345) == 0 && ::setuid(kNobody) == 0, "become nobody");
          must(output_of(request) == "65534 12345 12345\n", "its own ids");
          request.uid = 0;
          const Problem problem = problem_of(request);
          must(problem.exit == Exit::internal, "exit");
          must(problem.why == "set groups: Operation not permitted", problem.why);
          return std::string();
        }) == "");
}

TEST_CASE("a failed launch says why and leaves nothing running") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  Folder folder;
  Folder secret;
  ::chmod(secret.path.c_str(), 0700);
  struct Row {
    std::string path;
    std::optional<uid_t> uid;
    Exit exit;
    std::string why;
    std::string hint;
  };
  const Row rows[] = {
      {folder.path + "/missing", {}, Exit::not_found, "execute: No such file or directory", "install it"},
      {folder.path, {}, Exit::cannot_execute, "execute: Permission denied", "make it executable"},
      {folder.file("plain", "#!/bin/sh\n", 0644), {}, Exit::cannot_execute, "execute: Permission denied", "executable"},
      {folder.file("garbage", "\x01\x02", 0755), {}, Exit::cannot_execute, "execute: Exec format error", "machine"},
      {folder.file("orphaned", "#!/no/such/shell\n", 0755),
       {},
       Exit::not_found,
       "execute: No such file",
       "interpreter"},
      {secret.file("tool", "#!/bin/sh\n", 0755), kNobody, Exit::cannot_execute, "execute: Permission denied",
       "searchable"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CHECK(in_child([&] {
            const Problem problem = problem_of({{row.path}, {}, row.uid, {}});
            must(problem.exit == row.exit, "exit " + std::to_string(static_cast<int>(problem.exit)));
            must(problem.what == row.path, problem.what);
            must(problem.why.find(row.why) == 0, problem.why);
            must(problem.hint.find(row.hint) != std::string::npos, problem.hint);
            return std::string();
          }) == "");
  }
}

TEST_CASE("a failed launch does not run the launcher's own clean-up in the child") {
  Folder folder;
  const std::string garbage = folder.file("garbage", "\x01\x02", 0755);
  static Pipe* told = nullptr;
  CHECK(in_child([&] {
          Pipe pipe;
          told = &pipe;
          std::atexit([] { [[maybe_unused]] const auto size = ::write(told->out, "cleaned", 7); });
          problem_of({{garbage}, {}, {}, {}});
          pipe.close_out();
          must(read_all(pipe.in).empty(), "it did");
          return std::string();
        }) == "");
}

TEST_CASE("nobody waits for what a child does before it is the program") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          Pipe go;
          Pipe output;
          auto request = shell("id -u");
          request.output = output.out;
          request.uid = request.gid = kNobody;
          request.before = [&] {
            char c;
            must(::read(go.in, &c, 1) == 1 && c == 'g', "read");
            dprintf(output.out, "before, as %d; ", static_cast<int>(::geteuid()));
            return Result<void>{};
          };
          const auto child = launch(context.get_executor(), request);
          must(child.has_value(), "launch");
          must(!child->report.failure(), "told too early");
          must(::getpgid(child->pid) == child->pid, "no group yet");
          output.close_out();
          must(::write(go.out, "g", 1) == 1, "write");
          must(read_all(output.in) == "before, as 65534; 65534\n", "wrong");
          return std::string();
        }) == "");
}

TEST_CASE("where what comes before the program fails there is no program") {
  CHECK(in_child([] {
          const Problem failed{"/run/a\xff", "fsync: input/output error", "", Exit::retry};
          auto request = shell("echo it ran; exit 0");
          request.before = [&]() -> Result<void> { return failed; };
          const Problem problem = problem_of(request);
          must(problem.what == "/run/a\xef\xbf\xbd" && problem.why == failed.why && problem.exit == failed.exit,
               to_string(problem));
          request.before = []() -> Result<void> { throw std::runtime_error("no second lictor"); };
          boost::asio::io_context context(1);
          const auto child = launch(context.get_executor(), request);
          int status = 0;
          must(child.has_value() && ::waitpid(child->pid, &status, 0) == child->pid, "waitpid");
          must(WIFEXITED(status) && WEXITSTATUS(status) == 127, "status " + std::to_string(status));
          return std::string();
        }) == "");
}

TEST_CASE("a child dies with the launcher, whichever user it runs as") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  for (const bool other_user : {false, true}) {
    CAPTURE(other_user);
    CHECK(in_child([&] {
            Pipe life;  // open as long as the child lives
            const pid_t launcher = ::fork();
            if (launcher == 0) {
              boost::asio::io_context context(1);
              auto request = shell("echo ready; exec sleep 600");
              request.output = life.out;
              if (other_user) request.uid = request.gid = kNobody;
              ::_exit(launch(context.get_executor(), request) ? (::pause(), 0) : 1);
            }
            life.close_out();
            char text[6];
            must(::read(life.in, text, sizeof text) == 6, "not launched");
            ::kill(launcher, SIGKILL);
            read_all(life.in);
            return std::string();
          }) == "");
  }
}

TEST_CASE("a child that need not die with the launcher lives on") {
  CHECK(in_child([&] {
          ::prctl(PR_SET_CHILD_SUBREAPER, 1);
          Pipe order;
          Pipe answer;
          const pid_t launcher = ::fork();
          if (launcher == 0) {
            boost::asio::io_context context(1);
            // Waits on the far end of a pipe that it opens by the path of ours.
            auto request = shell("read line < /proc/" + std::to_string(::getppid()) + "/fd/" +
                                 std::to_string(order.in) + "; echo $line");
            request.output = answer.out;
            request.die_with_parent = false;
            ::_exit(launch(context.get_executor(), request) ? 0 : 1);
          }
          int status = -1;
          ::waitpid(launcher, &status, 0);
          must(status == 0, "not launched");
          answer.close_out();
          must(::write(order.out, "hello\n", 6) == 6, "write");
          must(read_all(answer.in) == "hello\n", "it did not live");
          return std::string();
        }) == "");
}

TEST_CASE("a signal set of the launcher still works after launches") {
  CHECK(in_child([] {
          boost::asio::io_context context(1);
          boost::asio::signal_set signals(context, SIGCHLD, SIGTERM);
          must(output_of(shell("true")).empty(), "output");
          must(launch(context.get_executor(), shell("exit 3")).has_value(), "launch");
          int seen = 0;
          signals.async_wait([&](boost::system::error_code, int signal) { seen = signal; });
          context.run();
          must(seen == SIGCHLD, "signal " + std::to_string(seen));
          return std::string();
        }) == "");
}
