// Datagrams of gossip as memberlist encrypts them, in its version 1: a byte that says so, a nonce of 12 bytes, AES-GCM without
// additional data, its tag of 16 bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lictor {

// The bytes of a gossip key as it is configured, in base64: 16, 24 or 32 of them; nothing for anything else.
std::optional<std::string> gossip_key_bytes(std::string_view text);

// `message`, encrypted; empty where the kernel has no random bytes. REQUIRES: a key of gossip_key_bytes.
std::string sealed(std::string_view message, std::string_view key);

// The message; nothing where that key has not encrypted it.
std::optional<std::string> opened(std::string_view datagram, std::string_view key);

}  // namespace lictor
