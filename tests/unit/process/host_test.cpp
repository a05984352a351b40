#include "process/io/host.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <vector>

#include "identity/identity.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace lictor;
namespace fs = std::filesystem;

namespace {

// Plays the root of a host.
struct Root : TemporaryFolder {
  std::string put(const std::string& file, const std::string& content, mode_t mode = 0644) const {
    const std::string full = path + file;
    fs::create_directories(fs::path(full).parent_path());
    std::ofstream(full, std::ios::binary) << content;
    ::chmod(full.c_str(), mode);
    return full;
  }
};

using Text = std::optional<std::string>;

}  // namespace

TEST_CASE("machine_hash tells machines apart, is stable, and does not show the id") {
  const std::string id = "0f1e2d3c4b5a69780123456789abcdef";
  const std::string product = "12345678-90AB-CDEF-1234-567890ABCDEF\n";
  const auto hash_of = [](const char* machine, const char* uuid) {
    const Root root;
    if (machine) root.put("/etc/machine-id", machine);
    if (uuid) root.put("/sys/class/dmi/id/product_uuid", uuid);
    return machine_hash(root.path);
  };
  const std::string hash = hash_of((id + "\n").c_str(), product.c_str());
  CHECK(std::regex_match(hash, std::regex("[0-9a-f]{32}")));
  CHECK(hash != id);
  // Kept in data directories: a version that computed another one would take every node for a clone.
  CHECK(hash == "57571d46a9b260a7b06b3668c4e6418b");
  CHECK(hash_of(id.c_str(), nullptr) == hash);

  std::set<std::string> seen = {hash};
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string other = id;
    other[i] = other[i] == '0' ? '1' : '0';
    seen.insert(hash_of(other.c_str(), nullptr));
  }
  CHECK(seen.size() == id.size() + 1);

  const std::string by_product = hash_of(nullptr, product.c_str());
  CHECK(by_product.size() == 32);
  CHECK(hash_of("", product.c_str()) == by_product);
  CHECK(hash_of("\n", product.c_str()) == by_product);
  CHECK(hash_of("uninitialized\n", product.c_str()) == by_product);
  CHECK(hash_of(nullptr, "12345678-90ab-cdef-1234-567890abcdef") == by_product);
  CHECK(hash_of(nullptr, nullptr).empty());
  CHECK(hash_of("", "").empty());
}

TEST_CASE("host name, random ids and the time") {
  char name[256] = "";
  REQUIRE(::gethostname(name, sizeof name) == 0);
  CHECK(host_name() == name);

  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_uuid();
    CHECK(parse_uuid(id) == id);
    CHECK(id[14] == '4');
    ids.insert(id);
  }
  CHECK(ids.size() == 1000);

  const auto seconds = [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); };
  const auto before = seconds();
  const std::string now = now_rfc3339();
  const auto after = seconds();
  CHECK(std::regex_match(now, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ")));
  std::tm broken{};
  REQUIRE(::strptime(now.c_str(), "%Y-%m-%dT%H:%M:%SZ", &broken) != nullptr);
  CHECK(::timegm(&broken) >= before);
  CHECK(::timegm(&broken) <= after);
}

TEST_CASE("read_cgroup finds the process's own files in every layout") {
  struct File {
    const char* path;
    const char* content;
  };
  struct Row {
    const char* layout;
    std::vector<File> files;
    Text cpu_max, memory_max, quota, period, limit;
  };
  const std::vector<Row> rows = {
      {"no cgroups", {}, {}, {}, {}, {}, {}},
      {"v2, own path",
       {{"/proc/self/cgroup", "0::/system.slice/lictor.service\n"},
        {"/sys/fs/cgroup/system.slice/lictor.service/cpu.max", "50000 100000\n"},
        {"/sys/fs/cgroup/system.slice/lictor.service/memory.max", "104857600\n"},
        {"/sys/fs/cgroup/memory.max", "1\n"}},
       "50000 100000",
       "104857600",
       {},
       {},
       {}},
      {"v2, a cgroup namespace",
       {{"/proc/self/cgroup", "0::/\n"},
        {"/sys/fs/cgroup/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/memory.max", "max\n"}},
       "max 100000",
       "max",
       {},
       {},
       {}},
      {"v2, the host's path over a container's mount",
       {{"/proc/self/cgroup", "0::/kubepods/pod1/c1\n"}, {"/sys/fs/cgroup/cpu.max", "20000 100000\n"}},
       "20000 100000",
       {},
       {},
       {},
       {}},
      {"v2, moved out of its namespace's root",
       {{"/proc/self/cgroup", "0::/../other\n"},
        {"/sys/fs/other/memory.max", "666\n"},
        {"/sys/fs/cgroup/memory.max", "1000\n"}},
       {},
       "1000",
       {},
       {},
       {}},
      {"v2, the host's root has no limits",
       {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cgroup.procs", "1\n"}},
       {},
       {},
       {},
       {},
       {}},
      {"v1",
       {{"/proc/self/cgroup", "4:memory:/m\n3:cpuset:/\n2:cpu,cpuacct:/c\n1:name=systemd:/\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "150000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "209715200\n"}},
       {},
       {},
       "150000",
       "100000",
       "209715200"},
      {"v1, a container",
       {{"/proc/self/cgroup", "4:memory:/docker/abc\n1:cpu:/docker/abc\n"},
        {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
        {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
       {},
       {},
       "-1",
       "100000",
       "9223372036854771712"},
      {"hybrid",
       {{"/proc/self/cgroup", "4:memory:/m\n1:cpu:/c\n0::/u\n"},
        {"/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "50000\n"},
        {"/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1048576\n"},
        {"/sys/fs/cgroup/unified/u/memory.max", "2097152\n"}},
       {},
       "2097152",
       "50000",
       "100000",
       "1048576"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.layout);
    const Root root;
    for (const auto& file : row.files) root.put(file.path, file.content);
    const auto cgroup = read_cgroup(root.path);
    CHECK(cgroup.cpu_max == row.cpu_max);
    CHECK(cgroup.memory_max == row.memory_max);
    CHECK(cgroup.cfs_quota_us == row.quota);
    CHECK(cgroup.cfs_period_us == row.period);
    CHECK(cgroup.limit_in_bytes == row.limit);
  }
}

TEST_CASE("host_cpus counts those this process may run on") {
  cpu_set_t all;
  REQUIRE(::sched_getaffinity(0, sizeof all, &all) == 0);
  CHECK(host_cpus() == CPU_COUNT(&all));
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  const int cpus = host_cpus();
  REQUIRE(::sched_setaffinity(0, sizeof all, &all) == 0);
  CHECK(cpus == 1);
}

TEST_CASE("find_binary: by path or on PATH, and what stands in the way") {
  const Root root;
  root.put("/a/notes", "text", 0644);
  root.put("/b/consul", "#!", 0755);
  root.put("/c/consul", "#!", 0755);
  root.put("/a/consul", "text", 0644);
  fs::create_directories(root.path + "/d/consul");
  fs::create_symlink("consul", root.path + "/c/link");
  fs::create_symlink("nowhere", root.path + "/c/dangling");
  const auto on = [&](const std::string& folders) {
    std::string path;
    for (const char c : folders) path += (path.empty() ? "" : ":") + root.path + "/" + c;
    return Environment{{"PATH", path}};
  };
  struct Row {
    std::string name;
    Environment environment;
    std::string found;  // below the root; empty: the exit counts
    Exit exit;
  };
  const std::vector<Row> rows = {
      {"consul", on("bc"), "/b/consul", Exit::ok},
      {"consul", on("cb"), "/c/consul", Exit::ok},
      {"consul", on("adb"), "/b/consul", Exit::ok},  // what can't be executed is passed over
      {"link", on("c"), "/c/link", Exit::ok},
      {root.path + "/c/consul", on("b"), "/c/consul", Exit::ok},
      {"consul", on("a"), "", Exit::cannot_execute},
      {"consul", on("d"), "", Exit::cannot_execute},
      {root.path + "/a/notes", on("b"), "", Exit::cannot_execute},
      {root.path + "/b", on("b"), "", Exit::cannot_execute},
      {"consul", on("e"), "", Exit::not_found},
      {"dangling", on("c"), "", Exit::not_found},
      {"consul", Environment{{"PATH", ""}}, "", Exit::not_found},
      {"", on("b"), "", Exit::not_found},
      {root.path + "/e/consul", on("b"), "", Exit::not_found},
      {root.path + "/b/consul/x", on("b"), "", Exit::not_found},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name, row.found);
    const auto binary = find_binary(row.name, row.environment);
    REQUIRE(binary.has_value() == !row.found.empty());
    if (binary) {
      CHECK(*binary == root.path + row.found);
    } else {
      CHECK(binary.error().exit == row.exit);
      CHECK_FALSE(binary.error().hint.empty());
    }
  }
  CHECK(find_binary("sh", {}).has_value());

  const auto here = fs::current_path();
  fs::current_path(root.path);
  const auto relative = find_binary("b/consul", {});
  const auto in_current = find_binary("consul", Environment{{"PATH", ".:b::"}});
  fs::current_path(here);
  REQUIRE(relative.has_value());
  CHECK(*relative == root.path + "/b/consul");
  CHECK_FALSE(in_current.has_value());
}

TEST_CASE("current_environment is the process's own") {
  REQUIRE(::setenv("LICTOR_HOST_TEST", "a=b", 1) == 0);
  REQUIRE(::setenv("LICTOR_HOST_TEST_EMPTY", "", 1) == 0);
  const auto environment = current_environment();
  ::unsetenv("LICTOR_HOST_TEST");
  ::unsetenv("LICTOR_HOST_TEST_EMPTY");
  CHECK(environment.at("LICTOR_HOST_TEST") == "a=b");
  CHECK(environment.at("LICTOR_HOST_TEST_EMPTY").empty());
  CHECK(current_environment().count("LICTOR_HOST_TEST") == 0);
}

TEST_CASE("a UDP port is taken, free, or can't be told") {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  socklen_t size = sizeof name;
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  const int port = ntohs(name.sin_port);
  CHECK(udp_port_taken("127.0.0.1", port) == true);
  close(fd);
  CHECK(udp_port_taken("127.0.0.1", port) == false);
  CHECK_FALSE(udp_port_taken("192.0.2.1", port).has_value());  // documentation's address: on no host
  CHECK_FALSE(udp_port_taken("{{ GetPrivateIP }}", port).has_value());
}
