// What the kernel's answers say of interfaces, addresses and routes, and that no bytes do harm.
#include "network/io/interfaces_parse.hpp"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <random>
#include <string>
#include <vector>

#include "network/io/interfaces.hpp"
#include "own_network.hpp"
#include "test.hpp"

using namespace lictor;
using namespace own_network;

namespace {

std::string dump() {
  std::string bytes;
  const auto done = dump_interfaces([&](std::string_view part) { bytes += part; });
  REQUIRE(done.has_value());
  return bytes;
}

std::vector<Interface> parse(std::string_view bytes) {
  std::vector<Interface> interfaces;
  parse_interfaces(bytes, interfaces);
  return interfaces;
}

template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

std::string attribute(unsigned type, const std::string& value) {
  rtattr head{};
  head.rta_len = static_cast<unsigned short>(sizeof head + value.size());
  head.rta_type = static_cast<unsigned short>(type);
  return padded(bytes_of(head) + value);
}

std::string message(std::uint16_t type, const std::string& payload) {
  nlmsghdr head{};
  head.nlmsg_len = static_cast<std::uint32_t>(sizeof head + payload.size());
  head.nlmsg_type = type;
  return padded(bytes_of(head) + payload);
}

std::string link(int index, const std::string& name, unsigned flags, const std::string& more = "") {
  ifinfomsg head{};
  head.ifi_index = index;
  head.ifi_flags = flags;
  return message(RTM_NEWLINK, bytes_of(head) + attribute(IFLA_IFNAME, name + '\0') + more);
}

std::string packed(const std::string& address) {
  std::string bytes(address.find(':') == std::string::npos ? 4 : 16, '\0');
  REQUIRE(inet_pton(bytes.size() == 4 ? AF_INET : AF_INET6, address.c_str(), bytes.data()) == 1);
  return bytes;
}

std::string address(unsigned index, const std::string& text, unsigned flags, const std::string& more = "") {
  ifaddrmsg head{};
  head.ifa_family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  head.ifa_prefixlen = 24;
  head.ifa_flags = static_cast<unsigned char>(flags);
  head.ifa_index = index;
  return message(RTM_NEWADDR, bytes_of(head) + attribute(IFA_ADDRESS, packed(text)) + more);
}

std::string route(unsigned char family, unsigned char table, unsigned char type, unsigned char length,
                  const std::string& attributes) {
  rtmsg head{};
  head.rtm_family = family;
  head.rtm_table = table;
  head.rtm_type = type;
  head.rtm_dst_len = length;
  return message(RTM_NEWROUTE, bytes_of(head) + attributes);
}

std::string next_hop(int index) {
  rtnexthop hop{};
  hop.rtnh_len = sizeof hop + 8;
  hop.rtnh_ifindex = index;
  return bytes_of(hop) + attribute(RTA_GATEWAY, packed("10.0.0.1"));
}

constexpr unsigned running = IFF_UP | IFF_RUNNING;

}  // namespace

TEST_CASE("parse_interfaces: up means up and operational, as the kernel says") {
  struct Row {
    const char* state;
    unsigned flags;
    unsigned char operstate;
    bool up;
  };
  const std::vector<Row> rows = {
      {"up", IFF_UP | IFF_RUNNING | (1U << 16), 6, true},
      {"a driver that reports no state, as dummy and loopback", running, 0, true},
      {"no carrier", IFF_UP, 2, false},
      {"carrier, but dormant: 802.1X has not let it in yet", IFF_UP | (1U << 16), 5, false},
      {"administratively down", IFF_RUNNING, 2, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.state);
    const auto all =
        parse(link(7, "eth0", row.flags, attribute(IFLA_OPERSTATE, std::string(1, static_cast<char>(row.operstate)))));
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "eth0");
    CHECK(all[0].index == 7);
    CHECK(all[0].up == row.up);
  }
}

TEST_CASE("parse_interfaces: what kind of address it is") {
  const auto wide = [](std::uint32_t flags) { return attribute(IFA_FLAGS, bytes_of(flags)); };
  struct Row {
    std::string bytes;
    const char* address;
    bool link_local, secondary, unusable, deprecated;
  };
  const std::vector<Row> rows = {
      {address(1, "10.0.0.5", IFA_F_PERMANENT), "10.0.0.5", false, false, false, false},
      {address(1, "169.254.1.2", 0), "169.254.1.2", true, false, false, false},
      {address(1, "10.0.0.6", IFA_F_SECONDARY), "10.0.0.6", false, true, false, false},
      {address(1, "10.9.9.9", 0, attribute(IFA_LOCAL, packed("10.0.0.7"))), "10.0.0.7", false, false, false, false},
      {address(1, "fd00::5", 0), "fd00::5", false, false, false, false},
      {address(1, "fe80::1", 0), "fe80::1", true, false, false, false},
      {address(1, "fd00::6", 0, wide(IFA_F_TEMPORARY)), "fd00::6", false, true, false, false},
      {address(1, "fd00::7", IFA_F_TENTATIVE), "fd00::7", false, false, true, false},
      {address(1, "fd00::7", 0, wide(IFA_F_TENTATIVE)), "fd00::7", false, false, true, false},
      {address(1, "fd00::8", 0, wide(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)), "fd00::8", false, false, false, false},
      {address(1, "fd00::9", 0, wide(IFA_F_DADFAILED)), "fd00::9", false, false, true, false},
      {address(1, "fd00::a", 0, wide(IFA_F_DEPRECATED | IFA_F_NOPREFIXROUTE)), "fd00::a", false, false, false, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address);
    const auto all = parse(link(1, "eth0", running) + row.bytes);
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].addresses.size() == 1);
    const auto& a = all[0].addresses[0];
    CHECK(a.address == row.address);
    CHECK(a.prefix == 24);
    CHECK(a.ipv6 == (a.address.find(':') != std::string::npos));
    CHECK(a.link_local == row.link_local);
    CHECK(a.secondary == row.secondary);
    CHECK(a.unusable == row.unusable);
    CHECK(a.deprecated == row.deprecated);
  }
}

TEST_CASE("parse_interfaces: which interface carries a default route of the main table") {
  const auto out = attribute(RTA_OIF, bytes_of(1));
  const auto wide_table = [](std::uint32_t table) { return attribute(RTA_TABLE, bytes_of(table)); };
  struct Row {
    const char* what;
    std::string bytes;
    bool first, second, first_ipv6;
  };
  const std::vector<Row> rows = {
      {"IPv4", route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 0, out), true, false, false},
      {"IPv6", route(AF_INET6, RT_TABLE_MAIN, RTN_UNICAST, 0, out), false, false, true},
      {"no default route", route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 8, out), false, false, false},
      {"another table", route(AF_INET, 100, RTN_UNICAST, 0, out), false, false, false},
      {"a table beyond 255", route(AF_INET, RT_TABLE_COMPAT, RTN_UNICAST, 0, wide_table(1000) + out), false, false,
       false},
      {"the main table in long form", route(AF_INET, 0, RTN_UNICAST, 0, wide_table(254) + out), true, false, false},
      {"unreachable", route(AF_INET6, RT_TABLE_MAIN, RTN_UNREACHABLE, 0, out), false, false, false},
      {"multipath", route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 0, attribute(RTA_MULTIPATH, next_hop(2) + next_hop(1))),
       true, true, false},
      {"an interface nobody knows", route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 0, attribute(RTA_OIF, bytes_of(99))),
       false, false, false},
      {"multicast routing", route(RTNL_FAMILY_IPMR, RT_TABLE_MAIN, RTN_UNICAST, 0, out), false, false, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto all = parse(link(1, "eth0", running) + link(2, "eth1", running) + row.bytes);
    REQUIRE(all.size() == 2);
    CHECK(all[0].default_ipv4.has_value() == row.first);
    CHECK(all[1].default_ipv4.has_value() == row.second);
    CHECK(all[0].default_ipv6.has_value() == row.first_ipv6);
    CHECK_FALSE(all[1].default_ipv6);
  }
}

TEST_CASE("of an interface's default routes the one with the lowest metric counts, with the source that it prefers") {
  const auto by = [](unsigned char family, unsigned metric, const std::string& more = "") {
    return route(family, RT_TABLE_MAIN, RTN_UNICAST, 0,
                 attribute(RTA_OIF, bytes_of(1)) + attribute(RTA_PRIORITY, bytes_of(metric)) + more);
  };
  const std::string source = attribute(RTA_PREFSRC, std::string("\x0a\0\0\x05", 4));
  const auto all = parse(link(1, "eth0", running) + by(AF_INET, 200) + by(AF_INET, 100, source) + by(AF_INET, 300) +
                         by(AF_INET6, 1024));
  REQUIRE(all.at(0).default_ipv4);
  CHECK(all[0].default_ipv4->metric == 100);
  CHECK(all[0].default_ipv4->source == "10.0.0.5");
  REQUIRE(all[0].default_ipv6);
  CHECK(all[0].default_ipv6->metric == 1024);
  CHECK(all[0].default_ipv6->source.empty());
}

TEST_CASE("a plain default route has its place among them") {
  const std::string gateway = attribute(RTA_GATEWAY, std::string("\x0a\0\0\x01", 4));
  const auto by = [&](int index, const std::string& more) {
    return route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 0, gateway + attribute(RTA_OIF, bytes_of(index)) + more);
  };
  const std::string links = link(1, "eth0", running) + link(2, "eth1", running) + link(3, "eth2", running);
  struct Row {
    const char* what;
    std::string bytes;
    int first, second, third;
  };
  const std::string priority = attribute(RTA_PRIORITY, bytes_of(100));
  const std::vector<Row> rows = {
      {"none", "", 0, 0, 0},
      {"in the kernel's order", by(3, "") + by(1, priority), 2, 0, 1},
      {"the first of two by one link", by(2, "") + by(1, "") + by(2, priority), 2, 1, 0},
      {"no gateway", route(AF_INET, RT_TABLE_MAIN, RTN_UNICAST, 0, attribute(RTA_OIF, bytes_of(1))) + by(2, ""), 0, 1,
       0},
      {"a nexthop object", by(1, attribute(RTA_NH_ID, bytes_of(7))) + by(2, ""), 0, 1, 0},
      {"a source", by(1, attribute(RTA_SRC, bytes_of(7))) + by(2, ""), 0, 1, 0},
      {"an encapsulation", by(1, attribute(RTA_ENCAP, bytes_of(7))) + by(2, ""), 0, 1, 0},
      {"several gateways", by(1, attribute(RTA_MULTIPATH, next_hop(1) + next_hop(2))) + by(3, ""), 0, 0, 1},
      {"IPv6", route(AF_INET6, RT_TABLE_MAIN, RTN_UNICAST, 0, gateway + attribute(RTA_OIF, bytes_of(1))), 0, 0, 0},
      {"another table", route(AF_INET, 100, RTN_UNICAST, 0, gateway + attribute(RTA_OIF, bytes_of(1))), 0, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const auto all = parse(links + row.bytes);
    REQUIRE(all.size() == 3);
    CHECK(all[0].default_via == row.first);
    CHECK(all[1].default_via == row.second);
    CHECK(all[2].default_via == row.third);
  }
}

TEST_CASE("parse_interfaces survives a real dump cut at every length and bent at every byte") {
  const OwnNetwork network;
  network.ip(pair_up);
  network.ip({"addr add 10.0.0.5/24 dev eth0", "-6 addr add fd00::5/64 dev eth0 nodad", "link set lo up",
              "route add default nexthop via 10.0.0.1 dev eth0 weight 1 nexthop via 10.0.0.2 dev eth0 weight 2"});
  const std::string whole = dump();
  const auto all = parse(whole);
  REQUIRE(all.size() == 3);

  for (std::size_t length = 0; length < whole.size(); ++length) {
    // A copy of exactly this size, so that a sanitizer sees one byte too many.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const auto some = parse({cut.data(), cut.size()});
    CAPTURE(length);
    REQUIRE(some.size() <= all.size());
    for (std::size_t i = 0; i < some.size(); ++i) {
      REQUIRE(some[i].name == all[i].name);
      REQUIRE(some[i].addresses.size() <= all[i].addresses.size());
    }
  }

  std::mt19937 random(1);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bent : {0, 1, 4, 0x7f, 0xff, static_cast<int>(random() & 0xff)}) {
      std::vector<char> bytes(whole.begin(), whole.end());
      bytes[at] = static_cast<char>(bent);
      for (const auto& interface : parse({bytes.data(), bytes.size()})) {
        if (interface.name.empty() || interface.name.size() >= IFNAMSIZ) FAIL("a name of impossible length");
        for (const auto& a : interface.addresses) {
          if (!literal_address(a.address) || a.prefix < 0 || a.prefix > 128) FAIL("an impossible address");
        }
      }
    }
  }
  for (int round = 0; round < 2000; ++round) {
    std::vector<char> noise(random() % 300);
    for (char& c : noise) c = static_cast<char>(random());
    parse({noise.data(), noise.size()});
  }
}
