#include "network/address.hpp"

#include "hosts.hpp"
#include "test.hpp"

using namespace lictor;

TEST_CASE("bind_address chooses one address by the rules") {
  struct Row {
    const char* rule;
    BindRules rules;
    std::vector<Interface> host;
    const char* address;
    const char* interface;
  };
  const std::vector<Row> rows = {
      {"the only match", rules({"eth*"}), {lo, up("eth0", {v4("10.0.0.5")})}, "10.0.0.5", "eth0"},
      {"an exact name",
       rules({"eth1"}),
       {up("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "eth1"},
      {"the whole name must match",
       rules({"eth*"}),
       {up("veth0", {v4("10.0.0.4")}), up("eth0", {v4("10.0.0.5")})},
       "10.0.0.5",
       "eth0"},
      {"the order of globs, not of interfaces",
       rules({"em*", "eth*"}),
       {up("eth0", {v4("10.0.0.5")}), up("em1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "em1"},
      {"a later glob where the first matches nothing",
       rules({"em*", "eth*"}),
       {up("eth0", {v4("10.0.0.5")})},
       "10.0.0.5",
       "eth0"},
      {"a later glob where the first matches only a down interface",
       rules({"em*", "eth*"}),
       {down("em1", {v4("10.1.0.5")}), up("eth0", {v4("10.0.0.5")})},
       "10.0.0.5",
       "eth0"},
      {"a down interface is no candidate",
       rules({"eth*"}),
       {down("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "eth1"},
      {"of two the one with the default route",
       rules({"eth*"}),
       {up("eth0", {v4("10.0.0.5")}), routed(up("eth1", {v4("10.1.0.5")}))},
       "10.1.0.5",
       "eth1"},
      {"an IPv6 default route says nothing about IPv4",
       rules({"eth*"}),
       {routed_ipv6(up("eth0", {v4("10.0.0.5")})), routed(up("eth1", {v4("10.1.0.5")}))},
       "10.1.0.5",
       "eth1"},
      {"a default route elsewhere does not beat the glob's order",
       rules({"eth0", "eth*"}),
       {up("eth0", {v4("10.0.0.5")}), routed(up("eth1", {v4("10.1.0.5")}))},
       "10.0.0.5",
       "eth0"},
      {"link-local never counts",
       rules({"eth*"}),
       {up("eth0", {v4("169.254.3.4", 16)}), up("eth1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "eth1"},
      {"the primary address, not the secondary",
       rules({"eth*"}),
       {up("eth0", {secondary(v4("10.0.0.6")), v4("10.0.0.5")})},
       "10.0.0.5",
       "eth0"},
      {"a secondary address where no primary is usable",
       rules({"eth*"}, {"10.0.0.6/32"}),
       {up("eth0", {v4("10.0.0.5"), secondary(v4("10.0.0.6"))})},
       "10.0.0.6",
       "eth0"},
      {"bind.cidr settles two on one interface",
       rules({"eth*"}, {"10.1.0.0/16"}),
       {up("eth0", {v4("10.0.0.5"), v4("10.1.0.5")})},
       "10.1.0.5",
       "eth0"},
      {"any of several networks",
       rules({"eth*"}, {"172.16.0.0/12", "10.1.0.0/16"}),
       {up("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "eth1"},
      {"bind.cidr lets a later glob win",
       rules({"eth*", "em*"}, {"10.1.0.0/16"}),
       {up("eth0", {v4("10.0.0.5")}), up("em1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "em1"},
      {"IPv4 beside IPv6", rules({"eth*"}), {up("eth0", {v6("fd00::5"), v4("10.0.0.5")})}, "10.0.0.5", "eth0"},
      {"IPv6 beside IPv4 and link-local",
       rules_ipv6({"eth*"}),
       {up("eth0", {v4("10.0.0.5"), v6("fe80::1"), v6("fd00::5")})},
       "fd00::5",
       "eth0"},
      {"IPv6: a temporary address gives way",
       rules_ipv6({"eth*"}),
       {up("eth0", {secondary(v6("fd00::abcd")), v6("fd00::5")})},
       "fd00::5",
       "eth0"},
      {"IPv6: a tentative one does not count yet",
       rules_ipv6({"eth*"}),
       {up("eth0", {tentative(v6("fd00::4")), v6("fd00::5")})},
       "fd00::5",
       "eth0"},
      {"IPv6: a deprecated one counts no longer",
       rules_ipv6({"eth*"}),
       {up("eth0", {deprecated(v6("fd00::4")), v6("fd00::5")})},
       "fd00::5",
       "eth0"},
      {"IPv6: the IPv6 default route",
       rules_ipv6({"eth*"}),
       {routed(up("eth0", {v6("fd00::5")})), routed_ipv6(up("eth1", {v6("fd01::5")}))},
       "fd01::5",
       "eth1"},
      {"IPv6 and bind.cidr",
       rules_ipv6({"eth*"}, {"fd01::/16"}),
       {up("eth0", {v6("fd00::5"), v6("fd01::5")})},
       "fd01::5",
       "eth0"},
      {"loopback, if somebody wants it", rules({"lo"}), {lo}, "127.0.0.1", "lo"},
      {"of two default routes the one with the lower metric",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5")}), 100), routed(up("eth1", {v4("10.1.0.5")}), 200)},
       "10.0.0.5",
       "eth0"},
      {"the lower metric, whatever stands first",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5")}), 200), routed(up("eth1", {v4("10.1.0.5")}), 100)},
       "10.1.0.5",
       "eth1"},
      {"no metric is the lowest",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5")}), 100), routed(up("eth1", {v4("10.1.0.5")}))},
       "10.1.0.5",
       "eth1"},
      {"a better route by an interface that is no candidate does not count",
       rules({"eth*"}),
       {routed(up("wlan0", {v4("10.2.0.5")}), 50), routed(up("eth0", {v4("10.0.0.5")}), 100),
        up("eth1", {v4("10.1.0.5")})},
       "10.0.0.5",
       "eth0"},
      {"a route by an interface that is down does not count",
       rules({"eth*"}),
       {routed(down("eth0", {v4("10.0.0.5")}), 100), routed(up("eth1", {v4("10.1.0.5")}), 200)},
       "10.1.0.5",
       "eth1"},
      {"the source that the default route prefers",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5"), v4("10.1.0.5")}), 100, "10.1.0.5")},
       "10.1.0.5",
       "eth0"},
      {"the preferred source, though it is secondary",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5"), secondary(v4("10.0.0.6"))}), 0, "10.0.0.6")},
       "10.0.0.6",
       "eth0"},
      {"a preferred source outside of bind.cidr",
       rules({"eth*"}, {"10.0.0.0/16"}),
       {routed(up("eth0", {v4("10.0.0.5"), v4("10.1.0.5")}), 0, "10.1.0.5")},
       "10.0.0.5",
       "eth0"},
      {"a virtual address of one host beside the node's own",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5"), v4("10.0.0.100", 32)}))},
       "10.0.0.5",
       "eth0"},
      {"a virtual address that came first",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.100", 32), v4("10.0.0.5")}))},
       "10.0.0.5",
       "eth0"},
      {"a virtual address by another interface, no default route",
       rules({"eth*"}),
       {up("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.9.0.1", 32)})},
       "10.0.0.5",
       "eth0"},
      {"a host whose only address is of one host",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5", 32)}))},
       "10.0.0.5",
       "eth0"},
      {"a primary on one interface before a secondary on another",
       rules({"eth*"}, {"10.0.0.6/32", "10.1.0.0/16"}),
       {up("eth0", {v4("10.0.0.5"), secondary(v4("10.0.0.6"))}), up("eth1", {v4("10.1.0.5")})},
       "10.1.0.5",
       "eth1"},
      {"IPv6: global before unique local",
       rules_ipv6({"eth*"}),
       {routed_ipv6(up("eth0", {v6("fd00::5"), v6("2001:db8::5")}))},
       "2001:db8::5",
       "eth0"},
      {"IPv6: global before 6to4",
       rules_ipv6({"eth*"}),
       {routed_ipv6(up("eth0", {v6("2002:a00::5"), v6("2001:db8::5")}))},
       "2001:db8::5",
       "eth0"},
      {"IPv6: a stable unique local one before a temporary global one",
       rules_ipv6({"eth*"}),
       {routed_ipv6(up("eth0", {v6("fd00::5"), secondary(v6("2001:db8::abcd"))}))},
       "fd00::5",
       "eth0"},
      {"IPv6: one by DHCP (/128) gives way to one of the prefix",
       rules_ipv6({"eth*"}),
       {routed_ipv6(up("eth0", {v6("2001:db8::1234", 128), v6("2001:db8::5")}))},
       "2001:db8::5",
       "eth0"},
      {"IPv6: the lower metric",
       rules_ipv6({"eth*"}),
       {routed_ipv6(up("eth0", {v6("2001:db8::5")}), 1024), routed_ipv6(up("eth1", {v6("2001:db8:1::5")}), 512)},
       "2001:db8:1::5",
       "eth1"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule);
    const auto bind = bind_address(row.rules, row.host);
    INFO((bind ? "" : to_string(bind.error())));
    REQUIRE(bind.has_value());
    CHECK(bind->address == row.address);
    CHECK(bind->interface == row.interface);
    CHECK(contains(bind->origin, std::string(row.interface) + ", by bind.interface "));
    CHECK_FALSE(bind->notice);
  }
}

TEST_CASE("what a node has, it keeps while it is there and allowed") {
  struct Row {
    const char* rule;
    BindRules rules;
    std::vector<Interface> host;
    const char* held;
    const char* address;
  };
  const auto two = std::vector{up("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.1.0.5")})};
  const std::vector<Row> rows = {
      {"of several", rules({"eth*"}), two, "10.1.0.5", "10.1.0.5"},
      {"another interface gets the default route", rules({"eth*"}), {two[0], routed(two[1])}, "10.0.0.5", "10.0.0.5"},
      {"a better default route comes",
       rules({"eth*"}),
       {routed(two[0], 200), routed(two[1], 100)},
       "10.0.0.5",
       "10.0.0.5"},
      {"an earlier glob finds one, too",
       rules({"em*", "eth*"}),
       {two[0], up("em1", {v4("10.2.0.5")})},
       "10.0.0.5",
       "10.0.0.5"},
      {"a virtual address comes",
       rules({"eth*"}),
       {up("eth0", {v4("10.0.0.100", 32), v4("10.0.0.5")})},
       "10.0.0.5",
       "10.0.0.5"},
      {"it has become secondary",
       rules({"eth*"}),
       {up("eth0", {v4("10.0.0.7"), secondary(v4("10.0.0.5"))})},
       "10.0.0.5",
       "10.0.0.5"},
      {"it is on another interface by now",
       rules({"eth*"}),
       {two[0], up("eth2", {v4("10.9.0.5")})},
       "10.9.0.5",
       "10.9.0.5"},
      {"no carrier", rules({"eth*"}), {unplugged(two[0]), two[1]}, "10.0.0.5", "10.0.0.5"},
      {"its interface was taken down",
       rules({"eth*"}),
       {down("eth0", {v4("10.0.0.5")}), two[1]},
       "10.0.0.5",
       "10.1.0.5"},
      {"it is gone", rules({"eth*"}), two, "10.9.9.9", ""},
      {"it is gone, and one is left", rules({"eth*"}), {two[1]}, "10.0.0.5", "10.1.0.5"},
      {"bind.interface does not allow it any more", rules({"eth1"}), two, "10.0.0.5", "10.1.0.5"},
      {"bind.cidr does not allow it any more", rules({"eth*"}, {"10.1.0.0/16"}), two, "10.0.0.5", "10.1.0.5"},
      {"the family is another one",
       rules_ipv6({"eth*"}),
       {up("eth0", {v4("10.0.0.5"), v6("fd00::5")})},
       "10.0.0.5",
       "fd00::5"},
      {"IPv6: a second prefix comes",
       rules_ipv6({"eth*"}),
       {up("eth0", {v6("2001:db8::5"), v6("fd00::5")})},
       "fd00::5",
       "fd00::5"},
      {"IPv6: deprecated by now",
       rules_ipv6({"eth*"}),
       {up("eth0", {deprecated(v6("fd00::4")), v6("fd00::5")})},
       "fd00::4",
       "fd00::4"},
      {"IPv6: temporary, but in use",
       rules_ipv6({"eth*"}),
       {up("eth0", {secondary(v6("fd00::4")), v6("fd00::5")})},
       "fd00::4",
       "fd00::4"},
      {"IPv6: somebody else has it, too",
       rules_ipv6({"eth*"}),
       {up("eth0", {tentative(v6("fd00::4")), v6("fd00::5")})},
       "fd00::4",
       "fd00::5"},
      {"IPv6: spelt another way",
       rules_ipv6({"eth*"}),
       {up("eth0", {v6("fd00::4"), v6("fd00::5")})},
       "FD00:0::4",
       "fd00::4"},
      {"the user's word is stronger", configured("10.1.0.5"), two, "10.0.0.5", "10.1.0.5"},
      {"all addresses are none", configured("0.0.0.0"), two, "10.1.0.5", "10.1.0.5"},
      {"none is held", rules({"eth1"}), two, "", "10.1.0.5"},
      {"what is held is no address", rules({"eth1"}), two, "nonsense", "10.1.0.5"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule);
    const auto bind = bind_address(row.rules, row.host, row.held);
    CHECK((bind ? bind->address : "") == row.address);
  }
}

TEST_CASE("what is told of a choice is what decided it") {
  const auto origin = [](const std::vector<Interface>& host, const std::string& held = "") {
    const auto bind = bind_address(rules({"eth*"}), host, held);
    return bind ? bind->origin : to_string(bind.error());
  };
  const Interface eth0 = up("eth0", {v4("10.0.0.5")}), eth1 = up("eth1", {v4("10.1.0.5")});
  CHECK(origin({eth0}) == "eth0, by bind.interface eth*");
  CHECK(origin({eth0}, "10.0.0.5") == "eth0, by bind.interface eth*");
  CHECK(origin({eth0, routed(eth1)}) == "eth1, by bind.interface eth* and the default route");
  CHECK(origin({eth0, routed(eth1)}, "10.0.0.5") == "eth0, kept, by bind.interface eth*");
  CHECK(origin({up("eth0", {v4("10.0.0.5"), v4("10.0.0.100", 32)})}) ==
        "eth0, by bind.interface eth* and wider networks first");
}

TEST_CASE("the account of a choice names the rule that decided, and the one that each other address lost by") {
  struct Row {
    BindRules rules;
    std::vector<Interface> host;
    const char* held;
    std::vector<std::string> account;
  };
  const Interface eth0 = up("eth0", {v4("10.0.0.5")}), eth1 = up("eth1", {v4("10.1.0.5")});
  const Interface docker = up("docker0", {v4("172.17.0.1", 16)});
  const std::vector<Row> rows = {
      {rules({"eth*"}),
       {lo, up("eth0", {v4("10.0.0.5"), v6("fd00::5"), v4("169.254.1.1", 16)})},
       "",
       {"address: 10.0.0.5 on eth0 (the only one that can be taken)"}},
      {configured("10.1.0.5"),
       {eth0, eth1},
       "10.0.0.5",
       {"address: 10.1.0.5 on eth1 (bind_addr)", "passed over: 10.0.0.5/24 on eth0 (bind_addr)"}},
      {rules({"eth*"}),
       {eth0, eth1},
       "10.1.0.5",
       {"address: 10.1.0.5 on eth1 (the address that this node has)",
        "passed over: 10.0.0.5/24 on eth0 (the address that this node has)"}},
      {rules({"eth*"}),
       {routed(eth0, 200), routed(eth1, 100), up("eth2", {v4("10.2.0.5")}), docker},
       "",
       {"address: 10.1.0.5 on eth1 (the default route, metric 100)",
        "passed over: 10.2.0.5/24 on eth2 (the default route, it has none)",
        "passed over: 10.0.0.5/24 on eth0 (the default route, metric 200)",
        "passed over: 172.17.0.1/16 on docker0 (not named by bind.interface)"}},
      {rules({"eth1", "eth*"}),
       {eth0, eth1, down("eth2", {v4("10.2.0.5")})},
       "",
       {"address: 10.1.0.5 on eth1 (the order of bind.interface)",
        "passed over: 10.0.0.5/24 on eth0 (the order of bind.interface)",
        "passed over: 10.2.0.5/24 on eth2 (its interface is down)"}},
      {rules({"eth*"}, {"10.0.0.0/8"}),
       {up("eth0", {v4("10.0.0.100", 32), v4("10.0.0.5"), secondary(v4("10.0.0.6")), v4("192.0.2.1")})},
       "",
       {"address: 10.0.0.5 on eth0 (primary addresses first; wider networks first)",
        "passed over: 10.0.0.100/32 on eth0 (wider networks first)",
        "passed over: 10.0.0.6/24 on eth0 (primary addresses first)", "passed over: 192.0.2.1/24 on eth0 (bind.cidr)"}},
      {rules_ipv6({"eth*"}),
       {up("eth0", {tentative(v6("fd00::4")), deprecated(v6("fd00::3")), v6("fd00::5"), v6("2001:db8::5")})},
       "",
       {"address: 2001:db8::5 on eth0 (global addresses first)",
        "passed over: fd00::5/64 on eth0 (global addresses first)", "passed over: fd00::3/64 on eth0 (deprecated)",
        "passed over: fd00::4/64 on eth0 (tentative or a duplicate)"}},
      {rules({"eth*"}), {eth0, eth1}, "", {}},
  };
  for (const auto& row : rows) {
    const AddressChoice choice = choose_address(row.rules, row.host, row.held);
    CHECK(account_of(choice, row.host) == row.account);
  }
  Interface many = up("eth0", {v4("10.0.0.5")});
  for (int i = 0; i < 100; ++i) many.addresses.push_back(v4("10.9.0." + std::to_string(i), 32));
  CHECK(account_of(choose_address(rules({"eth*"}), {many}), {many}).size() == 17);
}

TEST_CASE("one address on two interfaces is one") {
  const Interface eth0 = up("eth0", {v4("10.0.0.5")}), eth1 = up("eth1", {v4("10.0.0.5")});
  const auto bind = bind_address(rules({"eth*"}), {eth0, eth1});
  REQUIRE(bind.has_value());
  CHECK(bind->interface == "eth0");
}
