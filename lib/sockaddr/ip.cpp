#include "sockaddr/ip.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.hpp"

namespace lictor::sockaddr_parts {

Bits all_ones(const Ip& ip) { return ip.ipv6 ? ~Bits{0} : Bits{0xffffffff}; }

Bits mask(const Ip& ip) {
  const Bits ones = all_ones(ip);
  return ip.prefix == 0 ? 0 : (ones << (ip.width() - ip.prefix)) & ones;
}

Ip network(const Ip& ip) { return {ip.ipv6, ip.prefix, ip.value & mask(ip)}; }

Ip single(const Ip& ip, Bits value) { return {ip.ipv6, ip.width(), value}; }

bool contains(const Ip& outer, const Ip& inner) {
  return outer.ipv6 == inner.ipv6 && outer.prefix <= inner.prefix && ((outer.value ^ inner.value) & mask(outer)) == 0;
}

bool mapped(const Ip& ip) { return ip.ipv6 && ip.value >> 32 == 0xffff; }

std::optional<Ip> parse_ip(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (address.find('\0') != std::string::npos) return std::nullopt;
  std::array<unsigned char, 16> bytes{};
  Ip ip;
  ip.ipv6 = inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
  if (!ip.ipv6 && inet_pton(AF_INET, address.c_str(), bytes.data()) != 1) return std::nullopt;
  for (int i = 0; i < ip.width() / 8; ++i) ip.value = ip.value << 8 | bytes[static_cast<std::size_t>(i)];
  ip.prefix = ip.width();
  if (slash == std::string_view::npos) return ip;
  const auto prefix = whole_number<int>(text.substr(slash + 1));
  if (!prefix || *prefix < 0 || *prefix > ip.width()) return std::nullopt;
  ip.prefix = *prefix;
  return ip;
}

namespace {

// RFC 5952: the first of the longest rows of at least two zeros is left out.
std::string ipv6_text(Bits value) {
  int best = -1;
  int longest = 1;
  const auto group = [&](int i) { return static_cast<unsigned>(value >> (112 - 16 * i)) & 0xffffU; };
  for (int i = 0; i < 8; ++i) {
    int end = i;
    while (end < 8 && group(end) == 0) ++end;
    if (end - i > longest) {
      best = i;
      longest = end - i;
    }
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += longest - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char digits[8] = "";
    std::snprintf(digits, sizeof digits, "%x", group(i));
    out += digits;
  }
  return out;
}

}  // namespace

std::string address_text(const Ip& ip) {
  if (ip.ipv6 && !mapped(ip)) return ipv6_text(ip.value);
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += (out.empty() ? "" : ".") + std::to_string(static_cast<unsigned>(ip.value >> shift) & 0xffU);
  }
  return out;
}

std::string whole_text(const Ip& ip) {
  return address_text(ip) + (ip.prefix == ip.width() ? "" : "/" + std::to_string(ip.prefix));
}

std::string decimal(Bits value) {
  std::string out;
  do {
    out += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace lictor::sockaddr_parts
