// What the kernel says of interfaces, as bytes and as values: fetched by netlink here, read without trusting a byte of it.
#pragma once

#include "network/address.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace lictor {

// One netlink message, as linux/netlink.h has it.
struct NetlinkMessage {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::string_view payload;  // into the bytes it was taken from
};

// Takes the first message off `bytes`. Nothing if what is left is no complete message.
std::optional<NetlinkMessage> take_message(std::string_view& bytes);

// Adds what the links, addresses and routes in `bytes` say. An address or a route counts only if its link is in
// `interfaces` already. Pure and total: bytes of any kind, cut anywhere, at any alignment; what makes no sense is passed over.
void parse_interfaces(std::string_view bytes, std::vector<Interface>& interfaces);

// Dumps links, addresses and routes, in this order, and hands every answer to `answer` as it was read. False: the
// kernel's tables changed while they were read; what was handed over may be inconsistent, ask again. A kernel that
// does not answer within 2 s is a problem (Exit::retry).
Result<bool> dump_interfaces(const std::function<void(std::string_view)>& answer);

}  // namespace lictor
