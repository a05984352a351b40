#include "network/io/interfaces_parse.hpp"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

namespace lictor {
namespace {

// The head of `bytes` as a T, copied out because nothing is promised about alignment; nothing if it is too short.
template <class T>
std::optional<T> head(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

void remove_aligned(std::string_view& bytes, std::size_t size) {
  bytes.remove_prefix(std::min(aligned(size), bytes.size()));
}

// Calls visit(type, payload) for each complete attribute.
template <class Visit>
void for_each_attribute(std::string_view bytes, const Visit& visit) {
  while (const auto attribute = head<rtattr>(bytes)) {
    if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > bytes.size()) return;
    visit(attribute->rta_type & NLA_TYPE_MASK, bytes.substr(sizeof(rtattr), attribute->rta_len - sizeof(rtattr)));
    remove_aligned(bytes, attribute->rta_len);
  }
}

std::string_view after(std::string_view payload, std::size_t header) {
  return payload.substr(std::min(aligned(header), payload.size()));
}

Interface* find(std::vector<Interface>& interfaces, int index) {
  const auto it =
      std::find_if(interfaces.begin(), interfaces.end(), [&](const Interface& i) { return i.index == index; });
  return it == interfaces.end() ? nullptr : &*it;
}

void add_link(std::string_view payload, std::vector<Interface>& interfaces) {
  const auto link = head<ifinfomsg>(payload);
  if (!link || link->ifi_index <= 0 || find(interfaces, link->ifi_index) != nullptr) return;
  Interface interface;
  interface.index = link->ifi_index;
  // RUNNING is the kernel's own verdict on carrier and operational state; it is also set for drivers that report
  // no state at all (loopback, dummy).
  interface.up = (link->ifi_flags & IFF_UP) != 0 && (link->ifi_flags & IFF_RUNNING) != 0;
  interface.flags = link->ifi_flags;
  for_each_attribute(after(payload, sizeof(ifinfomsg)), [&](int type, std::string_view value) {
    if (type == IFLA_MTU) interface.mtu = head<int>(value).value_or(0);
    if (type == IFLA_IFNAME) interface.name = value.substr(0, std::min<std::size_t>(value.find('\0'), IFNAMSIZ - 1));
  });
  if (!interface.name.empty()) interfaces.push_back(std::move(interface));
}

std::string literal(int family, std::string_view value) {
  char text[INET6_ADDRSTRLEN] = "";
  const std::size_t size = family == AF_INET6 ? 16 : 4;
  if (value.size() >= size) inet_ntop(family, value.data(), text, sizeof text);
  return text;
}

void add_address(std::string_view payload, std::vector<Interface>& interfaces) {
  const auto message = head<ifaddrmsg>(payload);
  if (!message || (message->ifa_family != AF_INET && message->ifa_family != AF_INET6)) return;
  Interface* const interface = find(interfaces, static_cast<int>(message->ifa_index));
  if (interface == nullptr) return;
  std::string_view local;
  std::string_view address;
  std::uint32_t flags = message->ifa_flags;
  for_each_attribute(after(payload, sizeof(ifaddrmsg)), [&](int type, std::string_view value) {
    if (type == IFA_LOCAL) local = value;
    if (type == IFA_ADDRESS) address = value;
    if (type == IFA_FLAGS) flags = head<std::uint32_t>(value).value_or(flags);
  });
  // On a point-to-point link IFA_ADDRESS is the other end.
  const std::string_view bytes = local.empty() ? address : local;
  const bool ipv6 = message->ifa_family == AF_INET6;
  if (bytes.size() != (ipv6 ? 16U : 4U) || message->ifa_prefixlen > bytes.size() * 8) return;

  InterfaceAddress a;
  a.address = literal(message->ifa_family, bytes);
  a.prefix = message->ifa_prefixlen;
  a.ipv6 = ipv6;
  a.link_local = in_network(a.address, ipv6 ? "fe80::/10" : "169.254.0.0/16");
  a.secondary = (flags & IFA_F_SECONDARY) != 0;  // the same bit as IFA_F_TEMPORARY
  const bool tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  a.unusable = tentative || (flags & IFA_F_DADFAILED) != 0;
  a.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  interface->addresses.push_back(std::move(a));
}

int last_default_via(const std::vector<Interface>& interfaces) {
  int last = 0;
  for (const Interface& each : interfaces) last = std::max(last, each.default_via);
  return last;
}

void add_route(std::string_view payload, std::vector<Interface>& interfaces) {
  const auto route = head<rtmsg>(payload);
  if (!route || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST || (route->rtm_flags & RTM_F_CLONED) != 0 ||
      (route->rtm_family != AF_INET && route->rtm_family != AF_INET6)) {
    return;
  }
  std::uint32_t table = route->rtm_table;
  std::vector<int> links;
  DefaultRoute found;
  bool gateway = false;
  bool more = route->rtm_tos != 0;
  for_each_attribute(after(payload, sizeof(rtmsg)), [&](int type, std::string_view value) {
    gateway = gateway || type == RTA_GATEWAY;
    // What `ip route` writes before the gateway or in its place.
    for (const int other : {RTA_SRC, RTA_NEWDST, RTA_ENCAP, RTA_NH_ID, RTA_VIA, RTA_MULTIPATH})
      more = more || type == other;
    if (type == RTA_TABLE) table = head<std::uint32_t>(value).value_or(table);
    if (type == RTA_PRIORITY) found.metric = head<std::uint32_t>(value).value_or(0);
    if (type == RTA_PREFSRC) found.source = literal(route->rtm_family, value);
    if (type == RTA_OIF) links.push_back(head<int>(value).value_or(0));
    if (type != RTA_MULTIPATH) return;
    while (const auto hop = head<rtnexthop>(value)) {
      if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > value.size()) return;
      links.push_back(hop->rtnh_ifindex);
      remove_aligned(value, hop->rtnh_len);
    }
  });
  if (table != RT_TABLE_MAIN) return;
  for (const int index : links) {
    Interface* const interface = find(interfaces, index);
    if (interface == nullptr) continue;
    auto& best = route->rtm_family == AF_INET6 ? interface->default_ipv6 : interface->default_ipv4;
    if (!best || found.metric < best->metric) best = found;
    const bool plain = route->rtm_family == AF_INET && gateway && !more;
    if (plain && interface->default_via == 0) interface->default_via = last_default_via(interfaces) + 1;
  }
}

}  // namespace

std::optional<NetlinkMessage> take_message(std::string_view& bytes) {
  const auto header = head<nlmsghdr>(bytes);
  if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size()) return std::nullopt;
  NetlinkMessage message{header->nlmsg_type, header->nlmsg_flags, header->nlmsg_seq,
                         bytes.substr(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr))};
  remove_aligned(bytes, header->nlmsg_len);
  return message;
}

void parse_interfaces(std::string_view bytes, std::vector<Interface>& interfaces) {
  while (const auto message = take_message(bytes)) {
    if (message->type == RTM_NEWLINK) add_link(message->payload, interfaces);
    if (message->type == RTM_NEWADDR) add_address(message->payload, interfaces);
    if (message->type == RTM_NEWROUTE) add_route(message->payload, interfaces);
  }
}

}  // namespace lictor
