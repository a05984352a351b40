// Who else claims this node's name, id or address in the cluster, and what may be done about it.
//
// The one rule above all: nothing is touched but this node's own past, by what the node itself has kept of it: a name or an id
// that was its own, dead, at its own address. That is cleared away: otherwise its services stay listed beside the real ones,
// for up to the 72 h after which the servers forget a failed member. Whatever else stands at the address is only told of: an
// address proves nothing. Nodes of consul-k8s stand there, those of external services, other agents and their entries.
#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"
#include "identity/former_self.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lictor {

// Of the LAN gossip pool, as GET /v1/agent/members has it. The numbers are serf's.
enum class MemberStatus { none = 0, alive = 1, leaving = 2, left = 3, failed = 4 };
MemberStatus member_status(const Json& member);  // its "Status"; none where it has none that is known
const char* to_string(MemberStatus status);      // "alive", "leaving", "left", "failed", "unknown"

struct Member {
  std::string name;
  std::string id;  // tag "id"; empty where the member has none
  std::string address;
  MemberStatus status = MemberStatus::none;
  std::string version;    // tag "build" up to the colon: "1.8.7"
  bool server = false;    // tag "role" is "consul"
  bool client = true;     // it is "node": without either nobody knows what it is
  std::int64_t port = 0;  // of its gossip; 0 where it is not known
};

// As GET /v1/catalog/nodes has it.
struct CatalogNode {
  std::string name;
  std::string id;  // empty where the entry was made without one
  std::string address;
  bool external = false;   // Meta has "external-node" or "external-probe": registered on purpose, never an agent's
  bool synthetic = false;  // Meta has "synthetic-node": one of those that consul-k8s registers services of pods on

  bool on_purpose() const { return external || synthetic; }
};

// Entries that lack a name are passed over. Nothing where `body` is no JSON array.
Result<std::vector<Member>> parse_members(const std::string& body);
Result<std::vector<CatalogNode>> parse_catalog_nodes(const std::string& body);

Problem no_list(const char* what);
// One of them; nothing where it lacks a name.
std::optional<Member> read_member(const Json& json);
std::optional<CatalogNode> read_catalog_node(const Json& json);

// This node, as its agent runs now. `address` is the one that it advertises.
struct NodeKey {
  std::string name, id, address;
  std::vector<FormerSelf> former = {};  // what it has been, oldest first
  bool operator==(const NodeKey&) const = default;
};

enum class ClaimKind {
  address,  // another name at our address
  name,     // our name at another address, under whatever id, or at our address under another id
  id,       // our id under another name at another address
};
const char* to_string(ClaimKind kind);  // "address", "name", "id"

struct Claim {
  ClaimKind kind = ClaimKind::address;
  std::string name, id, address;  // the other one's; what is not known is empty
  std::string state;              // to_string(MemberStatus), or "no member", "external", "synthetic" (CatalogNode)
  bool former = false;            // a name or an id that this node has kept as its own
  bool prune = false;             // a dead member at our address: force-leave with prune
  bool deregister = false;        // its entry in the catalog
  // prune and deregister both false: it is only told of.

  bool dead() const { return prune || deregister; }
  bool on_purpose() const { return state == "external" || state == "synthetic"; }
  // Nobody is there, as far as members tell, whoever it was.
  bool gone() const { return state == "failed" || state == "left" || state == "no member"; }
  auto operator<=>(const Claim&) const = default;  // NOLINT(modernize-use-nullptr): its zeros are no pointers
};

// Of claims at once, no more are told of by name, in the log and in the status: the rest is counted.
constexpr std::size_t claims_told = 100;

// Every claim, one for each other name (own name: one for each address and id), sorted by name.
//
// Another name at our address (in the members, the catalog or both; addresses are compared as strings):
//   failed or left member                    prune; deregister too if the catalog has it at our address
//   no member, in the catalog                deregister; external: told of
//   alive, leaving or unknown status         told of
//   in the catalog at our address, but the member of that name is alive (leaving, unknown) anywhere: told of; is
//   failed or left at another address: deregister only, the member is not ours to prune
//   in the catalog on purpose, wherever the entry and the member of that name are: told of
//   a server, or one whose name and ids this node has not kept as its own, or a member of which it is not known that its gossip
//     has our port: told of
//   a member whose gossip has another port, with its entry: a neighbour on this host, and no claim, unless it has our id
// Our name in the catalog with another address, or at our address with another id: told of, with state "unknown". Names
// in the catalog are equal whatever their case, as the servers have it; members' names are not. The members' own entry
// of our name is our own agent's view of itself and says nothing.
// Our id under another name at another address, in the catalog or as a member that is not failed or left: told of.
// Our id under another name at our address is a claim on the address like any other.
std::vector<Claim> find_claims(const NodeKey& own, const std::vector<Member>& members,
                               const std::vector<CatalogNode>& catalog);

// Of the members of a cluster, as they are read one by one, those that find_claims() goes by, and counts of all: of ten thousand
// mostly one is kept. find_claims() of those kept is that of all, or the first thousand of them.
class MemberSieve {
 public:
  // Of entries that come by themselves, as from GET /v1/catalog/nodes with a filter, those that it goes by.
  static bool concerns(const NodeKey& own, const CatalogNode& entry);

  MemberSieve(NodeKey own, const std::vector<CatalogNode>& catalog);
  void take(Member member);
  // Our own first. Where more than a thousand concern us, the first of them by name, in whatever order they came.
  std::vector<Member> kept() const;

  int members = 0;
  int living_servers = 0, failed_servers = 0;
  std::string version;  // of our own member; empty: it was not among them

 private:
  NodeKey own_;
  std::set<std::string> named_;  // by the catalog
  std::optional<Member> self_;
  std::map<std::pair<std::string, bool>, Member> kept_;  // by name and whether it may live
  std::vector<std::uint64_t> living_, dead_;             // digests of names
};

// "node n2 (id 1234…, at 10.0.0.5, failed) claims the address of node n1 (id …, at 10.0.0.5)": both identities, without
// a verdict. What is not known is left out.
std::string describe(const Claim& claim, const NodeKey& own);

}  // namespace lictor
