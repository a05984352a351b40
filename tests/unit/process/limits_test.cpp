#include "process/limits.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("limits of a cgroup in the Go runtime's words", "[limits]") {
  const std::optional<std::string> none;
  struct Row {
    const char* name;
    CgroupFiles files;
    int host_cpus;
    std::optional<int> gomaxprocs;
    std::optional<std::int64_t> gomemlimit;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"no cgroup", {}, 8, {}, {}},
           {"v2 without limits", {"max 100000\n", "max\n", none, none, none}, 8, {}, {}},
           {"v2, half a CPU", {"50000 100000\n", "1073741824\n", none, none, none}, 8, 1, 966367642},
           {"v2, two and a bit are three", {"200001 100000", none, none, none, none}, 8, 3, {}},
           {"exactly two", {"200000 100000", none, none, none, none}, 8, 2, {}},
           {"quota of the whole host", {"800000 100000", none, none, none, none}, 8, {}, {}},
           {"quota above the host", {"900000 100000", none, none, none, none}, 8, {}, {}},
           {"v1 without limits", {none, none, "-1\n", "100000\n", "9223372036854771712\n"}, 8, {}, {}},
           {"v1", {none, none, "150000\n", "100000\n", "1000\n"}, 8, 2, 900},
           {"hybrid: the tighter one", {"300000 100000", "2000", "150000", "100000", "1000"}, 8, 2, 900},
           {"hybrid, the other way", {"100000 100000", "1000", "150000", "100000", "2000"}, 8, 1, 900},
           {"hybrid, v1 unlimited", {"100000 100000", "1000", "-1", "100000", "9223372036854771712"}, 8, 1, 900},
           {"garbage", {"much", "1G", "x", "y", "-5"}, 8, {}, {}},
           {"period of zero", {"50000 0", "0", "50000", "0", ""}, 8, {}, {}},
           {"quota alone", {"50000", none, "50000", none, none}, 8, {}, {}},
           {"too big a number", {"99999999999999999999 1", "99999999999999999999", none, none, none}, 8, {}, {}},
           {"largest v1 limit", {none, none, none, none, "4611686018427387904"}, 8, {}, 4150517416584649114},
       }) {
    CAPTURE(row.name);
    const Limits limits = limits_of(row.files, row.host_cpus);
    CHECK(limits.gomaxprocs == row.gomaxprocs);
    CHECK(limits.gomemlimit == row.gomemlimit);
  }
}

TEST_CASE("the cgroup's path for a controller", "[limits]") {
  const std::string hybrid =
      "12:cpu,cpuacct:/docker/a:b\n4:memory:/docker/c\n1:name=systemd:/init.scope\n0::/unified\n";
  struct Row {
    std::string text, controller;
    std::optional<std::string> path;
  };
  for (const Row& row : std::initializer_list<Row>{
           {hybrid, "cpu", "/docker/a:b"},
           {hybrid, "memory", "/docker/c"},
           {hybrid, "", "/unified"},
           {hybrid, "acct", std::nullopt},
           {hybrid, "pids", std::nullopt},
           {"0::/\n", "", "/"},
           {"0::/\n", "cpu", std::nullopt},
           {"4:memory:/m\n", "", std::nullopt},
           {"nonsense\n::\n", "cpu", std::nullopt},
           {"", "", std::nullopt},
       }) {
    CAPTURE(row.text, row.controller);
    CHECK(cgroup_path(row.text, row.controller) == row.path);
  }
}
