// The ports that a client agent and lictor listen on, and whether somebody sits on them already.
#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

enum class Protocol { tcp, udp };

// A socket that listens (TCP) or is bound without a peer (UDP).
struct Listener {
  Protocol protocol = Protocol::tcp;
  std::string address;  // literal; "0.0.0.0" and "::" mean every one
  int port = 0;
  std::uint64_t inode = 0;  // 0: its process is gone

  bool operator==(const Listener&) const = default;
};

// The listeners in the text of /proc/net/tcp, tcp6, udp or udp6. Lines that can't be read are passed over.
std::vector<Listener> parse_listeners(std::string_view text, Protocol protocol);

struct WantedPort {
  std::string setting;  // "ports.dns", "control.http"
  Protocol protocol = Protocol::tcp;
  std::string address;  // literal
  int port = 0;

  bool operator==(const WantedPort&) const = default;
};

// What a client agent of this consul.json listens on (HTTP, HTTPS, gRPC, gRPC with TLS, DNS, LAN gossip; Consul's default ports and
// addresses where it names none), and lictor's control.http ("ADDRESS:PORT" or empty). Unix sockets, ports that are turned
// off and addresses that only a go-sockaddr template tells are left out.
std::vector<WantedPort> wanted_ports(const Json& consul_json, const std::string& control_http);

// True if the two can't exist side by side: same protocol and port, and the same address or one of them every address.
bool collide(const WantedPort& wanted, const Listener& listener);

// "10.0.0.5:8301", "[fd00::5]:8301"
std::string address_and_port(const std::string& address, int port);

}  // namespace lictor
