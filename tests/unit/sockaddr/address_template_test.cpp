#include "sockaddr/template.hpp"

#include <net/if.h>

#include <variant>

#include "test.hpp"

using namespace lictor;

namespace {

InterfaceAddress at(const std::string& address, int prefix) {
  InterfaceAddress out;
  out.address = address;
  out.prefix = prefix;
  out.ipv6 = address.find(':') != std::string::npos;
  return out;
}

Interface link(const std::string& name, std::vector<InterfaceAddress> addresses,
               unsigned flags = IFF_UP | IFF_BROADCAST) {
  Interface out;
  out.name = name;
  out.flags = flags;
  out.addresses = std::move(addresses);
  return out;
}

Interface routed(Interface interface, int place = 1) {
  interface.default_via = place;
  return interface;
}

const Interface loopback = link("lo", {at("127.0.0.1", 8), at("::1", 128)}, IFF_UP | IFF_LOOPBACK);

// A value as it is; else "refused: why" or "open: why".
std::string evaluated(const std::string& text, const std::vector<Interface>& interfaces, bool ip_command = true) {
  struct Shown {
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const TemplateRefused& refused) const { return "refused: " + refused.why; }
    std::string operator()(const TemplateNotEvaluated& open) const { return "open: " + open.why; }
  };
  return std::visit(Shown{}, evaluate_template(text, {interfaces, ip_command}));
}

std::string kind(const std::string& text, const std::vector<Interface>& interfaces = {}) {
  const std::string shown = evaluated(text, interfaces);
  return shown.substr(0, shown.find(':'));
}

const std::vector<Interface> host = {loopback, routed(link("eth0", {at("8.8.4.5", 24)})),
                                     link("eth1", {at("10.111.67.11", 24)}), link("docker0", {at("172.17.0.1", 16)})};

}  // namespace

TEST_CASE("a text without a template is its own value") {
  for (const char* const text : {"", "10.0.0.1", "127.0.0.1 10.0.0.1", "unix:///run/x", "}}", "{ {"}) {
    CHECK(evaluated(text, host) == text);
  }
}

TEST_CASE("a private address is one of RFC 6890, the default route's interface first, then the larger network") {
  // The public one has the default route.
  CHECK(evaluated("{{ GetPrivateIP }}", host) == "172.17.0.1");
  CHECK(evaluated("{{ GetPublicIP }}", host) == "8.8.4.5");
  CHECK(evaluated("{{ GetPrivateIPs }}", host) == "172.17.0.1 10.111.67.11");
  CHECK(evaluated("{{ GetPrivateIP }}", {link("b", {at("10.0.0.5", 16)}), routed(link("a", {at("10.1.0.5", 24)}))}) ==
        "10.1.0.5");
  CHECK(evaluated("{{ GetPrivateIP }}", {link("a", {at("fd00::1", 8), at("10.1.0.5", 32)})}) == "10.1.0.5");
  CHECK(evaluated("{{ GetPrivateIP }}", {loopback, link("a", {at("169.254.1.1", 16), at("fe80::1", 64)})}).empty());
  CHECK(evaluated("{{ GetPrivateIP }}", {link("a", {at("10.1.0.5", 24)}, IFF_BROADCAST)}).empty());
  CHECK(evaluated("{{ GetPublicIP }}", {link("a", {at("203.0.113.5", 24), at("2001:db8::1", 64)})}).empty());
  // Part of the network is public, and it is the network that counts.
  CHECK(evaluated("{{ GetPublicIP }}", {link("a", {at("10.0.0.5", 7)})}) == "10.0.0.5");
}

TEST_CASE("an interface's name is a pattern that may match anywhere, and its link may be down") {
  CHECK(evaluated("{{ GetInterfaceIP \"eth1\" }}", host) == "10.111.67.11");
  CHECK(evaluated("{{ GetInterfaceIP \"th\" }}", host) == "8.8.4.5");
  CHECK(evaluated("{{ GetInterfaceIP \"lo\" }}", host).empty());
  CHECK(evaluated("{{ GetInterfaceIPs \"lo\" }}", host) == "127.0.0.1 ::1");
  CHECK(evaluated("{{ GetInterfaceIP \"nope\" }}", host).empty());
  CHECK(evaluated("{{ GetInterfaceIP \"a\" }}", {link("a", {at("10.1.0.5", 24)}, 0)}) == "10.1.0.5");
  CHECK(evaluated("{{ GetInterfaceIP \"a\" }}", {link("a", {at("10.1.0.5", 24), at("10.2.0.5", 16)})}) == "10.2.0.5");
}

TEST_CASE("the default route is the first plain one, and is seen by those who have ip") {
  const std::vector<Interface> two = {routed(link("a", {at("10.1.0.5", 24)}), 2),
                                      routed(link("b", {at("10.2.0.5", 24)}), 1), link("c", {at("10.3.0.5", 8)})};
  CHECK(evaluated("{{ GetDefaultInterfaces | attr \"name\" }}", two) == "b");
  CHECK(evaluated("{{ GetPrivateIP }}", two) == "10.2.0.5");
  CHECK(evaluated("{{ GetPrivateIP }}", two, false) == "10.3.0.5");
  CHECK(evaluated("{{ GetDefaultInterfaces }}", two, false) == "refused: no default route");
}

TEST_CASE("lists are narrowed, ordered and joined") {
  struct Row {
    const char* text;
    const char* value;
  };
  const Row rows[] = {
      {R"({{ GetAllInterfaces | include "network" "10.0.0.0/8" | attr "address" }})", "10.111.67.11"},
      {R"({{ GetAllInterfaces | exclude "name" "^(lo|docker0)$" | join "address" "," }})", "8.8.4.5,10.111.67.11"},
      {R"({{ GetAllInterfaces | include "rfc" "1918" | sort "-size" | join "name" " " }})", "eth1 docker0"},
      {R"({{ GetAllInterfaces | include "type" "IPv6" | join "string" "," }})", "::1"},
      {R"({{ GetAllInterfaces | include "flags" "broadcast" | sort "-address" | limit 2 | join "address" " " }})",
       "172.17.0.1 10.111.67.11"},
      {R"({{ GetAllInterfaces | offset -1 | attr "name" }})", "docker0"},
      {R"({{ GetAllInterfaces | unique "name" | join "name" " " }})", "lo eth0 eth1 docker0"},
      {R"({{ GetAllInterfaces | include "name" "eth1" | math "network" "+1" | attr "string" }})", "10.111.67.1/24"},
      {R"({{ GetAllInterfaces | include "name" "eth1" | math "network" "-1" | attr "address" }})", "10.111.67.255"},
      {R"({{ GetAllInterfaces | include "name" "eth1" | math "address" "+300" | attr "address" }})", "10.111.68.55"},
      {R"({{ GetAllInterfaces | include "name" "eth1" | math "mask" "16" | attr "string" }})", "10.111.0.0/16"},
      {R"({{ range $i, $e := . }}{{ if $i }} {{ end }}{{ $e.Name }}{{ end }})", "lo lo eth0 eth1 docker0"},
      {R"({{ with GetInterfaceIP "wg0" }}{{ . }}{{ else }}none{{ end }})", "none"},
      {R"({{ if eq (GetPublicIP) "" }}a{{ else if gt (len .) 3 }}b{{ else }}c{{ end }})", "b"},
      {R"({{ $x := GetPublicIP }}{{ if true }}{{ $x = "y" }}{{ end }}{{ $x }})", "y"},
      {R"(a {{- /* nothing */ -}} b {{ or "" (GetInterfaceIP "eth0") }})", "ab 8.8.4.5"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(evaluated(row.text, host) == row.value);
  }
}

TEST_CASE("what the library refuses is refused, what is not built in is left open") {
  for (const char* const text :
       {"{{", "{{ }}", "{{ GetPrivateIP", "{{ end }}", "{{ if true }}", "{{ $x }}", "{{ GetPrivateIP 1 }}",
        "{{ 1 | 2 }}", "{{ limit -1 . }}", "{{ index . 0 }}", "{{ . | sort \"nope\" }}",
        "{{ . | include \"nope\" \"\" }}", "{{ . | include \"rfc\" \"1\" }}", "{{ GetInterfaceIP \"(\" }}",
        "{{ eq 1 \"1\" }}", "{{/* }}", "{{ attr \"x\" \"y\" }}"}) {
    CAPTURE(text);
    CHECK(kind(text) == "refused");
  }
  for (const char* const text :
       {"{{ unknown }}", "{{ define \"x\" }}{{ end }}", "{{ . }}", "{{ 1.5 }}", "{{ html \"x\" }}",
        "{{ GetInterfaceIP \"(?i)x\" }}", "{{ . | include \"network\" \"host:80\" }}", "{{ range \"x\" }}{{ end }}",
        "{{ nil }}"}) {
    CAPTURE(text);
    CHECK(kind(text) == "open");
  }
}

TEST_CASE("an order that depends on the agent's Go is shown to nobody") {
  std::vector<Interface> alike;
  for (int i = 0; i < 20; ++i)
    alike.push_back(link("eth" + std::to_string(i), {at("10.0." + std::to_string(i) + ".1", 24)}));
  CHECK(kind("{{ GetPrivateIP }}", alike) == "open");
  CHECK(kind("{{ . | sort \"size\" | limit 3 | len }}", alike) == "open");
  CHECK(kind("{{ range sort \"size\" . }}{{ .Name }}{{ end }}", alike) == "open");
  CHECK(evaluated("{{ . | sort \"size\" | attr \"mask_bits\" }}", alike) == "24");
  CHECK(evaluated("{{ . | sort \"size\" | sort \"address\" | attr \"name\" }}", alike) == "eth0");
  alike[7].default_via = 1;
  CHECK(evaluated("{{ GetPrivateIP }}", alike) == "10.0.7.1");
  // Up to six, every Go keeps the order of equals.
  alike.resize(6);
  alike[3].default_via = 0;
  CHECK(evaluated("{{ GetPrivateIPs }}", alike) == "10.0.0.1 10.0.1.1 10.0.2.1 10.0.3.1 10.0.4.1 10.0.5.1");
}

TEST_CASE("no text takes long, much or deep") {
  std::vector<InterfaceAddress> many;
  for (int i = 0; i < 4096; ++i)
    many.push_back(at("10.9." + std::to_string(i / 256) + "." + std::to_string(i % 256), 32));
  const std::vector<Interface> large = {link("eth0", many)};
  CHECK(evaluated("{{ range . }}{{ if eq (attr \"address\" .) \"10.9.15.255\" }}x{{ end }}{{ end }}", large) == "x");
  CHECK(evaluated("{{ . | sort \"-address\" | attr \"address\" }}", large) == "10.9.15.255");
  CHECK(kind("{{ range . }}{{ range $ }}{{ .Name }}{{ end }}{{ end }}", large) == "open");
  CHECK(kind("{{ range . }}{{ sort \"address\" $ | len }}{{ end }}", large) == "open");
  CHECK(kind("{{ range . }}{{ . | attr \"octets\" | printf \"%s %s\" \"............................\" }}{{ end }}",
             large) == "open");
  std::string doubled = "{{ $x := \"0123456789\" }}";
  for (int i = 0; i < 30; ++i) doubled += "{{ $x = print $x $x }}";
  CHECK(kind(doubled) == "open");
  for (const char* const deep : {"(", "{{ if 1 }}", "{{ if 1 }}x{{ else if 1 }}"}) {
    std::string text = deep[0] == '(' ? "{{ " : "";
    for (int i = 0; i < 100'000; ++i) text += deep;
    if (deep[0] == '(') text += "}}";
    CHECK(kind(text) == "open");
  }
  CHECK(kind("{{ GetInterfaceIP \"" + std::string(100'000, '(') + "\" }}", large) == "open");
  CHECK(kind("{{ GetInterfaceIP \"((((x{100}){100}){100}){100}){100}\" }}", large) == "open");
  CHECK(kind("{{ GetInterfaceIP \"(((((){100}){100}){100}){100}){100}\" }}", large) == "open");
  CHECK(evaluated("{{ GetInterfaceIP \"(a*)*(a|a)*b\" }}", {link("aaaaaaaaaaaaaa", many)}).empty());
}
