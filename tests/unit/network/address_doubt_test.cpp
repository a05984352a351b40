#include "network/address.hpp"

#include "hosts.hpp"
#include "test.hpp"

using namespace lictor;

TEST_CASE("a choice is in doubt while a better one may come") {
  const Interface eth0 = up("eth0", {v4("10.0.0.5")}), eth1 = up("eth1", {});
  const auto in_doubt = [](const std::vector<Interface>& host, const std::string& held = "",
                           const BindRules& by = rules({"eth*", "em*"})) {
    const auto bind = bind_address(by, host, held);
    REQUIRE(bind.has_value());
    return !bind->doubt.empty();
  };
  const auto flagged = [](Interface i, unsigned flags) {
    i.flags |= flags;
    return i;
  };
  CHECK_FALSE(in_doubt({lo, eth0}));
  CHECK(in_doubt({lo, eth0, eth1}));  // it may yet have the route
  CHECK(in_doubt({eth0, unplugged(up("eth1", {v4("10.1.0.5")}))}));
  CHECK(in_doubt({eth0, down("eth1", {})}));
  CHECK_FALSE(in_doubt({routed(eth0), eth1}));                    // it has
  CHECK(in_doubt({routed_ipv6(eth0), eth1}));                     // that of another family
  CHECK_FALSE(in_doubt({eth0, up("wlan0", {}), up("em1", {})}));  // neither would be taken
  CHECK(in_doubt({up("eth1", {}), up("em0", {v4("10.0.0.5")})}));
  CHECK_FALSE(in_doubt({eth0, flagged(eth1, IFF_NOARP)}));
  CHECK_FALSE(in_doubt({eth0, flagged(eth1, IFF_SLAVE)}));
  CHECK(in_doubt({eth0, up("eth1", {v6("fe80::1"), v6("fd00::5")})}));
  CHECK_FALSE(in_doubt({eth0, eth1}, "", configured("10.0.0.5")));

  CHECK(in_doubt({up("eth0", {v4("10.0.0.100", 32)})}));  // a virtual address, before the host's own
  CHECK_FALSE(in_doubt({routed(up("eth0", {v4("10.0.0.100", 32)}))}));
  CHECK(in_doubt({up("eth0", {v6("fd00::100", 128)})}, "", rules_ipv6({"eth*"})));

  CHECK_FALSE(in_doubt({eth0, eth1}, "10.0.0.5"));
  CHECK(in_doubt({routed(eth0), eth1}, "10.1.0.5"));  // what it had may yet come
  CHECK_FALSE(in_doubt({routed(eth0)}, "10.1.0.5"));
  CHECK_FALSE(in_doubt({routed(eth0), up("dummy0", {v4("10.1.0.5")}), eth1}, "10.1.0.5"));  // it has, elsewhere
}

TEST_CASE("a node listens where it is advertised") {
  struct Row {
    const char* rule;
    std::optional<std::string> bind_addr;
    std::string advertised, held;
    const char* address;     // "": it is waited for
    const char* everywhere;  // bind_addr that stays
  };
  const auto host = std::vector{lo, up("eth0", {v4("10.0.0.5")}), up("ens5", {v4("10.1.0.5")})};
  const Row rows[] = {
      {"nothing is advertised", {}, "", "", "10.0.0.5", ""},
      {"another interface, which bind.interface would not take", {}, "10.1.0.5", "", "10.1.0.5", ""},
      {"though the node has had another one", {}, "10.1.0.5", "10.0.0.5", "10.1.0.5", ""},
      {"a router's", {}, "203.0.113.5", "", "10.0.0.5", ""},
      {"gone, which the node has had", {}, "10.1.0.7", "10.1.0.7", "", ""},
      {"all are listened on", "0.0.0.0", "10.1.0.5", "", "10.1.0.5", "0.0.0.0"},
      {"all, in Consul's spelling", "[::]", "10.1.0.5", "", "10.1.0.5", "::"},
      {"all, and a router's", "0.0.0.0", "203.0.113.5", "", "203.0.113.5", "0.0.0.0"},
      {"all, and gone", "0.0.0.0", "10.1.0.7", "10.1.0.7", "10.1.0.7", "0.0.0.0"},
      {"all, and nothing is advertised", "0.0.0.0", "", "", "10.0.0.5", ""},
      {"the user says where to listen", "10.0.0.5", "10.1.0.5", "", "10.0.0.5", ""},
      {"what is advertised is no address", {}, "nonsense", "", "10.0.0.5", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    BindRules by = rules({"eth*"});
    by.configured = row.bind_addr;
    by.advertised = row.advertised;
    const auto bind = bind_address(by, host, row.held);
    CHECK((bind ? bind->address : "") == row.address);
    CHECK((bind ? bind->everywhere.value_or("") : "") == row.everywhere);
  }
}
