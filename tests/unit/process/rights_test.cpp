#include "process/rights.hpp"

#include "test.hpp"

#include <linux/capability.h>

using namespace lictor;

using Gids = std::vector<unsigned>;

TEST_CASE("capabilities have the kernel's numbers, by any spelling of their names", "[rights]") {
  CHECK(capability_number("net_bind_service") == CAP_NET_BIND_SERVICE);
  CHECK(capability_number("CAP_NET_RAW") == CAP_NET_RAW);
  CHECK(capability_number("cap_chown") == CAP_CHOWN);
  CHECK(capability_number("Checkpoint_Restore") == CAP_LAST_CAP);
  for (const char* none : {"", "cap_", "net_bind", "10", "cap_cap_chown", "all"}) {
    CAPTURE(none);
    CHECK_FALSE(capability_number(none));
  }
  CHECK(capability_names().size() == CAP_LAST_CAP + 1U);
  CHECK(names_of(0).empty());
  CHECK(names_of(capability(CAP_KILL) | capability(CAP_CHOWN)) == "cap_chown, cap_kill");
  CHECK(names_of(capability(63)) == "capability 63");
}

TEST_CASE("the groups that have a user as a member", "[rights]") {
  const std::string file =
      "root:x:0:\n"
      "consul:x:990:\n"
      "docker:x:970:deploy,consul\n"
      "ssl-cert:x:971:consul\n"
      "# a comment: with: many: consul\n"
      "short:x:3\n"
      "noid:x:abc:consul\n"
      "alike:x:972:consul2,consu,CONSUL\n"
      "spaced:x:973: consul , x\n"
      "more:x:974:a:consul\n"
      ":x:975:consul\n"
      "most:x:4294967295:consul\n"
      "again:x:970:consul\n"
      "last:x:40:x,consul";
  CHECK(groups_with_member(file, "consul") == Gids{40, 970, 971, 973});
  CHECK(groups_with_member(file, "deploy") == Gids{970});
  CHECK(groups_with_member(file, "nobody").empty());
  CHECK(groups_with_member(file, "").empty());
  CHECK(groups_with_member("", "consul").empty());
}

TEST_CASE("the groups that a platform has added are those that the process's own user would not have", "[rights]") {
  // An image in which root is a member of many; --group-add 998 and fsGroup 2000.
  CHECK(added_groups({0, 1, 2, 998, 6, 2000, 998}, 0, {1, 2, 6}) == Gids{998, 2000});
  CHECK(added_groups({0}, 0, {}).empty());
  CHECK(added_groups({5, 0}, 5, {}).empty());
  CHECK(added_groups({}, 0, {4}).empty());
  CHECK(united({3, 1, 3}, {2, 1}) == Gids{1, 2, 3});
}
