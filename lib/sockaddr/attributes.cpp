// What is known of one address, and arithmetic with it.
#include <net/if.h>

#include <algorithm>
#include <cstdio>

#include "base/text.hpp"
#include "sockaddr/address_list.hpp"

namespace lictor::sockaddr_parts {
namespace {

Bits last_of(const Ip& ip) { return network(ip).value | (all_ones(ip) & ~mask(ip)); }

// IPv4 leaves out the network's own address and its broadcast address, but for networks of two or one.
Bits usable_margin(const Ip& ip) { return !ip.ipv6 && ip.prefix < 31 ? 1 : 0; }

// In base 2 or 16, as many digits as the address has room for.
Evaluated<std::string> digits(const Ip& ip, int bits_each) {
  const int count = ip.width() / bits_each;
  std::string out;
  for (int i = count - 1; i >= 0; --i) {
    out += "0123456789abcdef"[static_cast<std::size_t>(ip.value >> (i * bits_each)) & ((1U << bits_each) - 1)];
  }
  if (out[0] == '0') return not_evaluated("leading zeros, which Go 1.23 writes as blanks");
  return out;
}

Evaluated<std::string> flags_text(const Interface& interface) {
  if ((interface.flags & IFF_RUNNING) != 0)
    return not_evaluated("the flags of an interface that runs: Go 1.20 has one more");
  constexpr std::pair<unsigned, const char*> names[] = {{IFF_UP, "up"},
                                                        {IFF_BROADCAST, "broadcast"},
                                                        {IFF_LOOPBACK, "loopback"},
                                                        {IFF_POINTOPOINT, "pointtopoint"},
                                                        {IFF_MULTICAST, "multicast"}};
  std::string out;
  for (const auto& [bit, name] : names) {
    if ((interface.flags & bit) != 0) out += (out.empty() ? "" : "|") + std::string(name);
  }
  return out.empty() ? "0" : out;
}

std::string octets(const Ip& ip) {
  std::string out;
  for (int shift = ip.width() - 8; shift >= 0; shift -= 8) {
    out += (out.empty() ? "" : " ") + std::to_string(static_cast<unsigned>(ip.value >> shift) & 0xffU);
  }
  return out;
}

std::string size(const Ip& ip) {
  // 2 to the power of 128 is one more than fits.
  if (ip.width() - ip.prefix == 128) return "340282366920938463463374607431768211456";
  return decimal(Bits{1} << (ip.width() - ip.prefix));
}

// Go's strconv.ParseInt with base 10: a sign, then digits.
std::optional<long> whole(std::string_view text) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  return whole_number<long>(text);
}

Evaluated<Ip> in_network(const Ip& ip, long by) {
  if (by > 0 || (by == 0 && !ip.ipv6)) {
    return Ip{ip.ipv6, ip.prefix, network(ip).value + (static_cast<Bits>(by) & ~mask(ip) & all_ones(ip))};
  }
  // From the last address backwards. The library's own arithmetic leaves the 128 bits at these two.
  if (by == 0 || by < -0x7fffffffffffffffL) return not_evaluated("an offset of 0 in an IPv6 network");
  const Bits back = (static_cast<Bits>(-(by + 1))) & ~mask(ip) & all_ones(ip);
  return Ip{ip.ipv6, ip.prefix, last_of(ip) - back};
}

Evaluated<Ip> moved(const std::string& operation, const std::string& value, const Ip& ip) {
  const auto sign = value.find_first_not_of("\t\n\f\r ");
  if (sign == std::string::npos || (value[sign] != '+' && value[sign] != '-')) {
    return refused("\"" + value + "\" has no sign");
  }
  const auto by = whole(value);
  constexpr long most = 0xffffffff;  // for IPv4
  if (!by || (!ip.ipv6 && (*by > most || *by < -most - 1))) return refused("\"" + value + "\" is no number to add");
  if (operation == "network") return in_network(ip, *by);
  return Ip{ip.ipv6, ip.prefix, (ip.value + static_cast<Bits>(*by)) & all_ones(ip)};
}

Evaluated<Ip> calculate(const std::string& operation, const std::string& value, const Ip& ip) {
  if (operation == "address" || operation == "network") return moved(operation, value, ip);
  if (operation != "mask") return refused("\"" + operation + "\" is no operation");
  const auto bits = whole_number<unsigned>(value);
  if (!bits || *bits > static_cast<unsigned>(ip.width())) return refused("\"" + value + "\" is no size of a network");
  Ip out = network({ip.ipv6, static_cast<int>(*bits), ip.value});
  out.prefix = std::min(out.prefix, ip.prefix);
  return out;
}

}  // namespace

Evaluated<std::string> attribute(const std::string& name, const InterfaceIp& of) {
  const Ip& ip = of.ip;
  if (name == "flags") return flags_text(*of.interface);
  if (name == "name") return of.interface->name;
  if (name == "address" || name == "host") return address_text(ip);
  if (name == "port") return "0";
  if (name == "netmask") return address_text(single(ip, mask(ip)));
  if (name == "network") return address_text(network(ip));
  if (name == "mask_bits") return std::to_string(ip.prefix);
  if (name == "binary") return digits(ip, 1);
  if (name == "hex") return digits(ip, 4);
  if (name == "first_usable") return address_text(single(ip, network(ip).value + usable_margin(ip)));
  if (name == "last_usable") return address_text(single(ip, last_of(ip) - usable_margin(ip)));
  if (name == "octets") return octets(ip);
  if (name == "size") return size(ip);
  if (name == "broadcast" && !ip.ipv6) return address_text(single(ip, last_of(ip)));
  if (name == (ip.ipv6 ? "uint128" : "uint32")) return decimal(ip.value);
  if (name == "string") return whole_text(ip);
  if (name == "type") return ip.ipv6 ? "IPv6" : "IPv4";
  return refused("\"" + name + "\" is no attribute of " + address_text(ip));
}

Evaluated<List> math(const std::string& operation, const std::string& value, List list) {
  for (InterfaceIp& each : list) {
    const auto out = calculate(lower(operation), value, each.ip);
    if (!out) return out.error();
    if (mapped(*out)) return not_evaluated("arithmetic that ends at an IPv4 address written as IPv6");
    each.ip = *out;
  }
  return list;
}

}  // namespace lictor::sockaddr_parts
