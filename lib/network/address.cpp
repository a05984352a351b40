#include "network/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.hpp"

namespace lictor {
namespace {

// An address as the network has it; comparing these makes every spelling of one IPv6 address equal.
struct Bytes {
  bool ipv6 = false;
  std::array<unsigned char, 16> value{};
  unsigned bits() const { return ipv6 ? 128 : 32; }
  bool unspecified() const { return value == std::array<unsigned char, 16>{}; }
  bool operator==(const Bytes&) const = default;
};

std::optional<Bytes> parse_address(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Bytes bytes;
  if (inet_pton(AF_INET, text.c_str(), bytes.value.data()) == 1) return bytes;
  bytes.ipv6 = true;
  if (inet_pton(AF_INET6, text.c_str(), bytes.value.data()) == 1) return bytes;
  return std::nullopt;
}

struct Network {
  Bytes base;
  unsigned prefix = 0;
};

std::optional<Network> parse_network(const std::string& cidr) {
  const auto slash = cidr.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto base = parse_address(cidr.substr(0, slash));
  const auto prefix = whole_number<unsigned>(std::string_view(cidr).substr(slash + 1));
  if (!base || !prefix || *prefix > base->bits()) return std::nullopt;
  return Network{*base, *prefix};
}

bool contains(const Network& network, const Bytes& address) {
  if (network.base.ipv6 != address.ipv6) return false;
  const auto whole = network.prefix / 8;
  if (std::memcmp(network.base.value.data(), address.value.data(), whole) != 0) return false;
  const unsigned rest = network.prefix % 8;
  return rest == 0 || ((network.base.value[whole] ^ address.value[whole]) >> (8 - rest)) == 0;
}

struct Candidate {
  const Interface* interface;
  const InterfaceAddress* address;
};

std::string with_prefix(const InterfaceAddress& address) {
  return address.address + "/" + std::to_string(address.prefix);
}

std::vector<Candidate> usable(const BindRules& rules, const Interface& interface) {
  std::vector<Candidate> primary;
  std::vector<Candidate> secondary;
  for (const auto& a : interface.addresses) {
    const bool inside = rules.cidr.empty() || std::any_of(rules.cidr.begin(), rules.cidr.end(), [&](const auto& cidr) {
                          return in_network(a.address, cidr);
                        });
    if (a.ipv6 != rules.ipv6 || a.link_local || a.unusable || a.deprecated || !inside) continue;
    (a.secondary ? secondary : primary).push_back({&interface, &a});
  }
  return primary.empty() ? secondary : primary;
}

Problem ambiguous(const std::string& glob, const std::vector<Candidate>& candidates) {
  std::vector<std::string> names;
  bool one_interface = true;
  for (const auto& c : candidates) {
    names.push_back(c.interface->name + " " + with_prefix(*c.address));
    one_interface = one_interface && c.interface == candidates.front().interface;
  }
  return Problem{
      "bind.interface",
      glob + " matches " + std::to_string(candidates.size()) + " usable addresses (" + join(names, ", ") +
          ") and the default route does not tell them apart",
      std::string(one_interface ? "set bind.cidr" : "name one interface in bind.interface, or set bind.cidr") +
          " to a network that holds only one of them, such as " + candidates.front().address->address +
          (candidates.front().address->ipv6 ? "/128" : "/32"),
      Exit::config};
}

Result<BindAddress> choose(const BindRules& rules, const std::vector<Interface>& interfaces) {
  for (const auto& glob : rules.globs) {
    std::vector<Candidate> candidates;
    for (const auto& interface : interfaces) {
      if (!interface.up || !glob_match(glob, interface.name)) continue;
      const auto found = usable(rules, interface);
      candidates.insert(candidates.end(), found.begin(), found.end());
    }
    if (candidates.empty()) continue;
    std::string by = ", by bind.interface " + glob;
    std::vector<Candidate> routed = candidates;
    if (candidates.size() > 1) {
      by += " and the default route";
      std::erase_if(routed, [&](const Candidate& c) {
        return !(rules.ipv6 ? c.interface->default_route_ipv6 : c.interface->default_route);
      });
    }
    if (routed.size() != 1) return ambiguous(glob, candidates);
    const auto& [interface, address] = routed.front();
    return BindAddress{address->address, interface->name, interface->name + by, std::nullopt};
  }
  return Problem{"bind.interface",
                 std::string("no usable ") + (rules.ipv6 ? "ipv6" : "ipv4") + " address on " + join(rules.globs, ", ") +
                     (rules.cidr.empty() ? "" : " inside " + join(rules.cidr, ", ")) +
                     " (interfaces seen: " + describe(interfaces) + ")",
                 "give an interface such an address, or change bind.interface, bind.family or bind.cidr", Exit::retry};
}

Result<BindAddress> keep(const Bytes& wanted, const std::string& text, const std::vector<Interface>& interfaces) {
  const Network loopback{{false, {127}}, 8};
  for (const auto& interface : interfaces) {
    for (const auto& a : interface.addresses) {
      const auto here = parse_address(a.address);
      if (!here || a.unusable) continue;
      const std::string origin = interface.name + ", by bind_addr";
      if (*here == wanted) return BindAddress{a.address, interface.name, origin, std::nullopt};
      // Linux answers for the whole of a loopback network, not only for the address that it lists.
      if (contains(loopback, wanted) && in_network(text, with_prefix(a))) {
        return BindAddress{text, interface.name, origin, std::nullopt};
      }
    }
  }
  return Problem{"bind_addr", text + " is not on this host (interfaces seen: " + describe(interfaces) + ")",
                 "give an interface this address, or take bind_addr out of the agent settings and let bind.interface "
                 "choose",
                 Exit::retry};
}

}  // namespace

Result<BindAddress> bind_address(const BindRules& rules, const std::vector<Interface>& interfaces) {
  std::string wanted(trim(rules.configured.value_or("")));
  if (wanted.empty()) return choose(rules, interfaces);
  // Consul's manual spells the unspecified IPv6 address "[::]".
  if (wanted.front() == '[' && wanted.back() == ']') wanted = wanted.substr(1, wanted.size() - 2);
  const auto literal = parse_address(wanted);
  if (literal && !literal->unspecified()) return keep(*literal, wanted, interfaces);
  if (!literal && wanted.find("{{") == std::string::npos) {
    return Problem{"bind_addr", "\"" + wanted + "\" is neither an IP address nor a go-sockaddr template",
                   "correct it, or take it out of the agent settings and let bind.interface choose", Exit::config};
  }
  auto chosen = choose(rules, interfaces);
  if (chosen) {
    chosen->notice =
        "bind_addr " + wanted + " of the agent settings gives way to " + chosen->address + " (" + chosen->origin + ")";
  }
  return chosen;
}

bool in_network(const std::string& address, const std::string& cidr) {
  const auto network = parse_network(cidr);
  const auto bytes = parse_address(address);
  return network && bytes && contains(*network, *bytes);
}

bool valid_network(const std::string& cidr) { return parse_network(cidr).has_value(); }

bool literal_address(const std::string& text) { return parse_address(text).has_value(); }

std::string describe(const std::vector<Interface>& interfaces) {
  std::vector<std::string> parts;
  for (const auto& interface : interfaces) {
    std::string part = interface.name + (interface.up ? "" : " down");
    for (const auto& a : interface.addresses) {
      part += " " + with_prefix(a) + (a.unusable ? " (tentative)" : "") + (a.deprecated ? " (deprecated)" : "");
    }
    if (interface.up && interface.addresses.empty()) part += " without address";
    parts.push_back(part);
  }
  return parts.empty() ? "none" : join(parts, ", ");
}

}  // namespace lictor
