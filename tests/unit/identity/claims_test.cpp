#include "identity/claims.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "identity/identity.hpp"
#include "test.hpp"

using namespace lictor;

namespace {

const std::string stored_id = "22222222-2222-4222-8222-222222222222";
const std::string file_id = "33333333-3333-4333-8333-333333333333";
const std::string fresh_id = "44444444-4444-4444-8444-444444444444";
const std::string stranger_id = "55555555-5555-4555-8555-555555555555";
const std::string other_stored_id = "66666666-6666-4666-8666-666666666666";
const std::string machine = "00112233445566778899aabbccddeeff";
const std::string other_machine = "ffeeddccbbaa99887766554433221100";
const std::string former_address = "10.0.0.5";

const NodeKey n1{"n1", stored_id, "10.0.0.5"};
constexpr std::int64_t gossip_port = 8301;

Member member(std::string name, std::string address, MemberStatus status, std::string id = stranger_id,
              std::int64_t port = gossip_port) {
  return {.name = std::move(name),
          .id = std::move(id),
          .address = std::move(address),
          .status = status,
          .version = {},
          .server = false,
          .port = port};
}

Member server(Member of) {
  of.server = true;
  return of;
}

CatalogNode entry(std::string name, std::string address, std::string id = stranger_id, bool external = false) {
  return {.name = std::move(name),
          .id = std::move(id),
          .address = std::move(address),
          .external = external,
          .synthetic = false};
}

CatalogNode synthetic(CatalogNode of) {
  of.synthetic = true;
  return of;
}

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

MemberSieve sieved(const NodeKey& own, const std::vector<Member>& members, const std::vector<CatalogNode>& catalog) {
  MemberSieve sieve(own, catalog);
  for (const Member& one : members) sieve.take(one);
  return sieve;
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

TEST_CASE("what is cleared away and what is told of") {
  struct Row {
    std::vector<Member> members;
    std::vector<CatalogNode> catalog;
    std::string claims;  // for each: kind, name, id, address, state and what is done
  };
  const auto failed = MemberStatus::failed, left = MemberStatus::left, alive = MemberStatus::alive;
  const Member self = member("n1", "10.0.0.5", alive, stored_id);
  // It was once called "old", and had another id then.
  NodeKey own = n1;
  own.former = {{"old", file_id}};
  const Row rows[] = {
      // An ordinary cluster, with us in it.
      {{self, member("n2", "10.0.0.6", alive)}, {entry("n1", "10.0.0.5", stored_id), entry("n2", "10.0.0.6")}, ""},
      // Renamed, the id taken along: the servers have moved the entry to the new name already.
      {{self, member("older", "10.0.0.5", failed, stored_id)},
       {},
       "address older " + stored_id + " 10.0.0.5 failed: prune"},
      // A former name, under whatever id, in whatever case.
      {{self, member("old", "10.0.0.5", failed)},
       {entry("old", "10.0.0.5")},
       "address old " + stranger_id + " 10.0.0.5 failed: prune deregister"},
      {{self, member("old", "10.0.0.5", left)}, {}, "address old " + stranger_id + " 10.0.0.5 left: prune"},
      {{self}, {entry("OLD", "10.0.0.5", "")}, "address OLD  10.0.0.5 no member: deregister"},
      // A former id, under whatever name.
      {{self, member("older", "10.0.0.5", failed, file_id)},
       {},
       "address older " + file_id + " 10.0.0.5 failed: prune"},
      // Renamed, the data directory lost: nothing says that it was this node.
      {{self, member("lost", "10.0.0.5", failed)},
       {entry("lost", "10.0.0.5")},
       "address lost " + stranger_id + " 10.0.0.5 failed:"},
      // The former name in the seconds before the servers notice that nobody is there any more.
      {{self, member("old", "10.0.0.5", alive, stored_id)}, {}, "address old " + stored_id + " 10.0.0.5 alive:"},
      // Registered by hand, with and without a word that this is on purpose; and by consul-k8s.
      {{self}, {entry("hand", "10.0.0.5", "")}, "address hand  10.0.0.5 no member:"},
      {{self}, {entry("hand", "10.0.0.5", "", true)}, "address hand  10.0.0.5 external:"},
      {{self}, {synthetic(entry("pods", "10.0.0.5", ""))}, "address pods  10.0.0.5 synthetic:"},
      // Even under a name of ours.
      {{self, member("old", "10.0.0.5", failed)},
       {entry("old", "10.0.0.6", "", true)},
       "address old " + stranger_id + " 10.0.0.5 external:"},
      {{self}, {synthetic(entry("old", "10.0.0.5", ""))}, "address old  10.0.0.5 synthetic:"},
      // A server, whatever its name.
      {{self, server(member("old", "10.0.0.5", failed))},
       {entry("old", "10.0.0.5")},
       "address old " + stranger_id + " 10.0.0.5 failed:"},
      // Neighbours on this host: agents with ports of their own, and what is in the catalog of them.
      {{self, member("beside", "10.0.0.5", alive, stranger_id, 8311),
        member("dead", "10.0.0.5", failed, stranger_id, 8312),
        server(member("server", "10.0.0.5", alive, stranger_id, 8313))},
       {entry("beside", "10.0.0.5"), entry("dead", "10.0.0.5"), entry("server", "10.0.0.5")},
       ""},
      // But for one that has our id.
      {{self, member("beside", "10.0.0.5", alive, stored_id, 8311)},
       {},
       "address beside " + stored_id + " 10.0.0.5 alive:"},
      // Where a port is not known nothing is cleared away.
      {{self, member("old", "10.0.0.5", failed, stranger_id, 0)},
       {},
       "address old " + stranger_id + " 10.0.0.5 failed:"},
      {{member("old", "10.0.0.5", failed)}, {}, "address old " + stranger_id + " 10.0.0.5 failed:"},
      // Another address beside it is nobody's business, dead or not.
      {{self, member("n2", "10.0.0.50", failed), member("n3", "10.0.0.51", left)}, {entry("n4", "10.0.0.52")}, ""},
      // It has moved on from our address, and then died; the member is remembered at its own address.
      {{self, member("old", "10.0.0.6", failed)},
       {entry("old", "10.0.0.5")},
       "address old " + stranger_id + " 10.0.0.5 failed: deregister"},
      {{self, member("old", "10.0.0.6", alive)},
       {entry("old", "10.0.0.5")},
       "address old " + stranger_id + " 10.0.0.5 alive:"},
      // Our name elsewhere; our name here under the id that the servers hold for it; without any id it is as good as
      // ours.
      {{self}, {entry("n1", "10.0.0.6", stored_id)}, "name n1 " + stored_id + " 10.0.0.6 unknown:"},
      {{self}, {entry("n1", "10.0.0.5")}, "name n1 " + stranger_id + " 10.0.0.5 unknown:"},
      {{self}, {entry("n1", "10.0.0.5", "")}, ""},
      // The servers know no difference between N1 and n1: that entry is the one that we are registered in.
      {{self, member("N1", "10.0.0.5", failed, stored_id)},
       {entry("N1", "10.0.0.5", stored_id)},
       "address N1 " + stored_id + " 10.0.0.5 failed: prune"},
      // A clone that nothing has recognised.
      {{self}, {entry("n2", "10.0.0.6", stored_id)}, "id n2 " + stored_id + " 10.0.0.6 no member:"},
      {{self, member("n2", "10.0.0.6", alive, stored_id)}, {}, "id n2 " + stored_id + " 10.0.0.6 alive:"},
      // Our own past at a former address holds nothing of ours any more.
      {{self, member("old", "10.0.0.6", failed, stored_id)}, {}, ""},
      // All at once, by name.
      {{self, member("old", "10.0.0.5", failed), member("a", "10.0.0.5", alive)},
       {entry("n1", "10.0.0.7", stored_id), entry("b", "10.0.0.5", "")},
       "address a " + stranger_id + " 10.0.0.5 alive:, address b  10.0.0.5 no member:, name n1 " + stored_id +
           " 10.0.0.7 unknown:, address old " + stranger_id + " 10.0.0.5 failed: prune"},
  };
  for (const auto& row : rows) {
    std::string found;
    for (const auto& claim : find_claims(own, row.members, row.catalog)) {
      found += (found.empty() ? "" : ", ") + std::string(to_string(claim.kind)) + " " + claim.name + " " + claim.id +
               " " + claim.address + " " + claim.state + ":" + (claim.prune ? " prune" : "") +
               (claim.deregister ? " deregister" : "");
    }
    CHECK(found == row.claims);
  }
}

TEST_CASE("of a large cluster the members are kept that claims are made of, and all are counted") {
  std::mt19937 random(7);
  const auto any = [&random](const auto& list) { return list[random() % list.size()]; };
  const std::vector<std::string> names{"n1", "n2", "n3", "old", "x"}, ids{"", stored_id, file_id, "z"};
  const std::vector<std::string> addresses{"", "10.0.0.5", "10.0.0.6"};
  const std::vector<MemberStatus> statuses{MemberStatus::none, MemberStatus::alive, MemberStatus::left,
                                           MemberStatus::failed};
  NodeKey own = n1;
  own.former = {{"old", file_id}};
  std::size_t kept = 0, claimed = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Member> members;
    // Names may come twice, as in an answer that nobody expects.
    for (std::size_t i = random() % 6; i > 0; --i) {
      members.push_back(member(any(names), any(addresses), any(statuses), any(ids)));
      members.back().port = static_cast<std::int64_t>(8301 + random() % 2);
    }
    std::vector<CatalogNode> catalog;
    for (std::size_t i = random() % 3; i > 0; --i) {
      const CatalogNode node = entry(any(names), any(addresses), any(ids));
      if (MemberSieve::concerns(own, node)) catalog.push_back(node);
    }
    const MemberSieve sieve = sieved(own, members, catalog);
    const auto claims = find_claims(own, members, catalog);
    REQUIRE(find_claims(own, sieve.kept(), catalog) == claims);
    CHECK(sieve.members == static_cast<int>(members.size()));
    kept += sieve.kept().size();
    claimed += claims.size();
  }
  CHECK(claimed > 500);
  CHECK(kept > 500);
  MemberSieve large(own, {});
  for (int i = 0; i < 3000; ++i)
    large.take(member("other-" + std::to_string(i), i % 2 ? own.address : "10.0.0.9", MemberStatus::alive));
  Member self = member(own.name, own.address, MemberStatus::alive);
  self.version = "1.21.4";
  large.take(self);
  CHECK(large.members == 3001);
  CHECK(large.version == "1.21.4");
  CHECK(large.kept().size() == 1001);  // no cluster's list makes lictor grow
  // An agent lists its members in any order; those that are kept stay the same ones.
  MemberSieve other_way(own, {});
  other_way.take(self);
  for (int i = 2999; i >= 0; --i)
    other_way.take(member("other-" + std::to_string(i), i % 2 ? own.address : "10.0.0.9", MemberStatus::alive));
  const auto names_of = [](const std::vector<Member>& members) {
    std::vector<std::string> all;
    for (const Member& one : members) all.push_back(one.name);
    return all;
  };
  CHECK(names_of(other_way.kept()) == names_of(large.kept()));
}

TEST_CASE("a node that does not know its own address or id claims nobody's") {
  const std::vector<Member> members = {member("n2", "", MemberStatus::failed, ""),
                                       member("n3", "", MemberStatus::alive)};
  CHECK(find_claims({"n1", "", ""}, members, {entry("n2", "", ""), entry("n4", "", "")}).empty());
}

TEST_CASE("members are read from what the agent answers") {
  const auto read = parse_members(R"([
    {"Name": "server", "Addr": "10.0.0.1", "Port": 8301, "Status": 1, "ProtocolMax": 5,
     "Tags": {"role": "consul", "id": "11111111-1111-4111-8111-111111111111", "build": "1.8.7:1a2b3c", "dc": "dc1"}},
    {"Name": "n1", "Addr": "fd00::5", "Status": 4, "Tags": {"role": "node", "build": "1.22.1"}},
    {"Name": "n2", "Addr": "10.0.0.2", "Status": 2, "Tags": null}, {"Name": "n3", "Status": 3},
    {"Name": "n4", "Status": 0}, {"Name": "n5", "Status": 5}, {"Name": "n6", "Status": -1},
    {"Name": "n7", "Status": "alive", "Addr": 7, "Tags": {"id": 7, "build": ":"}},
    {"Name": ""}, {"Addr": "10.0.0.9", "Status": 1}, {"Name": 9}, {}, null, 1, "n8", [{"Name": "n9"}]])");
  REQUIRE(read.has_value());
  struct Row {
    const char *name, *id, *address, *status, *version;
  };
  const Row rows[] = {{"server", "11111111-1111-4111-8111-111111111111", "10.0.0.1", "alive", "1.8.7"},
                      {"n1", "", "fd00::5", "failed", "1.22.1"},
                      {"n2", "", "10.0.0.2", "leaving", ""},
                      {"n3", "", "", "left", ""},
                      {"n4", "", "", "unknown", ""},
                      {"n5", "", "", "unknown", ""},
                      {"n6", "", "", "unknown", ""},
                      {"n7", "", "", "unknown", ""}};
  REQUIRE(read->size() == std::size(rows));
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    const Member& m = (*read)[i];
    CAPTURE(m.name);
    CHECK(m.name == rows[i].name);
    CHECK(m.id == rows[i].id);
    CHECK(m.address == rows[i].address);
    CHECK(to_string(m.status) == std::string(rows[i].status));
    CHECK(m.version == rows[i].version);
    CHECK(m.server == (i == 0));
    CHECK(m.client == (i == 1));
  }
}

TEST_CASE("for want of a field nothing is cleared away") {
  const NodeKey own{"n1", "id-1", "10.0.0.5", {{"old", "id-0"}}};
  const Json self = {{"Name", "n1"}, {"Addr", "10.0.0.5"}, {"Port", 8301}, {"Status", 1}, {"Tags", {{"role", "node"}}}};
  const Json former = {{"Name", "old"},
                       {"Addr", "10.0.0.5"},
                       {"Port", 8301},
                       {"Status", 4},
                       {"Tags", {{"role", "node"}, {"id", "id-0"}}}};
  const Json entry = {{"Node", "old"}, {"ID", "id-0"}, {"Address", "10.0.0.5"}, {"Meta", {{"rack", "r1"}}}};
  const auto cleared = [&](const Json& member, const Json& node) {
    const auto members = parse_members(Json::array({self, member}).dump());
    const auto nodes = parse_catalog_nodes(Json::array({node}).dump());
    REQUIRE((members.has_value() && nodes.has_value()));
    const auto claims = find_claims(own, *members, *nodes);
    return std::any_of(claims.begin(), claims.end(), [](const Claim& claim) { return claim.dead(); });
  };
  REQUIRE(cleared(former, entry));
  const auto without = [](Json from, const char* key) {
    from.erase(key);
    return from;
  };
  for (const char* key : {"Addr", "Port", "Status", "Tags"}) {
    CAPTURE(key);
    CHECK_FALSE(cleared(without(former, key), Json::object()));
    Json odd = former;
    for (const Json& value : {Json(nullptr), Json("x"), Json(7.5), Json::array(), Json::object()}) {
      odd[key] = value;
      CAPTURE(value.dump());
      CHECK_FALSE(cleared(odd, Json::object()));
    }
  }
  Json other = former;
  other["Tags"] = {{"id", "id-0"}};  // of a role that nobody knows
  CHECK_FALSE(cleared(other, entry));
  other["Tags"]["role"] = "consul";
  CHECK_FALSE(cleared(other, entry));
  for (const char* key : {"external-node", "external-probe", "synthetic-node"}) {
    Json marked = entry;
    marked["Meta"] = {{key, ""}};
    CHECK_FALSE(cleared(former, marked));
  }
  CHECK_FALSE(cleared(Json::object(), without(entry, "Address")));
  // Metadata of any kind is none of these.
  for (const Json& meta : {Json(nullptr), Json("synthetic-node"), Json::array({"external-node"}), Json(7)}) {
    Json odd = entry;
    odd["Meta"] = meta;
    CHECK(cleared(former, odd));
  }
}

TEST_CASE("catalog entries are read from what the agent answers") {
  const auto read = parse_catalog_nodes(R"([
    {"ID": "11111111-1111-4111-8111-111111111111", "Node": "n1", "Address": "10.0.0.5", "Datacenter": "dc1",
     "TaggedAddresses": {"lan": "10.0.0.5"}, "Meta": {"consul-network-segment": ""}, "ModifyIndex": 7},
    {"ID": "", "Node": "gateway", "Address": "10.0.0.7", "Meta": {"external-node": "true", "external-probe": "true"}},
    {"Node": "n2", "Meta": null}, {"Node": "n3", "Meta": {"external-node": "false"}},
    {"Node": "n4", "Meta": {"external-node": true}}, {"Node": ""}, {"Address": "10.0.0.9"}, null,
    {"Node": "probed", "Meta": {"external-probe": "false"}}, {"Node": "pods", "Meta": {"synthetic-node": "true"}}])");
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 7);
  // Whatever the value says: who writes it has something in mind.
  struct Row {
    const char* name;
    bool external, synthetic;
  };
  const Row rows[] = {{"n1", false, false}, {"gateway", true, false}, {"n2", false, false}, {"n3", true, false},
                      {"n4", true, false},  {"probed", true, false},  {"pods", false, true}};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK((*read)[i].name == rows[i].name);
    CHECK((*read)[i].external == rows[i].external);
    CHECK((*read)[i].synthetic == rows[i].synthetic);
  }
  CHECK(read->front().id == "11111111-1111-4111-8111-111111111111");
  CHECK(read->front().address == "10.0.0.5");
  CHECK((*read)[1].id == "");
}

TEST_CASE("what is no list is a problem, an empty list is none") {
  for (const char* body : {"", " ", "null", "{}", "\"x\"", "1", "[", "[{\"Name\": \"n1\"}", "[{\"Name\": \"n1\"}] x",
                           "Permission denied", "\xff\xfe"}) {
    CAPTURE(body);
    CHECK(parse_members(body).has_error());
    CHECK(parse_catalog_nodes(body).has_error());
  }
  CHECK(parse_members("[]")->empty());
  CHECK(parse_catalog_nodes(" [ ]\n")->empty());
}

TEST_CASE("a list that is nested too deep is a problem") {
  const std::string deep = "[{\"Name\":" + std::string(1'000'000, '[');
  CHECK_FALSE(parse_members(deep).has_value());
  CHECK_FALSE(parse_catalog_nodes(deep).has_value());
  CHECK(parse_members("[1, [], null, {\"Name\": \"a\"}]")->size() == 1);
}

TEST_CASE("a claim is told with both identities and nothing invented") {
  struct Row {
    Claim claim;
    const char* said;
  };
  const Row rows[] = {
      {{ClaimKind::address, "n2", stranger_id, "10.0.0.5", "failed"},
       "node n2 (id 55555555-5555-4555-8555-555555555555, at 10.0.0.5, failed) claims the address of node n1 (id "
       "22222222-2222-4222-8222-222222222222, at 10.0.0.5)"},
      {{ClaimKind::name, "n1", "", "10.0.0.6", "unknown"},
       "node n1 (at 10.0.0.6, unknown) claims the name of node n1 (id 22222222-2222-4222-8222-222222222222, at "
       "10.0.0.5)"},
      {{ClaimKind::id, "n2", stored_id, "", "no member"},
       "node n2 (id 22222222-2222-4222-8222-222222222222, no member) claims the id of node n1 (id "
       "22222222-2222-4222-8222-222222222222, at 10.0.0.5)"},
  };
  for (const auto& row : rows) CHECK(describe(row.claim, n1) == row.said);
}
