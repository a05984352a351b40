// The rules for claims once more, for every disk and every cluster.
#include "identity/claims.hpp"

#include <algorithm>
#include <optional>

#include "claims_parts.hpp"
#include "identity/identity.hpp"
#include "test.hpp"

using namespace lictor;
using namespace claims_parts;

namespace {

const std::string fresh_id = "44444444-4444-4444-8444-444444444444";
const std::string other_stored_id = "66666666-6666-4666-8666-666666666666";
const std::string machine = "00112233445566778899aabbccddeeff";
const std::string other_machine = "ffeeddccbbaa99887766554433221100";
const std::string former_address = "10.0.0.5";

enum Found { absent, same, different, garbage };

struct Disk {
  Found stored, node_id, machine, name, address;
};

// What a start on such a disk makes of the node, with the id that the rules of identity/identity.hpp give it.
NodeKey settled(const Disk& disk) {
  IdentityInput in;
  const std::string record_id = disk.stored == different ? other_stored_id : stored_id;
  const Identity record{record_id, "n1", former_address, machine, "2024-01-01T00:00:00Z", {}};
  if (disk.stored == same || disk.stored == different) in.stored_text = format_identity(record);
  if (disk.stored == garbage) in.stored_text = format_identity(record).substr(0, 40);
  if (disk.node_id == same) in.node_id_text = stored_id;
  if (disk.node_id == different) in.node_id_text = file_id;
  if (disk.node_id == garbage) in.node_id_text = stored_id.substr(0, 20);
  in.machine = disk.machine == absent ? "" : disk.machine == same ? machine : other_machine;
  in.host_name = disk.name == same ? "n1" : "n1-renamed";
  in.address = disk.address == same ? former_address : "10.0.0.6";
  in.fresh_id = fresh_id;
  in.now = "2024-06-01T12:00:00Z";
  const auto verdict = settle_identity(in);
  REQUIRE(verdict.has_value());

  const bool has_record = disk.stored == same || disk.stored == different;
  const bool record_of_another_machine = has_record && disk.machine == different;
  std::string id = fresh_id;
  if (disk.node_id == same) id = stored_id;
  if (disk.node_id == different) id = file_id;
  if (has_record) id = record_id;
  // A new name takes a new id.
  if (has_record && disk.name == different) id = fresh_id;
  if (record_of_another_machine) id = fresh_id;
  CHECK(verdict->identity.id == id);
  CHECK(verdict->identity.name == in.host_name);
  CHECK(verdict->identity.address == in.address);
  const bool renamed = has_record && !record_of_another_machine && disk.name == different;
  CHECK(verdict->former_name == (renamed ? std::optional<std::string>("n1") : std::nullopt));
  const bool another = has_record && !record_of_another_machine && (renamed || id != record_id);
  CHECK((verdict->identity.former == (another ? std::vector{FormerSelf{"n1", record_id}} : std::vector<FormerSelf>())));
  return {verdict->identity.name, verdict->identity.id, verdict->identity.address, verdict->identity.former};
}

// What the cluster knows of one other name, and of our own in the catalog.
struct Situation {
  std::string name, elsewhere;
  std::optional<MemberStatus> status = {};  // nothing: no member
  bool member_here = false, member_has_our_id = false;
  Found entry = absent;  // same: at our address
  bool entry_has_our_id = false, external = false;
  Found own_address = absent, own_id = same;  // of our name's entry; absent address: no entry

  std::vector<Member> members(const NodeKey& own) const {
    std::vector<Member> all = {member(own.name, own.address, MemberStatus::alive, own.id),
                               member("bystander", "10.0.0.99", MemberStatus::failed)};
    if (status)
      all.push_back(member(name, member_here ? own.address : elsewhere, *status, member_has_our_id ? own.id : ""));
    return all;
  }
  std::vector<CatalogNode> catalog(const NodeKey& own) const {
    std::vector<CatalogNode> all = {::entry("bystander", "10.0.0.99")};
    if (entry != absent) {
      all.push_back(
          ::entry(name, entry == same ? own.address : elsewhere, entry_has_our_id ? own.id : stranger_id, external));
    }
    if (own_address != absent)
      all.push_back(
          ::entry(own.name, own_address == same ? own.address : elsewhere, own_id == same ? own.id : stranger_id));
    return all;
  }

  // The rules of the header once more, as questions.
  std::vector<Claim> expected(const NodeKey& own) const {
    const bool may_live = status && *status != MemberStatus::failed && *status != MemberStatus::left;
    const bool member_at_our_address = status && member_here;
    const bool entry_at_our_address = entry == same;
    const bool has_our_id = (entry != absent && entry_has_our_id) || (may_live && member_has_our_id);
    std::vector<Claim> claims;
    if (member_at_our_address || entry_at_our_address || has_our_id) {
      Claim claim;
      claim.kind = member_at_our_address || entry_at_our_address ? ClaimKind::address : ClaimKind::id;
      claim.name = name;
      claim.id = entry == absent ? (member_has_our_id ? own.id : "") : entry_has_our_id ? own.id : stranger_id;
      claim.address = claim.kind == ClaimKind::address ? own.address : elsewhere;
      claim.state = entry != absent && external ? "external" : status ? to_string(*status) : "no member";
      const auto had = [&own](const auto& is) {
        return std::any_of(own.former.begin(), own.former.end(), [&is](const FormerSelf& self) { return is(self); });
      };
      claim.former = (entry != absent && entry_has_our_id) || (status && member_has_our_id) ||
                     had([this](const FormerSelf& self) { return self.name == name; });
      const bool only_told_of = may_live || (entry != absent && external) || !claim.former;
      if (!only_told_of && member_at_our_address) claim.prune = true;
      if (!only_told_of && entry_at_our_address) claim.deregister = true;
      claims.push_back(claim);
    }
    if (own_address == different || (own_address == same && own_id == different)) {
      claims.push_back({.kind = ClaimKind::name,
                        .name = own.name,
                        .id = own_id == same ? own.id : stranger_id,
                        .address = own_address == same ? own.address : elsewhere,
                        .state = "unknown"});
    }
    std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) { return a.name < b.name; });
    return claims;
  }
};

std::vector<Situation> situations(const std::string& name, const std::string& elsewhere) {
  std::vector<Situation> members, entries, all;
  members.push_back({name, elsewhere});
  for (const auto status :
       {MemberStatus::none, MemberStatus::alive, MemberStatus::leaving, MemberStatus::left, MemberStatus::failed})
    for (const bool here : {false, true})
      for (const bool our_id : {false, true}) members.push_back({name, elsewhere, status, here, our_id});
  for (const auto& s : members)
    for (const Found place : {absent, same, different})
      for (const bool our_id : {false, true})
        for (const bool external : {false, true}) {
          if (place == absent && (our_id || external)) continue;
          entries.push_back(s);
          entries.back().entry = place;
          entries.back().entry_has_our_id = our_id;
          entries.back().external = external;
        }
  for (const auto& s : entries)
    for (const Found address : {absent, same, different})
      for (const Found id : {same, different}) {
        if (address == absent && id == different) continue;
        all.push_back(s);
        all.back().own_address = address;
        all.back().own_id = id;
      }
  return all;
}

// What is alive, external, elsewhere or never was this node is never touched, whatever the rules say: empty, or what was broken.
std::string law_broken(const std::vector<Claim>& claims, const NodeKey& own, const std::vector<Member>& members,
                       const std::vector<CatalogNode>& catalog) {
  for (const auto& claim : claims) {
    if (!claim.dead()) continue;
    if (claim.name == own.name) return "our own name is to be cleared away";
    if (!claim.former) return claim.name + " is not known to have been ours";
    bool member_here = false, entry_here = false;
    for (const auto& m : members) {
      if (m.name != claim.name) continue;
      if (m.status != MemberStatus::failed && m.status != MemberStatus::left) return claim.name + " may be alive";
      member_here = member_here || m.address == own.address;
    }
    for (const auto& e : catalog) {
      if (e.name != claim.name) continue;
      if (e.external) return claim.name + " is external";
      entry_here = entry_here || e.address == own.address;
    }
    if (claim.prune && !member_here) return claim.name + " is no member at our address";
    if (claim.deregister && !entry_here) return claim.name + " has no entry at our address";
  }
  return "";
}

}  // namespace

TEST_CASE("whatever is on the disk and in the cluster, the claims are those that the rules give") {
  std::size_t rows = 0, told = 0, cleared = 0;
  for (const Found stored : {absent, same, different, garbage})
    for (const Found node_id : {absent, same, different, garbage})
      for (const Found host : {absent, same, different})
        for (const Found name : {same, different})
          for (const Found address : {same, different}) {
            CAPTURE(stored, node_id, host, name, address);
            const NodeKey own = settled({stored, node_id, host, name, address});
            const std::string other = name == different ? "n1" : "n2";
            for (const auto& s : situations(other, address == different ? former_address : "10.0.0.7")) {
              ++rows;
              const auto members = s.members(own);
              const auto catalog = s.catalog(own);
              const auto claims = find_claims(own, members, catalog);
              const std::string broken = law_broken(claims, own, members, catalog);
              for (const auto& claim : claims) ++(claim.dead() ? cleared : told);
              if (rows % 7 == 0) REQUIRE(find_claims(own, sieved(own, members, catalog).kept(), catalog) == claims);
              if (broken.empty() && claims == s.expected(own)) continue;
              CAPTURE(s.status.has_value(), s.status ? to_string(*s.status) : "", s.member_here, s.member_has_our_id);
              CAPTURE(s.entry, s.entry_has_our_id, s.external, s.own_address, s.own_id);
              for (const auto& claim : claims) UNSCOPED_INFO(describe(claim, own) << ", dead: " << claim.dead());
              CHECK(broken == "");
              CHECK(claims.size() == s.expected(own).size());
              REQUIRE(claims == s.expected(own));
            }
          }
  CHECK(rows >= 100);
  CHECK(told > 0);
  CHECK(cleared > 0);
}
