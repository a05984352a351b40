#include "control/authorization.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("orders are for root, for lictor's own user and for members of control.group") {
  constexpr uid_t own = 100;
  const OrderGroup group{"operators", 4344};
  struct Row {
    PeerCredentials peer;
    bool without, with;  // control.group
  };
  const Row rows[] = {
      {{.uid = 0, .gid = 0}, true, true},
      {{.uid = own, .gid = 7}, true, true},
      {{.uid = 5001, .gid = 5001}, false, false},
      {{.uid = 5001, .gid = 4344}, false, true},
      {{.uid = 5001, .gid = 5001, .groups = {27, 4344}}, false, true},
      {{.uid = 5001, .gid = 0, .groups = {0}}, false, false},  // root's group is not root
      {{}, false, false},                                      // who can't be told
  };
  for (const Row& row : rows) {
    CAPTURE(row.peer.uid, row.peer.gid, row.peer.groups);
    CHECK(may_order(row.peer, own, std::nullopt) == row.without);
    CHECK(may_order(row.peer, own, group) == row.with);
  }
  CHECK(order_refused({.uid = 5001}, group).find("the group operators; ") != std::string::npos);
  CHECK(order_refused({.uid = 5001}, std::nullopt).find("control.group") != std::string::npos);
}
