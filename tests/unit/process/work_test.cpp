#include "process/io/work.hpp"

#include "test.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string stat_line(const std::string& name, const std::string& user, const std::string& system) {
  return "42 (" + name + ") S 1 42 42 0 -1 4194560 100 0 3 0 " + user + " " + system + " 7 7 20 0 9 0 1 2 3\n";
}

}  // namespace

TEST_CASE("what the kernel counts for a process", "[work]") {
  struct Row {
    const char* name;
    std::string stat, io;
    std::optional<ProcessWork> expected;
  };
  const std::string io =
      "rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 4096\nwrite_bytes: 12\ncancelled_write_bytes: 5\n";
  for (const Row& row : std::initializer_list<Row>{
           {"both", stat_line("consul", "150", "50"), io, ProcessWork{seconds(2), 4108}},
           {"a name with anything in it", stat_line("a) S 1 (b", "1", "0"), io, ProcessWork{milliseconds(10), 4108}},
           {"what was moved may not be seen", stat_line("consul", "0", "1"), "", ProcessWork{milliseconds(10), {}}},
           {"garbage there", stat_line("consul", "0", "1"), "read_bytes: x\nwrite_bytes: 1\n",
            ProcessWork{milliseconds(10), {}}},
           {"no such process", "", "", {}},
           {"cut short", "42 (consul) S 1 42 42 0", io, {}},
           {"no numbers", stat_line("consul", "-1", "x"), io, {}},
       }) {
    CAPTURE(row.name);
    CHECK(parse_work(row.stat, row.io, 100) == row.expected);
  }
  CHECK_FALSE(parse_work(stat_line("consul", "1", "1"), io, 0).has_value());
}

TEST_CASE("it works that has had more of a CPU than one that waits, or has moved bytes", "[work]") {
  const ProcessWork before{seconds(5), 1000};
  CHECK_FALSE(has_worked(before, before, seconds(1)));
  CHECK_FALSE(has_worked(before, {seconds(5) + milliseconds(10), 1000}, seconds(1)));  // it gossips
  CHECK(has_worked(before, {seconds(5) + milliseconds(20), 1000}, seconds(1)));
  CHECK_FALSE(has_worked(before, {seconds(5) + milliseconds(20), 1000}, seconds(2)));
  CHECK(has_worked(before, {seconds(5), 1001}, seconds(30)));
  CHECK_FALSE(has_worked({seconds(5), {}}, {seconds(5), 1001}, seconds(1)));
}

TEST_CASE("a process that computes works, one that waits does not", "[work]") {
  for (const bool busy : {true, false}) {
    CAPTURE(busy);
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      while (busy) ::getppid();
      ::pause();
      ::_exit(0);
    }
    WorkWatch watch;
    CHECK_FALSE(watch.works(pid));  // it has not been looked at before
    CHECK_FALSE(watch.works(pid));
    ::usleep(static_cast<useconds_t>((least_apart + milliseconds(50)).count()));
    CHECK(watch.works(pid) == busy);
    CHECK(watch.works(pid) == busy);
    CHECK_FALSE(watch.works(::getpid()));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    CHECK_FALSE(watch.works(pid));
    CHECK_FALSE(read_work(pid).has_value());
  }
}
