// The kernel's news of interfaces, addresses and routes.
#include "network/io/interfaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <string>

#include "files/io/files.hpp"
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

void choose_a_late_address(int family) {
  const OwnNetwork network;
  boost::asio::io_context io;
  Result<BindAddress> bind = Problem{};
  BindRules rules;
  rules.globs = {"eth*"};
  rules.ipv6 = family == AF_INET6;
  const auto look = [&] {
    const auto all = list_interfaces();
    REQUIRE(all.has_value());
    bind = bind_address(rules, *all);
  };
  const auto watch = watch_interfaces(io.get_executor(), look);
  REQUIRE(watch.has_value());
  look();
  REQUIRE_FALSE(bind.has_value());
  CHECK(bind.error().exit == Exit::retry);

  network.ip(pair_up);
  // Without nodad: the IPv6 address is tentative for a second or two.
  network.ip({rules.ipv6 ? "-6 addr add fd00::5/64 dev eth0" : "addr add 10.0.0.5/24 dev eth0"});
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!bind.has_value() && io.run_one_until(deadline) != 0) {
  }
  REQUIRE(bind.has_value());
  CHECK(bind->address == (rules.ipv6 ? "fd00::5" : "10.0.0.5"));

  const int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  void* const place = rules.ipv6 ? static_cast<void*>(&v6.sin6_addr) : static_cast<void*>(&v4.sin_addr);
  CHECK(inet_pton(family, bind->address.c_str(), place) == 1);
  CHECK((rules.ipv6 ? ::bind(fd, reinterpret_cast<const sockaddr*>(&v6), sizeof v6)
                    : ::bind(fd, reinterpret_cast<const sockaddr*>(&v4), sizeof v4)) == 0);
  ::close(fd);
}

}  // namespace

TEST_CASE("watch_interfaces: an address that comes late is waited for, and can be bound to when it is chosen") {
  choose_a_late_address(AF_INET);
  choose_a_late_address(AF_INET6);
}

TEST_CASE("watch_interfaces merges a burst into one call, and is silent otherwise") {
  const OwnNetwork network;
  network.ip({"link add eth0 type veth peer name far0"});
  boost::asio::io_context io;
  int calls = 0;
  const auto watch = watch_interfaces(io.get_executor(), [&] { ++calls; });
  REQUIRE(watch.has_value());
  CHECK(calls == 0);
  io.poll();
  CHECK(calls == 0);

  network.ip({"addr add 10.0.0.5/24 dev eth0", "addr add 10.0.0.6/24 dev eth0", "addr del 10.0.0.6/24 dev eth0"});
  REQUIRE(io.run_one_for(10s) == 1);
  CHECK(calls == 1);
  io.poll();
  CHECK(calls == 1);

  network.ip({"addr del 10.0.0.5/24 dev eth0"});
  REQUIRE(io.run_one_for(10s) == 1);
  CHECK(calls == 2);
}

TEST_CASE("watch_interfaces takes lost messages for a change and goes on") {
  const OwnNetwork network;
  network.ip({"link add eth0 type veth peer name far0"});
  boost::asio::io_context io;
  int calls = 0;
  const auto watch = watch_interfaces(io.get_executor(), [&] { ++calls; });
  REQUIRE(watch.has_value());
  // More news than a socket's buffer holds.
  REQUIRE(std::system("for i in $(seq 1 4000); do echo link set eth0 mtu $((1000 + i % 2)); done | ip -batch -") == 0);
  REQUIRE(io.run_one_for(10s) == 1);
  CHECK(calls == 1);
  io.poll();
  CHECK(calls == 1);
  network.ip({"addr add 10.0.0.5/24 dev eth0"});
  REQUIRE(io.run_one_for(10s) == 1);
  CHECK(calls == 2);
}

TEST_CASE("watch_interfaces stops when it is destroyed, also by its own call") {
  const OwnNetwork network;
  network.ip({"link add eth0 type veth peer name far0"});
  boost::asio::io_context io;
  int calls = 0;
  std::unique_ptr<DescriptorWatch> watch;
  auto started = watch_interfaces(io.get_executor(), [&] {
    ++calls;
    watch.reset();
  });
  REQUIRE(started.has_value());
  watch = std::move(*started);
  network.ip({"addr add 10.0.0.5/24 dev eth0"});
  // Ends because nothing is left to wait for.
  io.run_for(10s);
  CHECK(io.stopped());
  CHECK(calls == 1);

  auto second = watch_interfaces(io.get_executor(), [&] { ++calls; });
  REQUIRE(second.has_value());
  network.ip({"addr del 10.0.0.5/24 dev eth0"});
  second->reset();
  io.restart();
  io.run_for(10s);
  CHECK(io.stopped());
  CHECK(calls == 1);
}
