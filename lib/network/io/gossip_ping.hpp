// Whether a Consul agent of a certain name answers at an address, asked in its own gossip (memberlist).
#pragma once

#include <cstdint>
#include <string>

namespace lictor {

// Sends a ping for that name, up to three times, by UDP: an agent acknowledges one for its own name and no other. `address` is a
// literal, `name` at most 255 bytes. False where nobody answers within half a second, and for all that can't be asked: an agent whose
// gossip is encrypted answers only those who have its key. Blocks for that time.
bool answers_as(const std::string& address, std::uint16_t port, const std::string& name);

}  // namespace lictor
