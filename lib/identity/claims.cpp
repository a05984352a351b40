#include "identity/claims.hpp"

#include "base/json.hpp"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace lictor {
namespace {

bool has_in(const Json& object, const char* outer, std::initializer_list<const char*> keys) {
  const auto it = object.find(outer);
  return it != object.end() && it->is_object() &&
         std::any_of(keys.begin(), keys.end(), [&it](const char* key) { return it->contains(key); });
}

// A string in an object in the object.
std::string text_in(const Json& object, const char* outer, const char* key) {
  const auto it = object.find(outer);
  return it != object.end() && it->is_object() ? text_of(*it, key) : std::string();
}

// Calls `take` with each object of the array.
Result<void> each_object(const char* what, const std::string& body, const std::function<void(const Json&)>& take) {
  if (each_element(body, [&take](const Json& element) { return element.is_object() ? take(element) : void(); }))
    return {};
  return no_list(what);
}

bool may_live(const Member& member) {
  return member.status != MemberStatus::failed && member.status != MemberStatus::left;
}

// Names in the catalog are equal whatever their case: an entry "N1" is the very one that node n1 registers itself in.
bool same_entry(std::string_view a, std::string_view b) { return lower(a) == lower(b); }

// Null: it is not.
const char* on_purpose(const CatalogNode* entry) {
  return !entry ? nullptr : entry->external ? "external" : entry->synthetic ? "synthetic" : nullptr;
}

// Members that claim what is ours, and are told of by name only up to claims_told.
constexpr std::size_t most_kept = 1000;

// All that is known of one other name.
struct Other {
  const Member* member = nullptr;
  const CatalogNode* entry = nullptr;

  bool has_id(const std::string& id) const {
    return !id.empty() && ((entry && entry->id == id) || (member && member->id == id));
  }
};

// Whether this node has kept the name, or one of its ids, as its own.
bool own_past(const NodeKey& own, std::string_view name, const Other& other) {
  return other.has_id(own.id) || std::any_of(own.former.begin(), own.former.end(), [&](const FormerSelf& self) {
           return same_entry(self.name, name) || other.has_id(self.id);
         });
}

// 0: not known.
std::int64_t port_of(const NodeKey& own, const std::vector<Member>& members) {
  const auto self = std::find_if(members.begin(), members.end(), [&own](const Member& member) {
    return member.name == own.name && member.address == own.address;
  });
  return self == members.end() ? 0 : self->port;
}

}  // namespace

Problem no_list(const char* what) {
  return Problem{what, "the answer is no JSON array", "see whether it is Consul's agent that answers", Exit::retry};
}

MemberStatus member_status(const Json& member) {
  const auto it = member.find("Status");
  if (it == member.end() || !it->is_number_integer()) return MemberStatus::none;
  const auto number = it->get<std::int64_t>();
  return number < 1 || number > 4 ? MemberStatus::none : static_cast<MemberStatus>(number);
}

const char* to_string(MemberStatus status) {
  switch (status) {
    case MemberStatus::alive:
      return "alive";
    case MemberStatus::leaving:
      return "leaving";
    case MemberStatus::left:
      return "left";
    case MemberStatus::failed:
      return "failed";
    case MemberStatus::none:
      break;
  }
  return "unknown";
}

const char* to_string(ClaimKind kind) {
  return kind == ClaimKind::address ? "address" : kind == ClaimKind::name ? "name" : "id";
}

std::optional<Member> read_member(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  Member member{.name = text_of(json, "Name"),
                .id = text_in(json, "Tags", "id"),
                .address = text_of(json, "Addr"),
                .status = member_status(json),
                .version = text_in(json, "Tags", "build"),
                .server = text_in(json, "Tags", "role") == "consul",
                .client = text_in(json, "Tags", "role") == "node",
                .port = integer_of(json, "Port")};
  member.version.resize(std::min(member.version.find(':'), member.version.size()));
  if (member.name.empty()) return std::nullopt;
  return member;
}

std::optional<CatalogNode> read_catalog_node(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  CatalogNode node{.name = text_of(json, "Node"),
                   .id = text_of(json, "ID"),
                   .address = text_of(json, "Address"),
                   .external = has_in(json, "Meta", {"external-node", "external-probe"}),
                   .synthetic = has_in(json, "Meta", {"synthetic-node"})};
  if (node.name.empty()) return std::nullopt;
  return node;
}

Result<std::vector<Member>> parse_members(const std::string& body) {
  std::vector<Member> members;
  const auto read = each_object("members", body, [&](const Json& json) {
    if (auto member = read_member(json)) members.push_back(std::move(*member));
  });
  if (!read) return read.error();
  return members;
}

Result<std::vector<CatalogNode>> parse_catalog_nodes(const std::string& body) {
  std::vector<CatalogNode> nodes;
  const auto read = each_object("catalog", body, [&](const Json& json) {
    if (auto node = read_catalog_node(json)) nodes.push_back(std::move(*node));
  });
  if (!read) return read.error();
  return nodes;
}

bool MemberSieve::concerns(const NodeKey& own, const CatalogNode& entry) {
  return same_entry(entry.name, own.name) || entry.address == own.address || entry.id == own.id;
}

MemberSieve::MemberSieve(NodeKey own, const std::vector<CatalogNode>& catalog) : own_(std::move(own)) {
  for (const CatalogNode& entry : catalog) named_.insert(entry.name);
}

void MemberSieve::take(Member member) {
  ++members;
  living_servers += member.server && member.status == MemberStatus::alive;
  failed_servers += member.server && member.status == MemberStatus::failed;
  const bool self = member.name == own_.name && member.address == own_.address;
  if (self) version = member.version;
  const bool concerns = member.name == own_.name || (!own_.address.empty() && member.address == own_.address) ||
                        (!own_.id.empty() && member.id == own_.id) || named_.contains(member.name);
  // Of a name that comes more than once find_claims() goes by the first that may live, else by the first.
  const bool lives = may_live(member);
  std::vector<std::uint64_t>& alike = lives ? living_ : dead_;
  const std::uint64_t name = fnv1a(member.name);
  const bool room = kept_.size() < most_kept || std::pair(member.name, lives) < kept_.rbegin()->first;
  const bool first = concerns && room && std::find(alike.begin(), alike.end(), name) == alike.end();
  alike.push_back(name);
  if (self) {
    if (!self_) self_ = std::move(member);
  } else if (first && member.name != own_.name) {
    std::pair key(member.name, lives);
    kept_.insert_or_assign(std::move(key), std::move(member));
    if (kept_.size() > most_kept) kept_.erase(std::prev(kept_.end()));
  }
}

// A name that lives somewhere is not dead at our address, whichever of the two came first.
std::vector<Member> MemberSieve::kept() const {
  std::vector<std::uint64_t> living = living_;
  std::sort(living.begin(), living.end());
  std::vector<Member> kept;
  if (self_) kept.push_back(*self_);
  for (const auto& [key, member] : kept_) {
    if (key.second || !std::binary_search(living.begin(), living.end(), fnv1a(member.name))) kept.push_back(member);
  }
  return kept;
}

std::vector<Claim> find_claims(const NodeKey& own, const std::vector<Member>& members,
                               const std::vector<CatalogNode>& catalog) {
  std::vector<Claim> claims;
  std::map<std::string_view, Other> others;
  const std::int64_t own_port = port_of(own, members);
  for (const Member& member : members) {
    if (member.name == own.name) continue;
    const Member*& known = others[member.name].member;
    if (!known || (may_live(member) && !may_live(*known))) known = &member;
  }
  for (const CatalogNode& entry : catalog) {
    if (!same_entry(entry.name, own.name)) {
      others[entry.name].entry = &entry;
    } else if (entry.address != own.address || (!entry.id.empty() && entry.id != own.id)) {
      claims.push_back({.kind = ClaimKind::name,
                        .name = entry.name,
                        .id = entry.id,
                        .address = entry.address,
                        .state = on_purpose(&entry) ? on_purpose(&entry) : to_string(MemberStatus::none)});
    }
  }
  for (const auto& [name, other] : others) {
    const auto& [member, entry] = other;
    const bool member_here = member && !own.address.empty() && member->address == own.address;
    const bool entry_here = entry && !own.address.empty() && entry->address == own.address;
    const bool ours =
        !own.id.empty() && ((entry && entry->id == own.id) || (member && may_live(*member) && member->id == own.id));
    if (!member_here && !entry_here && !ours) continue;
    const bool same_port = member_here && own_port > 0 && member->port == own_port;
    if (member_here && !same_port && own_port > 0 && member->port > 0 && !other.has_id(own.id))
      continue;  // a neighbour
    const char* const purpose = on_purpose(entry);
    const bool former = own_past(own, name, other);
    const bool dead = former && !purpose && !(member && (may_live(*member) || member->server || !member->client)) &&
                      (!member_here || same_port);
    Claim claim{.kind = member_here || entry_here ? ClaimKind::address : ClaimKind::id,
                .name = std::string(name),
                .id = entry && !entry->id.empty() ? entry->id
                      : member                    ? member->id
                                                  : "",
                .address = entry && !member_here ? entry->address : member->address,
                .state = purpose  ? purpose
                         : member ? to_string(member->status)
                                  : "no member",
                .former = former,
                .prune = dead && member_here,
                .deregister = dead && entry_here};
    claims.push_back(std::move(claim));
  }
  const auto order = [](const Claim& claim) { return std::tie(claim.name, claim.address, claim.id); };
  std::sort(claims.begin(), claims.end(), [&](const Claim& a, const Claim& b) { return order(a) < order(b); });
  return claims;
}

std::string describe(const Claim& claim, const NodeKey& own) {
  const auto identity = [](const std::string& name, const std::string& id, const std::string& address,
                           const std::string& state) {
    std::vector<std::string> known;
    if (!id.empty()) known.push_back("id " + id);
    if (!address.empty()) known.push_back("at " + address);
    if (!state.empty()) known.push_back(state);
    return "node " + name + " (" + join(known, ", ") + ")";
  };
  return identity(claim.name, claim.id, claim.address, claim.state) + " claims the " + to_string(claim.kind) + " of " +
         identity(own.name, own.id, own.address, "");
}

}  // namespace lictor
