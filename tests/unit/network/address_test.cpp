#include "network/address.hpp"

#include "hosts.hpp"
#include "test.hpp"

using namespace lictor;

TEST_CASE("bind_address refuses to guess and to go without, and says what it saw") {
  struct Row {
    const char* rule;
    BindRules rules;
    std::vector<Interface> host;
    Exit exit;
    std::vector<std::string> said;
  };
  const auto two = std::vector{up("eth0", {v4("10.0.0.5")}), up("eth1", {v4("10.1.0.5", 16)})};
  const std::vector<Row> rows = {
      {"two, no default route",
       rules({"eth*"}),
       two,
       Exit::retry,
       {"eth0 10.0.0.5/24", "eth1 10.1.0.5/16", "bind.interface", "bind.cidr"}},
      {"two, both with a default route",
       rules({"eth*"}),
       {routed(two[0]), routed(two[1])},
       Exit::retry,
       {"eth0 10.0.0.5/24", "eth1 10.1.0.5/16", "bind.interface"}},
      {"ambiguous at the first glob: the second is not asked",
       rules({"eth*", "em*"}),
       {two[0], two[1], up("em1", {v4("10.2.0.5")})},
       Exit::retry,
       {"eth0 10.0.0.5/24", "eth1 10.1.0.5/16"}},
      {"two primary addresses on one interface",
       rules({"eth*"}),
       {routed(up("eth0", {v4("10.0.0.5"), v4("10.1.0.5")}))},
       Exit::retry,
       {"eth0 10.0.0.5/24", "eth0 10.1.0.5/24", "set bind.cidr"}},
      {"two secondary ones and no usable primary",
       rules({"eth*"}, {"10.1.0.0/16"}),
       {up("eth0", {v4("10.0.0.5"), secondary(v4("10.1.0.6")), secondary(v4("10.1.0.7"))})},
       Exit::retry,
       {"10.1.0.6", "10.1.0.7", "bind.cidr"}},
      {"two default routes of one metric",
       rules({"eth*"}),
       {routed(two[0], 100), routed(two[1], 100)},
       Exit::retry,
       {"eth0 10.0.0.5/24", "eth1 10.1.0.5/16", "bind.interface"}},
      {"two virtual addresses, and not yet the node's own",
       rules({"eth*"}),
       {up("eth0", {v4("10.0.0.100", 32), v4("10.0.0.101", 32)})},
       Exit::retry,
       {"10.0.0.100/32", "10.0.0.101/32"}},
      {"two IPv6 ones on one interface",
       rules_ipv6({"eth*"}),
       {up("eth0", {v6("fd00::5"), v6("fd00::6")})},
       Exit::retry,
       {"fd00::5/64", "fd00::6/64", "fd00::5/128"}},
      {"no interface at all", rules({"eth*"}), {}, Exit::retry, {"ipv4", "eth*", "none"}},
      {"nothing matches", rules({"eth*", "em*"}), {lo}, Exit::retry, {"eth*, em*", "lo 127.0.0.1/8"}},
      {"only down", rules({"eth*"}), {down("eth0", {v4("10.0.0.5")})}, Exit::retry, {"eth0 down 10.0.0.5/24"}},
      {"no address yet", rules({"eth*"}), {up("eth0", {})}, Exit::retry, {"eth0 without address"}},
      {"only link-local", rules({"eth*"}), {up("eth0", {v4("169.254.3.4", 16)})}, Exit::retry, {"169.254.3.4/16"}},
      {"only the other family", rules_ipv6({"eth*"}), two, Exit::retry, {"ipv6", "bind.family"}},
      {"outside of bind.cidr", rules({"eth*"}, {"172.16.0.0/12"}), two, Exit::retry, {"172.16.0.0/12", "bind.cidr"}},
      {"only tentative",
       rules_ipv6({"eth*"}),
       {up("eth0", {tentative(v6("fd00::5"))})},
       Exit::retry,
       {"fd00::5/64 (tentative)"}},
      {"only deprecated",
       rules_ipv6({"eth*"}),
       {up("eth0", {deprecated(v6("fd00::5"))})},
       Exit::retry,
       {"fd00::5/64 (deprecated)"}},
      {"a literal that is not here", configured("10.9.9.9"), two, Exit::retry, {"10.9.9.9", "eth0 10.0.0.5/24"}},
      {"a literal that is still tentative",
       configured("fd00::5"),
       {up("eth0", {tentative(v6("fd00::5"))})},
       Exit::retry,
       {"fd00::5"}},
      {"a literal loopback without loopback", configured("127.0.0.1"), two, Exit::retry, {"127.0.0.1"}},
      {"neither address nor template", configured("10.0.0.300"), two, Exit::config, {"10.0.0.300", "template"}},
      {"all addresses, and nothing to choose from", configured("0.0.0.0"), {lo}, Exit::retry, {"eth*"}},
      {"a template that nobody evaluated", configured("{{ GetPrivateIP }}"), two, Exit::config, {"neither"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.rule);
    const auto bind = bind_address(row.rules, row.host);
    REQUIRE_FALSE(bind.has_value());
    CHECK(bind.error().exit == row.exit);
    CHECK_FALSE(bind.error().hint.empty());
    for (const auto& part : row.said) {
      CAPTURE(part, to_string(bind.error()));
      CHECK(contains(to_string(bind.error()), part));
    }
  }
}

TEST_CASE("an ambiguity lists only the candidates") {
  const auto bind = bind_address(rules({"eth*"}), {lo, up("eth0", {v4("10.0.0.5"), v6("fd00::5")}),
                                                   up("eth1", {v4("10.1.0.5")}), down("eth2", {})});
  REQUIRE_FALSE(bind.has_value());
  for (const char* part : {"127.0.0.1", "fd00::5", "eth2"}) {
    CAPTURE(part, to_string(bind.error()));
    CHECK_FALSE(contains(to_string(bind.error()), part));
  }
}

TEST_CASE("what the agent settings say of bind_addr") {
  const std::vector<Interface> host = {lo, up("eth0", {v4("10.0.0.5"), v6("fd00::5"), deprecated(v6("fd00::6"))}),
                                       down("em1", {v4("10.1.0.5")})};
  struct Row {
    const char* bind_addr;
    const char* address;
    const char* interface;
    bool gave_way;
  };
  const std::vector<Row> rows = {
      {"10.0.0.5", "10.0.0.5", "eth0", false},
      {"10.1.0.5", "10.1.0.5", "em1", false},  // outside of the globs and without a carrier, but the user's word
      {"fd00::5", "fd00::5", "eth0", false},
      {"FD00:0::0005", "fd00::5", "eth0", false},
      {"[fd00::5]", "fd00::5", "eth0", false},
      {"fd00::6", "fd00::6", "eth0", false},
      {"127.0.0.1", "127.0.0.1", "lo", false},
      {"127.0.0.2", "127.0.0.2", "lo", false},
      {"::1", "::1", "lo", false},
      {"", "10.0.0.5", "eth0", false},
      {"0.0.0.0", "10.0.0.5", "eth0", true},
      {"::", "10.0.0.5", "eth0", true},
      {"[::]", "10.0.0.5", "eth0", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.bind_addr);
    const auto bind = bind_address(configured(row.bind_addr), host);
    INFO((bind ? "" : to_string(bind.error())));
    REQUIRE(bind.has_value());
    CHECK(bind->address == row.address);
    CHECK(bind->interface == row.interface);
    REQUIRE(bind->notice.has_value() == row.gave_way);
    if (row.gave_way) CHECK(contains(*bind->notice, row.address));
    if (!row.gave_way && *row.bind_addr) CHECK(bind->origin == std::string(row.interface) + ", by bind_addr");
  }
}

TEST_CASE("networks and literal addresses") {
  struct Row {
    const char* address;
    const char* cidr;
    bool inside;
  };
  const std::vector<Row> rows = {
      {"10.0.0.5", "10.0.0.0/8", true},   {"11.0.0.5", "10.0.0.0/8", false},   {"10.0.0.5", "10.0.0.5/32", true},
      {"10.0.0.4", "10.0.0.5/32", false}, {"10.0.0.127", "10.0.0.0/25", true}, {"10.0.0.128", "10.0.0.0/25", false},
      {"192.0.2.1", "0.0.0.0/0", true},   {"10.0.0.5", "10.9.9.9/8", true},    {"fd00::5", "fd00::/8", true},
      {"fc00::5", "fd00::/8", false},     {"fd00::5", "fd00::5/128", true},    {"fd00::4", "fd00::5/128", false},
      {"febf::1", "fe80::/10", true},     {"fec0::1", "fe80::/10", false},     {"10.0.0.5", "::/0", false},
      {"fd00::5", "0.0.0.0/0", false},    {"10.0.0.5", "10.0.0.0", false},     {"10.0.0.5", "10.0.0.0/", false},
      {"10.0.0.5", "10.0.0.0/33", false}, {"10.0.0.5", "10.0.0.0/8x", false},  {"10.0.0.5", "10.0.0.0/-1", false},
      {"10.0.0.5", "ten/8", false},       {"nonsense", "10.0.0.0/8", false},   {"10.0.0.5", "", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address, row.cidr);
    CHECK(in_network(row.address, row.cidr) == row.inside);
  }
  for (const char* good : {"10.0.0.0/8", "0.0.0.0/0", "10.0.0.5/32", "fd00::/8", "::/0", "::1/128"}) {
    CAPTURE(good);
    CHECK(valid_network(good));
  }
  for (const char* bad : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0/8", "10.0.0.0/8 ", "a/8"}) {
    CAPTURE(bad);
    CHECK_FALSE(valid_network(bad));
  }
  for (const char* good : {"10.0.0.5", "0.0.0.0", "::", "fd00::5", "::ffff:10.0.0.5"}) {
    CAPTURE(good);
    CHECK(literal_address(good));
  }
  for (const char* bad : {"", "10.0.0", "10.0.0.256", "10.0.0.5 ", "fe80::1%eth0", "[::1]", "localhost", "{{ x }}"}) {
    CAPTURE(bad);
    CHECK_FALSE(literal_address(bad));
  }
  CHECK_FALSE(literal_address(std::string("10.0.0.5\0", 9)));
}
