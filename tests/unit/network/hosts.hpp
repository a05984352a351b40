// Hosts as values: interfaces, their addresses and routes, and rules to choose by.
#pragma once

#include "network/address.hpp"

#include <net/if.h>

#include <string>
#include <utility>
#include <vector>

namespace lictor {

inline InterfaceAddress v4(const std::string& address, int prefix = 24) {
  InterfaceAddress a;
  a.address = address;
  a.prefix = prefix;
  a.link_local = address.rfind("169.254.", 0) == 0;
  return a;
}

inline InterfaceAddress v6(const std::string& address, int prefix = 64) {
  InterfaceAddress a = v4(address, prefix);
  a.ipv6 = true;
  a.link_local = address.rfind("fe80:", 0) == 0;
  return a;
}

inline InterfaceAddress secondary(InterfaceAddress a) {
  a.secondary = true;
  return a;
}

inline InterfaceAddress tentative(InterfaceAddress a) {
  a.unusable = true;
  return a;
}

inline InterfaceAddress deprecated(InterfaceAddress a) {
  a.deprecated = true;
  return a;
}

inline Interface up(const std::string& name, std::vector<InterfaceAddress> addresses) {
  Interface i;
  i.name = name;
  i.up = true;
  i.addresses = std::move(addresses);
  return i;
}

inline Interface down(const std::string& name, std::vector<InterfaceAddress> addresses) {
  Interface i = up(name, std::move(addresses));
  i.up = false;
  return i;
}

inline Interface routed(Interface i, unsigned metric = 0, const std::string& source = "") {
  i.default_ipv4 = DefaultRoute{metric, source};
  return i;
}

inline Interface routed_ipv6(Interface i, unsigned metric = 1024) {
  i.default_ipv6 = DefaultRoute{metric};
  return i;
}

// Administratively up, and no carrier.
inline Interface unplugged(Interface i) {
  i.up = false;
  i.flags = IFF_UP;
  return i;
}

inline BindRules rules(std::vector<std::string> globs, std::vector<std::string> cidr = {}) {
  BindRules r;
  r.globs = std::move(globs);
  r.cidr = std::move(cidr);
  return r;
}

inline BindRules rules_ipv6(std::vector<std::string> globs, std::vector<std::string> cidr = {}) {
  BindRules r = rules(std::move(globs), std::move(cidr));
  r.ipv6 = true;
  return r;
}

inline BindRules configured(const std::string& bind_addr) {
  BindRules r = rules({"eth*"});
  r.configured = bind_addr;
  return r;
}

inline const Interface lo = up("lo", {v4("127.0.0.1", 8), v6("::1", 128)});

}  // namespace lictor
