#include "process/io/users.hpp"

#include "temporary_folder.hpp"
#include "test.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace lictor;

namespace {

// Plays the root of a host.
struct Databases : TemporaryFolder {
  std::string put(const std::string& file, const std::string& content) const {
    const std::string full = path + file;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    std::ofstream(full, std::ios::binary) << content;
    return full;
  }
};

}  // namespace

TEST_CASE("find_user and find_group read passwd and group and nothing else", "[users]") {
  const Databases root;
  const auto passwd = root.put("/etc/passwd",
                               "root:x:0:0:root:/root:/bin/bash\n"
                               "broken\n"
                               "half:x:7\n"
                               "noid:x:abc:1:::\n"
                               ":x:8:8::/:/bin/sh\n"
                               "# a comment: with: many: colons: in: it\n"
                               "consul:x:100:1000::/consul:/sbin/nologin\n"
                               "homeless:x:101:1001:::\n"
                               "4711:x:102:1002::/n:/bin/sh\n"
                               "other:x:4711:1003::/o:/bin/sh\n"
                               "last:x:103:1004:gecos:/l");
  const auto group = root.put("/etc/group", "root:x:0:\nbroken\nconsul:x:1000:a,b\nshort:x:1001\n");
  struct Row {
    const char* asked;
    bool found;
    uid_t uid;
    gid_t gid;
    const char* name;
    const char* home;
  };
  const std::vector<Row> rows = {
      {"root", true, 0, 0, "root", "/root"},
      {"0", true, 0, 0, "root", "/root"},
      {"consul", true, 100, 1000, "consul", "/consul"},
      {"100", true, 100, 1000, "consul", "/consul"},
      {"homeless", true, 101, 1001, "homeless", "/"},
      {"4711", true, 102, 1002, "4711", "/n"},  // a name that looks like a number
      {"last", true, 103, 1004, "last", "/l"},
      {"999", true, 999, 999, "", "/"},
      {"4294967294", true, 4294967294, 4294967294, "", "/"},
      {"4294967295", false, 0, 0, "", ""},  // (uid_t)-1
      {"4294967296", false, 0, 0, "", ""},
      {"-1", false, 0, 0, "", ""},
      {"12a", false, 0, 0, "", ""},
      {"nobody-here", false, 0, 0, "", ""},
      {"half", false, 0, 0, "", ""},
      {"noid", false, 0, 0, "", ""},
      {"", false, 0, 0, "", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.asked);
    const auto user = find_user(row.asked, passwd).value();
    REQUIRE(user.has_value() == row.found);
    if (!row.found) continue;
    CHECK(user->uid == row.uid);
    CHECK(user->gid == row.gid);
    CHECK(user->name == row.name);
    CHECK(user->home == row.home);
  }
  CHECK(find_group("consul", group).value() == 1000U);
  CHECK(find_group("1000", group).value() == 1000U);
  CHECK(find_group("short", group).value() == 1001U);
  CHECK(find_group("77", group).value() == 77U);
  CHECK_FALSE(find_group("broken", group).value().has_value());
  CHECK_FALSE(find_group("", group).value().has_value());

  CHECK_FALSE(find_user("root", root.path + "/missing").value());
  CHECK(find_user("5", root.path + "/missing").value()->gid == 5);
  CHECK(find_user("root").value()->uid == 0);
  // There, and no file: not for a number either.
  for (const char* asked : {"root", "5"}) {
    const auto refused = find_user(asked, root.path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what == root.path);
    CHECK(refused.error().exit == Exit::config);
  }
  CHECK_FALSE(find_group("root", root.path).has_value());
  CHECK_FALSE(groups_of("consul", root.path).has_value());
  CHECK(groups_of("a", group).value() == std::vector<gid_t>{1000});
  CHECK(groups_of("a", root.path + "/missing").value().empty());
}
