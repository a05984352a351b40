// Whether a Consul agent of a certain name answers at an address, asked in its own gossip (memberlist).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lictor {

// Sends a ping for that name, up to three times, by UDP: an agent acknowledges one for its own name and no other. `address` is a
// literal, `name` at most 255 bytes. `keys`: of encrypted gossip (gossip_key_bytes), the likeliest first; each try uses the next
// one. False where nobody answers within half a second, and for all that can't be asked. Blocks for that time.
bool answers_as(const std::string& address, std::uint16_t port, const std::string& name,
                const std::vector<std::string>& keys);

}  // namespace lictor
