// Which claims are found, what is cleared away, and how it is told.
#include "identity/claims.hpp"

#include <cstdint>
#include <random>

#include "claims_parts.hpp"
#include "test.hpp"

using namespace lictor;
using namespace claims_parts;

namespace {

Member server(Member of) {
  of.server = true;
  return of;
}

CatalogNode synthetic(CatalogNode of) {
  of.synthetic = true;
  return of;
}

}  // namespace

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
