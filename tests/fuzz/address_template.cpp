// A template where an address is asked for, and what the kernel says of the host.
#include "fuzz.hpp"
#include "network/io/interfaces_parse.hpp"
#include "sockaddr/template.hpp"

using namespace lictor;

namespace {

std::vector<Interface> three_links() {
  std::vector<Interface> out(3);
  const auto address = [](const char* text, int prefix, bool ipv6) {
    InterfaceAddress a;
    a.address = text;
    a.prefix = prefix;
    a.ipv6 = ipv6;
    return a;
  };
  for (Interface& each : out) each.flags = 0x1003;
  out[0].name = "lo";
  out[0].addresses = {address("127.0.0.1", 8, false), address("::1", 128, true)};
  out[1].name = "eth0";
  out[1].default_via = 1;
  out[1].addresses = {address("10.0.0.5", 24, false), address("fd00::5", 64, true), address("fe80::5", 64, true)};
  out[2].name = "eth1";
  out[2].addresses = {address("8.8.4.4", 29, false), address("172.16.0.9", 12, false), address("::", 0, true)};
  return out;
}

}  // namespace

FUZZ_TARGET(address_template) {
  static const auto host = three_links();
  const auto parts = fuzz::parts(fuzz::text(data, size));
  std::vector<Interface> interfaces = host;
  if (const auto answer = fuzz::part(parts, 1)) {
    interfaces.clear();
    parse_interfaces(*answer, interfaces);
  }
  const auto first = evaluate_template(parts[0], {interfaces});
  const auto again = evaluate_template(parts[0], {interfaces});
  fuzz::expect(first.index() == again.index(), "a template has one outcome");
  if (const auto* const value = std::get_if<std::string>(&first)) {
    fuzz::expect(*value == std::get<std::string>(again), "a template has one value");
    fuzz::expect(value->size() <= std::max<std::size_t>(65536, parts[0].size()), "a value is bounded");
    const bool plain = parts[0].find("{{") == std::string::npos;
    fuzz::expect(!plain || *value == parts[0], "a text without a template is its own value");
  }
  return 0;
}
