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
  const Interface* interface = nullptr;
  const InterfaceAddress* address = nullptr;
  std::size_t glob = 0;  // the first of bind.interface that matches; their number: none does
  bool held = false;     // it is the address that the node has
};

std::string with_prefix(const InterfaceAddress& address) {
  return address.address + "/" + std::to_string(address.prefix);
}

const std::optional<DefaultRoute>& default_route(const Candidate& c) {
  return c.address->ipv6 ? c.interface->default_ipv6 : c.interface->default_ipv4;
}

constexpr const char* remembered = "the address that this node has";
constexpr const char* by_route = "the default route";
constexpr const char* in_order = "the order of bind.interface";

// Labels of RFC 6724 that are not the one of the internet, where the default route leads.
bool of_a_label_of_its_own(const std::string& address) {
  constexpr std::array<const char*, 6> networks{"fc00::/7",  "fec0::/10", "2002::/16",
                                                "2001::/32", "3ffe::/16", "::/96"};
  return std::any_of(networks.begin(), networks.end(), [&](const char* one) { return in_network(address, one); });
}

bool loopback(const std::string& address) { return in_network(address, "127.0.0.0/8") || address == "::1"; }

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

bool inside(const std::vector<std::string>& networks, const std::string& address) {
  const auto holds = [&address](const std::string& cidr) { return in_network(address, cidr); };
  return networks.empty() || std::any_of(networks.begin(), networks.end(), holds);
}

// A carrier comes and goes: what the node has is not lost with it.
bool in_use(const Candidate& c) { return c.interface->up || (c.held && (c.interface->flags & IFF_UP) != 0); }

// What is asked of candidates, one after another: those with the lowest answer stay, and none that may never be taken.
struct Rule {
  const char* name;  // for people
  std::uint64_t (*rank)(const BindRules&, const Candidate&);
};

constexpr std::array<Rule, 14> order{{
    {"bind.family",
     [](const BindRules& r, const Candidate& c) -> std::uint64_t { return c.address->ipv6 == r.ipv6 ? 0 : never; }},
    {"link-local", [](const BindRules&, const Candidate& c) { return c.address->link_local ? never : 0; }},
    {"not named by bind.interface",
     [](const BindRules& r, const Candidate& c) { return c.glob == r.globs.size() ? never : 0; }},
    {"bind.cidr",
     [](const BindRules& r, const Candidate& c) { return inside(r.cidr, c.address->address) ? 0 : never; }},
    {"tentative or a duplicate", [](const BindRules&, const Candidate& c) { return c.address->unusable ? never : 0; }},
    {"its interface is down", [](const BindRules&, const Candidate& c) { return in_use(c) ? 0 : never; }},
    {"deprecated", [](const BindRules&, const Candidate& c) { return c.address->deprecated && !c.held ? never : 0; }},
    {remembered, [](const BindRules&, const Candidate& c) -> std::uint64_t { return !c.held; }},
    {in_order, [](const BindRules&, const Candidate& c) -> std::uint64_t { return c.glob; }},
    {by_route,
     [](const BindRules&, const Candidate& c) {
       const auto& route = default_route(c);
       return route ? route->metric : never - 1;
     }},
    {"the source of the default route",
     [](const BindRules&, const Candidate& c) -> std::uint64_t {
       const auto& route = default_route(c);
       return !route || route->source != c.address->address;
     }},
    {"primary addresses first",
     [](const BindRules&, const Candidate& c) -> std::uint64_t { return c.address->secondary; }},
    {"wider networks first",
     [](const BindRules&, const Candidate& c) -> std::uint64_t {
       return c.address->prefix == (c.address->ipv6 ? 128 : 32);
     }},
    {"global addresses first",
     [](const BindRules&, const Candidate& c) -> std::uint64_t {
       return c.address->ipv6 && of_a_label_of_its_own(c.address->address);
     }},
}};

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

std::size_t first_glob(const BindRules& rules, const Interface& interface) {
  const auto named = std::find_if(rules.globs.begin(), rules.globs.end(),
                                  [&](const std::string& glob) { return glob_match(glob, interface.name); });
  return static_cast<std::size_t>(named - rules.globs.begin());
}

std::vector<Candidate> candidates_of(const BindRules& rules, const std::vector<Interface>& interfaces,
                                     const std::string& held) {
  const auto wanted = parse_address(held);
  std::vector<Candidate> found;
  for (const auto& interface : interfaces) {
    const std::size_t glob = first_glob(rules, interface);
    for (const auto& a : interface.addresses)
      found.push_back({&interface, &a, glob, wanted && parse_address(a.address) == wanted});
  }
  return found;
}

// Those that stay.
std::vector<Candidate> narrow(std::vector<Candidate> candidates, const BindRules& rules, AddressChoice& choice) {
  for (const Rule& rule : order) {
    std::vector<std::uint64_t> ranks;
    std::uint64_t lowest = never - 1;
    for (const Candidate& c : candidates) lowest = std::min(lowest, ranks.emplace_back(rule.rank(rules, c)));
    const auto out = std::count_if(ranks.begin(), ranks.end(), [&](auto rank) { return rank > lowest; });
    if (out == 0) continue;
    std::vector<Candidate> stay;
    bool told_apart = false;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Candidate& c = candidates[i];
      if (ranks[i] == lowest) {
        stay.push_back(c);
      } else {
        told_apart = told_apart || ranks[i] != never;
        choice.rivals.push_back({c.interface, c.address, rule.name});
      }
    }
    candidates = std::move(stay);
    if (told_apart) choice.decided_by.emplace_back(rule.name);
  }
  return candidates;
}

Problem none_usable(const BindRules& rules, const std::vector<Interface>& interfaces) {
  return Problem{"bind.interface",
                 std::string("no usable ") + (rules.ipv6 ? "ipv6" : "ipv4") + " address on " + join(rules.globs, ", ") +
                     (rules.cidr.empty() ? "" : " inside " + join(rules.cidr, ", ")) +
                     " (interfaces seen: " + describe(interfaces) + ")",
                 "give an interface such an address, or change bind.interface, bind.family or bind.cidr", Exit::retry};
}

// Those of tunnels' fallback devices (NOARP) and of what is part of a bond never get an address.
bool may_yet_come(const Interface& interface, bool ipv6) {
  if ((interface.flags & (IFF_LOOPBACK | IFF_NOARP | IFF_SLAVE)) != 0) return false;
  return !interface.up || std::none_of(interface.addresses.begin(), interface.addresses.end(),
                                       [&](const auto& a) { return a.ipv6 == ipv6 && !a.link_local && !a.unusable; });
}

// `held_is_away`: the node has had an address, which is not on the host.
std::string doubt_of(const BindRules& rules, const std::vector<Interface>& interfaces, const Candidate& chosen,
                     bool held_is_away) {
  const bool routed = default_route(chosen).has_value();
  if (chosen.held || (routed && !held_is_away)) return "";
  if (!routed && chosen.address->prefix == (chosen.address->ipv6 ? 128 : 32))
    return with_prefix(*chosen.address) + " may be a virtual address: there is no default route";
  for (const Interface& interface : interfaces) {
    if (first_glob(rules, interface) > chosen.glob || !may_yet_come(interface, rules.ipv6)) continue;
    return interface.name + (interface.up ? " has no address yet, and " : " is not up yet, and ") +
           (held_is_away ? "the one that this node had is not there" : "there is no default route");
  }
  return "";
}

// One that stands on two interfaces is one.
bool all_the_same(const std::vector<Candidate>& candidates) {
  return std::all_of(candidates.begin(), candidates.end(),
                     [&](const Candidate& c) { return c.address->address == candidates.front().address->address; });
}

AddressChoice choose(const BindRules& rules, const std::vector<Interface>& interfaces, const std::string& held) {
  AddressChoice choice;
  const std::vector<Candidate> all = candidates_of(rules, interfaces, held);
  const bool held_is_away = !held.empty() && std::none_of(all.begin(), all.end(), [](auto& c) { return c.held; });
  const std::vector<Candidate> left = narrow(all, rules, choice);
  if (left.empty()) {
    choice.bind = none_usable(rules, interfaces);
  } else if (!all_the_same(left)) {
    choice.bind = ambiguous(rules.globs[left.front().glob], left);
  } else {
    const auto& [interface, address, glob, is_held] = left.front();
    std::vector<std::string> by{"bind.interface " + rules.globs[glob]};
    bool kept_it = false;
    for (const std::string& rule : choice.decided_by) {
      if (rule == remembered)
        kept_it = true;
      else if (rule != in_order)
        by.push_back(rule);
    }
    choice.bind = BindAddress{.address = address->address,
                              .interface = interface->name,
                              .origin = interface->name + (kept_it ? ", kept, by " : ", by ") + join(by, " and "),
                              .doubt = doubt_of(rules, interfaces, left.front(), held_is_away)};
  }
  return choice;
}

// `by`: the setting in which the user wrote it.
AddressChoice keep(const Bytes& wanted, const std::string& text, const std::vector<Interface>& interfaces,
                   const char* by) {
  AddressChoice choice{Problem{by, text + " is not on this host (interfaces seen: " + describe(interfaces) + ")",
                               "give an interface this address, or take " + std::string(by) +
                                   " out of the agent settings and let bind.interface choose",
                               Exit::retry},
                       {},
                       {by}};
  for (const auto& interface : interfaces) {
    for (const auto& a : interface.addresses) {
      const auto here = parse_address(a.address);
      const bool it = here && *here == wanted;
      // Linux answers for the whole of a loopback network, not only for the address that it lists.
      const bool stands_for_it = here && loopback(text) && in_network(text, with_prefix(a));
      if (!choice.bind && !a.unusable && (it || stands_for_it)) {
        choice.bind = BindAddress{
            .address = it ? a.address : text, .interface = interface.name, .origin = interface.name + ", by " + by};
      } else {
        choice.rivals.push_back({&interface, &a, by});
      }
    }
  }
  if (!choice.bind) choice.rivals.clear();
  return choice;
}

const char* advertised_by(const BindRules& rules) { return rules.by_serf_lan ? "serf_lan" : "advertise_addr"; }

// Where the node is advertised it listens, if that is here. One that the host does not have is a router's to translate, but for
// one that the host has had.
std::optional<AddressChoice> where_it_is_advertised(const BindRules& rules, const std::vector<Interface>& interfaces,
                                                    const std::string& held) {
  const auto advertised = parse_address(rules.advertised);
  if (!advertised) return std::nullopt;
  AddressChoice choice = keep(*advertised, rules.advertised, interfaces, advertised_by(rules));
  if (choice.bind || advertised == parse_address(held)) return choice;
  return std::nullopt;
}

// The user has the agent listen on all addresses, and says which one is the node's: it stays so.
AddressChoice everywhere(const BindRules& rules, const std::string& bind_addr,
                         const std::vector<Interface>& interfaces) {
  const auto advertised = parse_address(rules.advertised);
  AddressChoice choice = keep(*advertised, rules.advertised, interfaces, advertised_by(rules));
  if (!choice.bind)
    choice.bind = BindAddress{.address = rules.advertised,
                              .interface = {},
                              .origin = std::string("by ") + advertised_by(rules) + ", not on this host"};
  choice.bind->everywhere = bind_addr;
  return choice;
}

}  // namespace

AddressChoice choose_address(const BindRules& rules, const std::vector<Interface>& interfaces,
                             const std::string& held) {
  std::string wanted(trim(rules.configured.value_or("")));
  if (wanted.empty()) {
    auto advertised = where_it_is_advertised(rules, interfaces, held);
    return advertised ? *advertised : choose(rules, interfaces, held);
  }
  // Consul's manual spells the unspecified IPv6 address "[::]".
  if (wanted.front() == '[' && wanted.back() == ']') wanted = wanted.substr(1, wanted.size() - 2);
  const auto literal = parse_address(wanted);
  if (!literal) {
    return {Problem{"bind_addr", "\"" + wanted + "\" is neither an IP address nor a go-sockaddr template",
                    "correct it, or take it out of the agent settings and let bind.interface choose", Exit::config},
            {},
            {}};
  }
  if (!literal->unspecified()) return keep(*literal, wanted, interfaces, "bind_addr");
  if (!rules.advertised.empty()) return everywhere(rules, wanted, interfaces);
  AddressChoice choice = choose(rules, interfaces, held);
  if (auto& bind = choice.bind; bind)
    bind->notice =
        "bind_addr " + wanted + " of the agent settings gives way to " + bind->address + " (" + bind->origin + ")";
  return choice;
}

Result<BindAddress> bind_address(const BindRules& rules, const std::vector<Interface>& interfaces,
                                 const std::string& held) {
  return choose_address(rules, interfaces, held).bind;
}

std::vector<std::string> account_of(const AddressChoice& choice, const std::vector<Interface>& interfaces) {
  if (!choice.bind) return {};
  const BindAddress& bind = *choice.bind;
  const bool ipv6 = bind.address.find(':') != std::string::npos;
  const auto with_metric = [ipv6](const std::string& rule, const Interface& interface) {
    const auto& route = ipv6 ? interface.default_ipv6 : interface.default_ipv4;
    if (rule != by_route) return rule;
    return rule + (route ? ", metric " + std::to_string(route->metric) : ", it has none");
  };
  const auto chosen = std::find_if(interfaces.begin(), interfaces.end(),
                                   [&bind](const Interface& one) { return one.name == bind.interface; });
  std::vector<std::string> by;
  for (const std::string& rule : choice.decided_by)
    by.push_back(chosen == interfaces.end() ? rule : with_metric(rule, *chosen));
  std::vector<std::string> lines;
  for (auto rival = choice.rivals.rbegin(); rival != choice.rivals.rend() && lines.size() < 16; ++rival) {
    const auto& [interface, address, lost_by] = *rival;
    if (address->ipv6 != ipv6 || address->link_local || loopback(address->address)) continue;
    lines.push_back("passed over: " + with_prefix(*address) + " on " + interface->name + " (" +
                    with_metric(lost_by, *interface) + ")");
  }
  lines.insert(lines.begin(), "address: " + bind.address + (bind.interface.empty() ? "" : " on " + bind.interface) +
                                  " (" + (by.empty() ? "the only one that can be taken" : join(by, "; ")) + ")");
  return lines;
}

bool in_network(const std::string& address, const std::string& cidr) {
  const auto network = parse_network(cidr);
  const auto bytes = parse_address(address);
  return network && bytes && contains(*network, *bytes);
}

bool valid_network(const std::string& cidr) { return parse_network(cidr).has_value(); }

bool literal_address(const std::string& text) { return parse_address(text).has_value(); }

bool one_address(const std::string& text) {
  const auto address = parse_address(text);
  return address && !address->unspecified();
}

bool on_host(const std::string& address, const std::vector<Interface>& interfaces) {
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
    return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                       [&](const InterfaceAddress& a) { return a.address == address; });
  });
}

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
