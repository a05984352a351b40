#include "network/ports.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <optional>

#include "base/text.hpp"
#include "network/address.hpp"

namespace lictor {
namespace {

// The kernel prints an address as 32-bit words in the machine's own byte order.
std::optional<std::string> address_of(std::string_view hex) {
  std::array<std::uint32_t, 4> words{};
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < hex.size() / 8; ++i) {
    const auto word = whole_number<std::uint32_t>(hex.substr(i * 8, 8), 16);
    if (!word) return std::nullopt;
    words[i] = *word;
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(hex.size() == 8 ? AF_INET : AF_INET6, words.data(), text, sizeof text);
  return text;
}

std::optional<Listener> parse_line(std::string_view line, Protocol protocol) {
  const auto fields = split_list(line, ' ');
  if (fields.size() < 10) return std::nullopt;
  // TCP_LISTEN, and TCP_CLOSE, which is what the kernel says of a UDP socket that is connected to nobody.
  if (fields[3] != (protocol == Protocol::tcp ? "0A" : "07")) return std::nullopt;
  const std::string_view local = fields[1];
  const auto colon = local.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto address = address_of(local.substr(0, colon));
  const auto port = whole_number<int>(local.substr(colon + 1), 16);
  const auto inode = whole_number<std::uint64_t>(fields[9]);
  if (!address || !port || !inode) return std::nullopt;
  return Listener{protocol, *address, *port, *inode};
}

const Json* member(const Json& config, const char* outer, const char* key) {
  const auto object = config.find(outer);
  if (object == config.end() || !object->is_object()) return nullptr;
  const auto it = object->find(key);
  return it == object->end() ? nullptr : &*it;
}

int port_of(const Json& config, const char* key, int fallback) {
  const Json* port = member(config, "ports", key);
  return port && port->is_number_integer() ? port->get<int>() : fallback;
}

bool every_address(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

}  // namespace

std::vector<Listener> parse_listeners(std::string_view text, Protocol protocol) {
  std::vector<Listener> listeners;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto listener = parse_line(text.substr(0, end), protocol)) listeners.push_back(std::move(*listener));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return listeners;
}

std::vector<WantedPort> wanted_ports(const Json& consul_json, const std::string& control_http) {
  const auto text = [&](const char* key, std::string fallback) {
    const auto it = consul_json.find(key);
    return it != consul_json.end() && it->is_string() ? it->get<std::string>() : fallback;
  };
  std::vector<WantedPort> wanted;
  const auto add = [&](const char* setting, Protocol protocol, const std::string& addresses, int port) {
    if (port <= 0) return;
    for (const std::string& address : split_list(addresses, ' ')) {
      if (literal_address(address)) wanted.push_back({std::string("ports.") + setting, protocol, address, port});
    }
  };
  const std::string client = text("client_addr", "127.0.0.1");
  const auto addresses = [&](const char* key) {
    const Json* own = member(consul_json, "addresses", key);
    return own && own->is_string() && *own != "" ? own->get<std::string>() : client;
  };
  add("http", Protocol::tcp, addresses("http"), port_of(consul_json, "http", 8500));
  add("https", Protocol::tcp, addresses("https"), port_of(consul_json, "https", -1));
  add("grpc", Protocol::tcp, addresses("grpc"), port_of(consul_json, "grpc", -1));
  add("grpc_tls", Protocol::tcp, addresses("grpc_tls"), port_of(consul_json, "grpc_tls", -1));
  const std::string bind = text("bind_addr", "0.0.0.0");
  for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
    add("dns", protocol, addresses("dns"), port_of(consul_json, "dns", 8600));
    add("serf_lan", protocol, text("serf_lan", bind), port_of(consul_json, "serf_lan", 8301));
  }
  const auto colon = control_http.rfind(':');
  if (colon != std::string::npos) {
    std::string address = control_http.substr(0, colon);
    if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
    if (const auto port = whole_number<int>(std::string_view(control_http).substr(colon + 1)))
      wanted.push_back({"control.http", Protocol::tcp, address, *port});
  }
  return wanted;
}

bool collide(const WantedPort& wanted, const Listener& listener) {
  return wanted.protocol == listener.protocol && wanted.port == listener.port &&
         (wanted.address == listener.address || every_address(wanted.address) || every_address(listener.address));
}

std::string address_and_port(const std::string& address, int port) {
  const bool ipv6 = address.find(':') != std::string::npos;
  return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace lictor
