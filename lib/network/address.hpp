// Which of the host's addresses the agent binds to and advertises: a pure choice over what the kernel says.
#pragma once

#include "base/problem.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

struct InterfaceAddress {
  std::string address;  // literal, without prefix: "10.0.0.5", "fd00::5"
  int prefix = 0;
  bool ipv6 = false;
  bool link_local = false;  // 169.254/16 or fe80::/10
  bool secondary = false;   // IFA_F_SECONDARY for IPv4; temporary (privacy) for IPv6
  bool unusable = false;    // tentative or duplicate: nobody can bind to it
  bool deprecated = false;  // its preferred lifetime is over: never chosen, kept where the user names it
};

struct DefaultRoute {
  unsigned metric = 0;      // the kernel takes the lowest
  std::string source = {};  // the address that the route itself prefers; most have none
};

struct Interface {
  int index = 0;
  std::string name;
  bool up = false;  // administratively up and with a carrier
  // The best default route of the main table that leaves by it; the two families may leave by different interfaces.
  std::optional<DefaultRoute> default_ipv4 = {};
  std::vector<InterfaceAddress> addresses;
  std::optional<DefaultRoute> default_ipv6 = {};
  unsigned flags = 0;  // IFF_* of linux/if.h, as the kernel has them
  int mtu = 0;         // bytes
  // Its place, from 1, among the plain IPv4 default routes of the main table: those by one gateway and one link, without
  // source, TOS, encapsulation or nexthop object, which `ip route` shows as "default via A dev N". 0: none.
  int default_via = 0;
};

struct BindRules {
  std::vector<std::string> globs;  // in order of preference
  bool ipv6 = false;
  std::vector<std::string> cidr;  // empty: any network
  // bind_addr as the agent's own settings have it, if they do, or what a template there gave. A literal address is kept and
  // must be on this host; the unspecified address gives way to the choice where no other one is advertised. Empty counts as
  // absent.
  std::optional<std::string> configured;
  // Where the settings have others find the node, by advertise_addr, or else by serf_lan. Empty: they do not.
  std::string advertised;
  bool by_serf_lan = false;
  bool operator==(const BindRules&) const = default;
};

struct BindAddress {
  std::string address;  // in the kernel's spelling
  std::string interface;
  std::string origin;                          // for people: "eth0, by bind.interface eth*"
  std::optional<std::string> notice = {};      // one info line, where a user's unspecified address gave way
  std::optional<std::string> everywhere = {};  // bind_addr as the user wrote it, which is all addresses of the host
  std::string doubt = {};  // why a better one may yet come, on a host that is still starting; empty: none will
};

// An address that was not taken, of the interfaces that the choice was made on: valid as long as these are.
struct Rival {
  const Interface* interface = nullptr;
  const InterfaceAddress* address = nullptr;
  const char* lost_by = "";  // the first rule that spoke against it, for people: "bind.cidr", "the default route"
};

struct AddressChoice {
  Result<BindAddress> bind;
  std::vector<Rival> rivals;  // all the others, the first to lose first; empty where a literal bind_addr is not there
  // The rules that told addresses apart which all could have been taken; empty: there was but one.
  std::vector<std::string> decided_by;
};

// The one order of choice, first what decides:
// 1. What the user wrote: a literal bind_addr is kept wherever it is on the host, whatever the globs, the family, bind.cidr and
//    the carrier say; all of 127/8 is on a host that has 127.0.0.1/8. One that is no address is a problem
//    (Exit::config). Without one, or with the unspecified address for it, the node is where it is advertised: an
//    advertised address that is on the host is taken; one that is not is a router's, unless it is what the node has (`held`),
//    and with the unspecified address the node's all the same.
// 2. `held`, the address that this node has (running, else stored; empty: none), while it is on an interface that is
//    administratively up, can be bound to and fits `rules`.
// 3. The first of the globs that matches any candidate: interface up, right family, not link-local, not tentative, duplicate or
//    deprecated, inside bind.cidr if given. Of several, those on the interface of the family's best default route; the source
//    that this route prefers; primary ones before secondary (IPv6: stable before temporary) ones; wider networks before /32 and
//    /128; IPv6: as RFC 6724 has it for the way out, global ones before unique local ones and those of tunnels.
//
// A choice by 3 is in doubt where no default route speaks for it and it is a /32 or /128, as virtual addresses are, or an
// interface that the globs would rather have, or as soon, has no carrier or address yet; the latter also where `held` is away.
//
// None yet, several yet, or the literal address not on the host yet (or still tentative): a problem with Exit::retry that lists
// what was seen, and names the setting that would settle it: the caller may wait for the kernel's news and ask again.
AddressChoice choose_address(const BindRules& rules, const std::vector<Interface>& interfaces,
                             const std::string& held = {});
Result<BindAddress> bind_address(const BindRules& rules, const std::vector<Interface>& interfaces,
                                 const std::string& held = {});

// True if `address` lies in `cidr` ("10.0.0.0/8", "fd00::/8"). A malformed cidr contains nothing.
bool in_network(const std::string& address, const std::string& cidr);
bool valid_network(const std::string& cidr);
// A literal IPv4 or IPv6 address, without zone.
bool literal_address(const std::string& text);

// A literal address that stands for itself alone, and not for all of the host's.
bool one_address(const std::string& text);
// Whether an interface has it, in the kernel's spelling.
bool on_host(const std::string& address, const std::vector<Interface>& interfaces);

// The choice line by line, for people: the address and what decided, then the rivals of its family, but for loopback and
// link-local ones, each with the rule that it lost by; of more than 16 the last to lose. Empty where none was chosen.
std::vector<std::string> account_of(const AddressChoice& choice, const std::vector<Interface>& interfaces);

// "eth0 10.0.0.5/24 fe80::1/64, em1 down", for error messages; "none" for an empty list.
std::string describe(const std::vector<Interface>& interfaces);

}  // namespace lictor
