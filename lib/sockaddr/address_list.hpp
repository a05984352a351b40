// What templates work on: addresses with the interfaces that they are on, and the functions of go-sockaddr over them.
#pragma once

#include "sockaddr/failure.hpp"
#include "sockaddr/ip.hpp"
#include "sockaddr/template.hpp"

#include <string>
#include <vector>

namespace lictor::sockaddr_parts {

struct InterfaceIp {
  const Interface* interface = nullptr;  // the host's
  Ip ip;
  // Not 0: it and its neighbours of the same number came out of a sort as equals, in an order that depends on the Go that
  // the agent was built with. What would show their order is not evaluated.
  int equals = 0;
  bool same(const InterfaceIp& other) const { return interface == other.interface && ip == other.ip; }
};
using List = std::vector<InterfaceIp>;

// In the kernel's order. An address that Go would take for one of the other family is not evaluated.
Evaluated<List> all_addresses(const TemplateHost& host);

// The interface of the first default route, where the library sees one.
const Interface* default_interface(const TemplateHost& host);

// include and exclude. An address may come twice where `parameter` names several networks, RFCs or types.
Evaluated<List> select(const std::string& selector, const std::string& parameter, const List& list, bool include);

Evaluated<List> sort_by(const std::string& clauses, List list, const Interface* routed);
Evaluated<List> unique_by(const std::string& selector, const List& list);
Evaluated<List> part(const List& list, std::size_t first, std::size_t count);  // both within the list
Evaluated<InterfaceIp> element(const List& list, std::size_t index);

// The attribute's name as the library looks it up: in lower case.
Evaluated<std::string> attribute(const std::string& name, const InterfaceIp& of);
Evaluated<std::string> first_attribute(const std::string& name, const List& list);  // "" of an empty list
Evaluated<std::string> join_attributes(const std::string& name, const std::string& separator, const List& list);

Evaluated<List> math(const std::string& operation, const std::string& value, List list);

// False if two of the list are in an order that depends on the agent's Go.
bool settled(const List& list);

// True if the RFC's networks, as the library has them, hold it. `forwarding_blacklist` is the library's own number for what
// no router forwards.
constexpr unsigned long forwarding_blacklist = 4294967295;
Evaluated<std::vector<Ip>> networks_of_rfc(unsigned long rfc);

}  // namespace lictor::sockaddr_parts
