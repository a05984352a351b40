// The networks that go-sockaddr knows by the number of an RFC. Some are wider or older than the RFC itself (2001::/16 for
// RFC 6890's 2001::/23): what counts is what the agent goes by.
#include "sockaddr/address_list.hpp"

namespace lictor::sockaddr_parts {
namespace {

struct Known {
  unsigned long rfc;
  const char* networks;
};

constexpr Known known[] = {
    {919, "255.255.255.255"},
    {1112, "224.0.0.0/4"},
    {1122, "0.0.0.0/8 127.0.0.0/8"},
    {1918, "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"},
    {2544, "198.18.0.0/15"},
    {2765, "::ffff:0:0/96"},
    {2928, "2001::/16"},
    {3056, "2002::/16"},
    {3068, "192.88.99.0/24 2002:c058:6301::/120"},
    {3171, "224.0.0.0/4"},
    {3330,
     "0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 "
     "198.18.0.0/15 224.0.0.0/4 240.0.0.0/4"},
    {3849, "2001:db8::/32"},
    {3927, "169.254.0.0/16"},
    {4038, "::ffff:0:0/96"},
    {4193, "fc00::/7"},
    {4291, "::/96 ::ffff:0:0/96 fe80::/10 fec0::/10 ff00::/8"},
    {4380, "2001::/32"},
    {4773, "2001::/23"},
    {4843, "2001:10::/28"},
    {5180, "2001:200::/48"},
    {5735, "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15"},
    {5737, "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24"},
    {6052, "64:ff9b::/96"},
    {6333, "192.0.0.0/29"},
    {6598, "100.64.0.0/10"},
    {6666, "100::/64"},
    {6890,
     "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
     "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 "
     "::1 :: 64:ff9b::/96 ::ffff:0:0/96 100::/64 2001::/16 2002::/16 fc00::/7 fe80::/10"},
    {7335, "192.0.0.0/29"},
    {forwarding_blacklist,
     "0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 "
     "::1 :: ::ffff:0:0/96 2001:db8::/32 2001:10::/28 fe80::/10"},
};

}  // namespace

Evaluated<std::vector<Ip>> networks_of_rfc(unsigned long rfc) {
  for (const Known& each : known) {
    if (each.rfc != rfc) continue;
    std::vector<Ip> out;
    std::string_view rest = each.networks;
    while (!rest.empty()) {
      const auto blank = rest.find(' ');
      if (const auto ip = parse_ip(rest.substr(0, blank))) out.push_back(*ip);
      rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    }
    return out;
  }
  return refused("RFC " + std::to_string(rfc) + " is none that go-sockaddr knows");
}

}  // namespace lictor::sockaddr_parts
