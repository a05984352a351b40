#include "network/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

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

bool fits(const BindRules& rules, const InterfaceAddress& a) {
  const auto holds = [&](const std::string& cidr) { return in_network(a.address, cidr); };
  return a.ipv6 == rules.ipv6 && !a.link_local && !a.unusable &&
         (rules.cidr.empty() || std::any_of(rules.cidr.begin(), rules.cidr.end(), holds));
}

const std::optional<DefaultRoute>& default_route(const Candidate& c) {
  return c.address->ipv6 ? c.interface->default_ipv6 : c.interface->default_ipv4;
}

// Labels of RFC 6724 that are not the one of the internet, where the default route leads.
bool of_a_label_of_its_own(const std::string& address) {
  constexpr std::array<const char*, 6> networks{"fc00::/7",  "fec0::/10", "2002::/16",
                                                "2001::/32", "3ffe::/16", "::/96"};
  return std::any_of(networks.begin(), networks.end(), [&](const char* one) { return in_network(address, one); });
}

// What is asked of candidates as long as there are several: those with the lowest answer stay.
struct Preference {
  const char* name;  // for people
  std::uint64_t (*rank)(const Candidate&);
};

constexpr std::array<Preference, 5> preferences{{
    {"the default route",
     [](const Candidate& c) -> std::uint64_t {
       const auto& route = default_route(c);
       return route ? route->metric : std::numeric_limits<std::uint64_t>::max();
     }},
    {"the source of the default route",
     [](const Candidate& c) -> std::uint64_t {
       const auto& route = default_route(c);
       return !route || route->source != c.address->address;
     }},
    {"primary addresses first", [](const Candidate& c) -> std::uint64_t { return c.address->secondary; }},
    {"wider networks first",
     [](const Candidate& c) -> std::uint64_t { return c.address->prefix == (c.address->ipv6 ? 128 : 32); }},
    {"global addresses first",
     [](const Candidate& c) -> std::uint64_t { return c.address->ipv6 && of_a_label_of_its_own(c.address->address); }},
}};

// The names of the preferences that decided anything.
std::vector<std::string> narrow(std::vector<Candidate>& candidates) {
  std::vector<std::string> by;
  for (const Preference& preference : preferences) {
    std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
    for (const Candidate& c : candidates) lowest = std::min(lowest, preference.rank(c));
    if (std::erase_if(candidates, [&](const Candidate& c) { return preference.rank(c) > lowest; }) > 0)
      by.emplace_back(preference.name);
  }
  return by;
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
          ") and neither the default route nor their kind tells them apart",
      std::string(one_interface ? "set bind.cidr" : "name one interface in bind.interface, or set bind.cidr") +
          " to a network that holds only one of them, such as " + candidates.front().address->address +
          (candidates.front().address->ipv6 ? "/128" : "/32"),
      Exit::retry};
}

// All addresses that fit, on interfaces of that name, whatever their state.
std::vector<Candidate> matches(const BindRules& rules, const std::vector<Interface>& interfaces,
                               const std::string& glob) {
  std::vector<Candidate> found;
  for (const auto& interface : interfaces) {
    if (!glob_match(glob, interface.name)) continue;
    for (const auto& a : interface.addresses) {
      if (fits(rules, a)) found.push_back({&interface, &a});
    }
  }
  return found;
}

// Without a carrier, too: that comes and goes.
std::optional<BindAddress> still_there(const BindRules& rules, const std::vector<Interface>& interfaces,
                                       const std::string& held) {
  const auto wanted = parse_address(held);
  if (!wanted) return std::nullopt;
  for (const auto& glob : rules.globs) {
    for (const auto& [interface, address] : matches(rules, interfaces, glob)) {
      const bool in_use = interface->up || (interface->flags & IFF_UP) != 0;
      if (in_use && parse_address(address->address) == wanted)
        return BindAddress{address->address, interface->name, interface->name + ", kept, by bind.interface " + glob,
                           std::nullopt};
    }
  }
  return std::nullopt;
}

bool has_address(const Interface& interface, bool ipv6) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](const InterfaceAddress& a) { return a.ipv6 == ipv6 && !a.link_local && !a.unusable; });
}

// Those of tunnels' fallback devices (NOARP) and of what is part of a bond never get an address.
bool may_yet_come(const Interface& interface, bool ipv6) {
  return (interface.flags & (IFF_LOOPBACK | IFF_NOARP | IFF_SLAVE)) == 0 &&
         (!interface.up || !has_address(interface, ipv6));
}

bool on_host(const std::string& address, const std::vector<Interface>& interfaces) {
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
    return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                       [&](const InterfaceAddress& a) { return a.address == address; });
  });
}

// Up to the glob by which the candidate was found.
std::string doubt_of(const BindRules& rules, const std::string& glob, const std::vector<Interface>& interfaces,
                     const Candidate& chosen, bool held_is_away) {
  const bool routed = default_route(chosen).has_value();
  if (routed && !held_is_away) return "";
  const InterfaceAddress& address = *chosen.address;
  if (!routed && address.prefix == (address.ipv6 ? 128 : 32))
    return with_prefix(address) + " may be a virtual address: there is no default route";
  for (const std::string& one : rules.globs) {
    for (const Interface& interface : interfaces) {
      if (glob_match(one, interface.name) && may_yet_come(interface, rules.ipv6))
        return interface.name + (interface.up ? " has no address yet, and " : " is not up yet, and ") +
               (held_is_away ? "the one that this node had is not there" : "there is no default route");
    }
    if (one == glob) break;
  }
  return "";
}

Result<BindAddress> choose(const BindRules& rules, const std::vector<Interface>& interfaces, bool held_is_away) {
  for (const auto& glob : rules.globs) {
    std::vector<Candidate> candidates = matches(rules, interfaces, glob);
    std::erase_if(candidates, [](const Candidate& c) { return !c.interface->up || c.address->deprecated; });
    if (candidates.empty()) continue;
    std::vector<Candidate> preferred = candidates;
    std::vector<std::string> by = narrow(preferred);
    if (preferred.size() != 1) return ambiguous(glob, preferred);
    by.insert(by.begin(), "bind.interface " + glob);
    const auto& [interface, address] = preferred.front();
    return BindAddress{address->address, interface->name, interface->name + ", by " + join(by, " and "), std::nullopt,
                       doubt_of(rules, glob, interfaces, preferred.front(), held_is_away)};
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

Result<BindAddress> bind_address(const BindRules& rules, const std::vector<Interface>& interfaces,
                                 const std::string& held) {
  const auto choice = [&] {
    auto kept = still_there(rules, interfaces, held);
    auto chosen = choose(rules, interfaces, !held.empty() && !on_host(held, interfaces));
    if (!kept) return chosen;
    if (chosen && chosen->address == kept->address) kept->origin = std::move(chosen->origin);
    return Result<BindAddress>(std::move(*kept));
  };
  std::string wanted(trim(rules.configured.value_or("")));
  if (wanted.empty()) return choice();
  // Consul's manual spells the unspecified IPv6 address "[::]".
  if (wanted.front() == '[' && wanted.back() == ']') wanted = wanted.substr(1, wanted.size() - 2);
  const auto literal = parse_address(wanted);
  if (literal && !literal->unspecified()) return keep(*literal, wanted, interfaces);
  if (!literal && wanted.find("{{") == std::string::npos) {
    return Problem{"bind_addr", "\"" + wanted + "\" is neither an IP address nor a go-sockaddr template",
                   "correct it, or take it out of the agent settings and let bind.interface choose", Exit::config};
  }
  auto chosen = choice();
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
