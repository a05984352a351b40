// Of a node that the servers hold for failed, the likely cause: report/doctor_held.hpp.
#include "report/doctor_held.hpp"

#include "test.hpp"

#include <string>

using namespace lictor;

TEST_CASE("a node that is held for failed: the likely cause, and what mends it") {
  DoctorFacts held;
  held.node = NodeKey{"n1", "id-1", "10.0.0.5"};
  held.held_for_failed = true;
  held.serf_bound = true;
  held.serf_address = "10.0.0.5:8301";
  held.members.emplace();
  held.catalog = {{"n1", "id-1", "10.0.0.5"}};
  struct Row {
    const char* name;
    std::function<void(DoctorFacts&)> change;
    const char *seen, *mend;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"all is as it should be here", [](DoctorFacts&) {}, "drops packets", "UDP 8301"},
           {"what it advertises is not bound", [](DoctorFacts& f) { f.serf_listens = false; },
            "nothing listens on 10.0.0.5 port 8301", "bind_addr"},
           {"it advertises what is not here", [](DoctorFacts& f) { f.own_address = f.serf_listens = false; },
            "10.0.0.5, which is no address of this host", "UDP 8301 on to 10.0.0.5:8301"},
           {"another node has the name",
            [](DoctorFacts& f) {
              f.catalog = {{"n1", "id-9", "10.0.0.9"}};
            },
            "another node, at 10.0.0.9, has the name n1", "node.name"},
           {"gossip is shut down", [](DoctorFacts& f) { f.serf_bound = f.serf_listens = false; }, "shut itself down",
            "\"serf\""},
       }) {
    CAPTURE(row.name);
    DoctorFacts facts = held;
    row.change(facts);
    const auto found = held_for_failed(facts);
    REQUIRE(found);
    CHECK(found->severity == Severity::error);
    CHECK(found->seen.find(row.seen) != std::string::npos);
    CHECK(found->mend.find(row.mend) != std::string::npos);
    facts.held_for_failed = false;
    CHECK_FALSE(held_for_failed(facts));
    facts.held_for_failed.reset();
    CHECK_FALSE(held_for_failed(facts));
  }
}
