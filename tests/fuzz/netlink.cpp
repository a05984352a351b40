// The kernel's answers to what dump_interfaces() asks, as they are read from the socket.
#include "fuzz.hpp"
#include "network/io/interfaces_parse.hpp"

#include <algorithm>

using namespace lictor;

namespace {

std::vector<Interface> parsed(std::string_view bytes) {
  std::vector<Interface> interfaces;
  parse_interfaces(bytes, interfaces);
  return interfaces;
}

bool has(const std::vector<Interface>& interfaces, const BindAddress& chosen) {
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& i) {
    return i.name == chosen.interface && std::any_of(i.addresses.begin(), i.addresses.end(), [&](const auto& a) {
             return a.address == chosen.address && !a.unusable && !a.deprecated && !a.link_local;
           });
  });
}

}  // namespace

FUZZ_TARGET(netlink) {
  const std::string bytes = fuzz::text(data, size);
  const auto interfaces = parsed(bytes);
  const std::string seen = describe(interfaces);
  const std::string shifted = "." + bytes;
  fuzz::expect(describe(parsed(std::string_view(shifted).substr(1))) == seen, "alignment does not matter");

  std::vector<Interface> piecemeal;
  for (std::string_view rest = bytes;;) {
    const std::string_view before = rest;
    if (!take_message(rest)) break;
    fuzz::expect(rest.size() < before.size(), "a message takes its bytes");
    parse_interfaces(before.substr(0, before.size() - rest.size()), piecemeal);
  }
  fuzz::expect(describe(piecemeal) == seen, "it does not matter how messages are packed");

  for (const Interface& interface : interfaces) {
    fuzz::expect(!interface.name.empty() && interface.name.size() < 16,
                 "an interface has a name that the kernel allows");
    for (const InterfaceAddress& a : interface.addresses) {
      const std::string network = a.address + "/" + std::to_string(a.prefix);
      fuzz::expect(literal_address(a.address) && valid_network(network), "an address is one");
      fuzz::expect(in_network(a.address, network), "an address lies in its own network");
    }
  }
  for (const bool ipv6 : {false, true}) {
    const auto chosen = bind_address({.globs = {"eth*", "*"}, .ipv6 = ipv6, .cidr = {}, .configured = {}}, interfaces);
    fuzz::expect(chosen ? has(interfaces, *chosen) : !chosen.error().why.empty(), "the address chosen can be bound to");
  }
  return 0;
}
