// An address in its network, as numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lictor::sockaddr_parts {

__extension__ using Bits = unsigned __int128;

struct Ip {
  bool ipv6 = false;
  int prefix = 0;
  Bits value = 0;  // IPv4 in the lowest 32
  int width() const { return ipv6 ? 128 : 32; }
  bool operator==(const Ip&) const = default;
};

Bits all_ones(const Ip& ip);
Bits mask(const Ip& ip);
Ip network(const Ip& ip);             // the prefix is kept
Ip single(const Ip& ip, Bits value);  // another address of that family, alone in its network

// True if the whole network of `inner` lies in that of `outer`.
bool contains(const Ip& outer, const Ip& inner);

// IPv4 written as IPv6 (::ffff:0:0/96), which Go takes for either, by the place.
bool mapped(const Ip& ip);

// "10.0.0.0/8", "fe80::/10", "10.0.0.5". Nothing for anything else.
std::optional<Ip> parse_ip(std::string_view text);

std::string address_text(const Ip& ip);  // without prefix, as Go writes it
std::string whole_text(const Ip& ip);    // with its prefix, unless it is alone in its network
std::string decimal(Bits value);

}  // namespace lictor::sockaddr_parts
