// include and exclude: which addresses stay.
#include <net/if.h>

#include <algorithm>
#include <functional>

#include "base/text.hpp"
#include "sockaddr/address_list.hpp"
#include "sockaddr/pattern.hpp"

namespace lictor::sockaddr_parts {
namespace {

// Go's strings.Split: empty parts stay, and an empty text is one of them.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::string_view rest = text;
  for (;;) {
    const auto bar = rest.find('|');
    out.emplace_back(rest.substr(0, bar));
    if (bar == std::string_view::npos) return out;
    rest.remove_prefix(bar + 1);
  }
}

using Test = std::function<bool(const InterfaceIp&)>;

void keep(const List& list, bool include, const Test& test, List& out) {
  for (const InterfaceIp& each : list) {
    if (test(each) == include) out.push_back(each);
  }
}

Evaluated<List> by_pattern(const std::string& pattern, const List& list, bool include,
                           const std::function<std::string(const InterfaceIp&)>& text) {
  const auto compiled = Pattern::compile(pattern);
  if (!compiled) return compiled.error();
  List out;
  for (const InterfaceIp& each : list) {
    const std::string subject = text(each);
    const bool ascii =
        std::all_of(subject.begin(), subject.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
    if (!ascii) return not_evaluated("a pattern over a name that is not ASCII");
    if (compiled->found_in(subject) == include) out.push_back(each);
  }
  return out;
}

Test inside(const std::vector<Ip>& networks) {
  return [&networks](const InterfaceIp& each) {
    return std::any_of(networks.begin(), networks.end(), [&](const Ip& ip) { return contains(ip, each.ip); });
  };
}

Evaluated<List> by_rfc(const std::string& numbers, const List& list, bool include) {
  List out;
  for (const std::string& number : split(numbers)) {
    const auto rfc = whole_number<unsigned long>(number);
    if (!rfc) return refused("\"" + number + "\" is no number of an RFC");
    const auto networks = networks_of_rfc(*rfc);
    if (!networks) return networks.error();
    keep(list, include, inside(*networks), out);
  }
  return out;
}

Evaluated<List> by_network(const std::string& networks, const List& list, bool include) {
  List out;
  for (const std::string& text : split(networks)) {
    const auto network = parse_ip(text);
    // Go takes an address with a port for a network of one, and asks the DNS about names.
    if (!network || mapped(*network)) return not_evaluated("\"" + text + "\" as a network");
    keep(
        list, include, [&](const InterfaceIp& each) { return contains(*network, each.ip); }, out);
  }
  return out;
}

Evaluated<List> by_size(const std::string& bits, const List& list, bool include) {
  const auto size = whole_number<unsigned long>(bits);
  if (!size) return refused("\"" + bits + "\" is no size of a network");
  List out;
  for (const InterfaceIp& each : list) {
    if (*size > static_cast<unsigned long>(each.ip.width())) return refused("no network has a size of " + bits);
    if ((each.ip.prefix == static_cast<int>(*size)) == include) out.push_back(each);
  }
  return out;
}

Evaluated<List> by_type(const std::string& types, const List& list, bool include) {
  const auto wanted = split(lower(types));
  for (const std::string& type : wanted) {
    if (type != "ip" && type != "ipv4" && type != "ipv6" && type != "unix")
      return refused("\"" + type + "\" is no type");
  }
  List out;
  for (const InterfaceIp& each : list) {
    for (const std::string& type : wanted) {
      if ((type == "ip" || type == (each.ip.ipv6 ? "ipv6" : "ipv4")) == include) out.push_back(each);
    }
  }
  return out;
}

struct Network {
  const char* ipv4;  // "": none of that family
  const char* ipv6;
};

bool in(const Network& network, const Ip& ip) {
  const auto outer = parse_ip(ip.ipv6 ? network.ipv6 : network.ipv4);
  return outer && contains(*outer, single(ip, ip.value));
}

constexpr Network unspecified{"0.0.0.0", "::"};
constexpr Network loopback{"127.0.0.0/8", "::1"};
constexpr Network multicast{"224.0.0.0/4", "ff00::/8"};
constexpr Network link_local{"169.254.0.0/16", "fe80::/10"};

// ff01::, ff11:: and so on: the scope is the low half of the second byte.
bool multicast_of_scope(const Ip& ip, unsigned scope) {
  return ip.ipv6 && in(multicast, ip) && (static_cast<unsigned>(ip.value >> 112) & 15U) == scope;
}

bool global_unicast(const Ip& ip) {
  const bool broadcast = !ip.ipv6 && ip.value == all_ones(ip);
  return !broadcast && !in(unspecified, ip) && !in(loopback, ip) && !in(multicast, ip) && !in(link_local, ip);
}

struct Flag {
  const char* name;
  unsigned interface;  // IFF_*; 0: it is the address that is asked
  bool (*address)(const Ip&);
};

constexpr Flag flags[] = {
    {"broadcast", IFF_BROADCAST, nullptr},
    {"point-to-point", IFF_POINTOPOINT, nullptr},
    {"up", IFF_UP, nullptr},
    {"loopback", IFF_LOOPBACK, [](const Ip& ip) { return in(loopback, ip); }},
    {"multicast", IFF_MULTICAST, [](const Ip& ip) { return in(multicast, ip); }},
    {"global unicast", 0, global_unicast},
    {"interface-local multicast", 0, [](const Ip& ip) { return multicast_of_scope(ip, 1); }},
    {"link-local multicast", 0,
     [](const Ip& ip) {
       return multicast_of_scope(ip, 2) || (!ip.ipv6 && in({"224.0.0.0/24", ""}, ip));
     }},
    {"link-local unicast", 0, [](const Ip& ip) { return in(link_local, ip); }},
    {"unspecified", 0, [](const Ip& ip) { return in(unspecified, ip); }},
};

// The interface must have all of its flags, or the address one of its own. "down" only takes "up" back, so that alone it
// keeps everything.
Evaluated<List> by_flag(const std::string& names, const List& list, bool include) {
  unsigned wanted = 0;
  bool of_interface = false;
  bool forwardable = false;
  std::vector<bool (*)(const Ip&)> of_address;
  for (const std::string& name : split(lower(names))) {
    const Flag* const flag =
        std::find_if(std::begin(flags), std::end(flags), [&](const Flag& f) { return name == f.name; });
    const bool known = flag != std::end(flags);
    if (!known && name != "down" && name != "forwardable") return refused("\"" + name + "\" is no flag");
    if (name == "down") wanted &= ~static_cast<unsigned>(IFF_UP);
    forwardable = forwardable || name == "forwardable";
    of_interface = of_interface || name == "down" || (known && flag->interface != 0);
    if (known) wanted |= flag->interface;
    if (known && flag->address != nullptr) of_address.push_back(flag->address);
  }
  const auto blacklist = networks_of_rfc(forwarding_blacklist);
  const Test blocked = inside(*blacklist);
  List out;
  keep(
      list, include,
      [&](const InterfaceIp& each) {
        if (of_interface && (each.interface->flags & wanted) == wanted) return true;
        if (forwardable && !blocked(each)) return true;
        return std::any_of(of_address.begin(), of_address.end(), [&](const auto& test) { return test(each.ip); });
      },
      out);
  return out;
}

}  // namespace

Evaluated<List> all_addresses(const TemplateHost& host) {
  List out;
  for (const Interface& interface : host.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) {
      auto ip = parse_ip(address.address);
      if (!ip || mapped(*ip)) return not_evaluated(address.address + " as an address of " + interface.name);
      ip->prefix = address.prefix;
      out.push_back({&interface, *ip});
    }
  }
  return out;
}

const Interface* default_interface(const TemplateHost& host) {
  const Interface* first = nullptr;
  for (const Interface& interface : host.interfaces) {
    if (interface.default_via == 0 || !host.ip_command) continue;
    if (first == nullptr || interface.default_via < first->default_via) first = &interface;
  }
  return first;
}

Evaluated<List> select(const std::string& selector, const std::string& parameter, const List& list, bool include) {
  const std::string by = lower(selector);
  if (by == "address") {
    return by_pattern(parameter, list, include, [](const InterfaceIp& each) { return whole_text(each.ip); });
  }
  if (by == "name") {
    return by_pattern(parameter, list, include, [](const InterfaceIp& each) { return each.interface->name; });
  }
  // No address of an interface has a port.
  if (by == "port") {
    return by_pattern(parameter, list, include, [](const InterfaceIp&) { return "0"; });
  }
  if (by == "flag" || by == "flags") return by_flag(parameter, list, include);
  if (by == "network") return by_network(parameter, list, include);
  if (by == "rfc" || by == "rfcs") return by_rfc(parameter, list, include);
  if (by == "size") return by_size(parameter, list, include);
  if (by == "type") return by_type(parameter, list, include);
  return refused("\"" + selector + "\" selects nothing");
}

}  // namespace lictor::sockaddr_parts
