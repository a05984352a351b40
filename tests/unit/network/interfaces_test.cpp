// What is found of this host's interfaces, and when.
#include "network/io/interfaces.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <tuple>

#include "hosts.hpp"
#include "network/io/interfaces_parse.hpp"
#include "own_network.hpp"
#include "scenario.hpp"
#include "test.hpp"

using namespace lictor;
using namespace own_network;
using namespace std::chrono_literals;
using scenario::in_child;
using scenario::must;
using scenario::take_call_away;

namespace {

Interface get(const std::string& name) {
  const auto all = list_interfaces();
  REQUIRE(all.has_value());
  for (const auto& interface : *all) {
    if (interface.name == name) return interface;
  }
  return {};
}

const InterfaceAddress* find(const Interface& interface, const std::string& address) {
  for (const auto& a : interface.addresses) {
    if (a.address == address) return &a;
  }
  return nullptr;
}

// Waits for `fact` as lictor does: asked once, and again whenever the watch calls. False: not within ten seconds.
template <class Fact>
bool comes_true(const Fact& fact) {
  boost::asio::io_context io;
  bool is_true = false;
  const auto watch = watch_interfaces(io.get_executor(), [&] { is_true = fact(); });
  REQUIRE(watch.has_value());
  is_true = fact();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!is_true && io.run_one_until(deadline) != 0) {
  }
  return is_true;
}

}  // namespace

TEST_CASE("list_interfaces says what ip was told") {
  const OwnNetwork network;
  network.ip(pair_up);
  network.ip({"link add em1 type veth peer name far1", "addr add 10.0.0.5/24 dev eth0", "addr add 10.0.0.6/24 dev eth0",
              "addr add 10.3.0.1 peer 10.3.0.2/30 dev eth0", "addr add 169.254.7.7/16 dev eth0",
              "-6 addr add fd00::5/64 dev eth0 nodad", "-6 addr add fd00::6/64 dev eth0 nodad preferred_lft 0",
              "addr add 10.1.0.5/16 dev em1", "link set lo up"});
  REQUIRE(comes_true([] { return get("eth0").up; }));

  const auto eth0 = get("eth0");
  CHECK(eth0.index > 0);
  CHECK_FALSE(eth0.default_ipv4);
  struct Row {
    const char* address;
    int prefix;
    bool secondary, link_local, deprecated;
  };
  for (const auto& row : {Row{"10.0.0.5", 24, false, false, false}, Row{"10.0.0.6", 24, true, false, false},
                          Row{"10.3.0.1", 30, false, false, false}, Row{"169.254.7.7", 16, false, true, false},
                          Row{"fd00::5", 64, false, false, false}, Row{"fd00::6", 64, false, false, true}}) {
    CAPTURE(row.address);
    const auto* const a = find(eth0, row.address);
    REQUIRE(a != nullptr);
    CHECK(a->prefix == row.prefix);
    CHECK(a->secondary == row.secondary);
    CHECK(a->link_local == row.link_local);
    CHECK(a->deprecated == row.deprecated);
    CHECK_FALSE(a->unusable);
  }
  const auto em1 = get("em1");
  CHECK_FALSE(em1.up);
  CHECK(find(em1, "10.1.0.5") != nullptr);
  // Loopback reports no operational state, only that it runs.
  const auto loopback = get("lo");
  CHECK(loopback.up);
  CHECK(find(loopback, "127.0.0.1") != nullptr);
  CHECK(get("none").name.empty());
}

TEST_CASE("list_interfaces finds the default route of each family") {
  const OwnNetwork network;
  network.ip(pair_up);
  network.ip({"link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up",
              "addr add 10.0.0.5/24 dev eth0", "addr add 10.1.0.5/24 dev eth1", "-6 addr add fd00::5/64 dev eth1 nodad",
              "route add default via 10.0.0.1 dev eth0", "-6 route add default via fd00::1 dev eth1",
              "route add default via 10.1.0.1 dev eth1 table 100"});
  CHECK(get("eth0").default_ipv4);
  CHECK_FALSE(get("eth1").default_ipv4);
  CHECK_FALSE(get("eth0").default_ipv6);
  CHECK(get("eth1").default_ipv6);

  network.ip({"route del default", "route add default nexthop via 10.0.0.1 dev eth0 nexthop via 10.1.0.1 dev eth1"});
  CHECK(get("eth0").default_ipv4);
  CHECK(get("eth1").default_ipv4);
  network.ip({"route del default"});
  CHECK_FALSE(get("eth0").default_ipv4);
}

TEST_CASE("a carrier that goes and comes back is noticed") {
  const OwnNetwork network;
  network.ip(pair_up);
  REQUIRE(comes_true([] { return get("eth0").up; }));
  network.ip({"link set far0 down"});
  CHECK(comes_true([] { return !get("eth0").up; }));
  network.ip({"link set far0 up"});
  CHECK(comes_true([] { return get("eth0").up; }));
}

TEST_CASE("list_interfaces, while links and addresses come and go: what stays is there, and each look ends") {
  const OwnNetwork network;
  network.ip(pair_up);
  network.ip({"addr add 10.0.0.5/24 dev eth0"});
  // More than one answer of the kernel's holds.
  REQUIRE(std::system("for i in $(seq 4096); do echo addr add 10.$((16 + i / 256)).$((i % 256)).1/32 dev eth0; done |"
                      " ip -batch -") == 0);
  std::atomic<bool> over = false;
  std::thread changing([&over] {  // in the same network
    while (!over)
      std::ignore = std::system(
          "ip link add passing type veth peer name by; ip addr add 10.200.0.1/24 dev passing;"
          " ip addr del 10.16.1.1/32 dev eth0; ip addr add 10.16.1.1/32 dev eth0;"
          " ip link del passing");
  });
  const auto end = std::chrono::steady_clock::now() + 20s;
  int interrupted = 0, looks = 0, decided = 0;
  while ((interrupted == 0 || looks < 100) && std::chrono::steady_clock::now() < end) {
    const auto consistent = dump_interfaces([](std::string_view) {});
    const auto all = list_interfaces();
    decided += consistent && all && bind_address(rules({"eth*"}, {"10.0.0.0/24"}), *all).has_value();
    interrupted += consistent && !*consistent;
    ++looks;
  }
  over = true;
  changing.join();
  CHECK(decided == looks);
  CHECK(interrupted > 0);
}

TEST_CASE("list_interfaces takes well under a millisecond and leaves nothing open") {
  const OwnNetwork network;
  network.ip(pair_up);
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = open_files();
  auto fastest = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(list_interfaces().has_value());
    fastest = std::min(fastest, std::chrono::steady_clock::now() - start);
  }
  CHECK(open_files() == before);
  // The best of fifty: other work on the machine must not make this fail.
  CHECK(std::chrono::duration<double, std::milli>(fastest).count() < 1.0);
}

TEST_CASE("list_interfaces by a child: the same, told from the executor; in the call where there can be no child",
          "[native]") {
  const OwnNetwork network;
  network.ip(pair_up);
  network.ip({"addr add 10.0.0.5/24 dev eth0"});
  // Of more links than fit a pipe.
  REQUIRE(std::system("for i in $(seq 50); do echo link add a$i type veth peer name b$i; done | ip -batch -") == 0);
  enum class Told { later, inside };
  // `call`: one that the kernel does not know.
  const auto asked = [](Told told, std::optional<unsigned> call) {
    return in_child([&] {
      const auto expected = list_interfaces();
      boost::asio::io_context io(1);
      const auto reaper = Reaper::start(io.get_executor());
      must(expected && reaper, "start");
      if (call) take_call_away(*call);
      std::optional<Interfaces> seen;
      list_interfaces(io.get_executor(), **reaper, [&](const Interfaces& interfaces) { seen = interfaces; });
      must(seen.has_value() == (told == Told::inside), "told at the wrong time");
      while (!seen) must(io.run_one_for(10s) == 1, "not told");
      if (!*seen) return to_string(seen->error());
      must(describe(**seen) == describe(*expected), describe(**seen));
      return std::string();
    });
  };
  CHECK(asked(Told::later, {}) == "");
  CHECK(asked(Told::inside, SYS_memfd_create) == "");
  CHECK(asked(Told::later, SYS_socket) == "network interfaces: netlink socket: function not implemented; try again");
}
