// Users and groups of the host: /etc/passwd and /etc/group alone, since a static program asks no name service. What only such a
// service knows (LDAP) is not found here, by name, and stays a number.
//
// A file that is not there counts as empty (an image may have none); one that is there and can't be read is a problem, with
// Exit::retry where that may mend itself. A malformed line is passed over.
#pragma once

#include "base/problem.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace lictor {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;  // empty for a bare number without an entry
  std::string home;  // "/" where unknown
};

// By name or number. A number needs no entry; its group is then the same number, so that nobody gets root's group by default.
// Nothing: no such user or group.
Result<std::optional<User>> find_user(const std::string& name_or_uid, const std::string& passwd = "/etc/passwd");
Result<std::optional<gid_t>> find_group(const std::string& name_or_gid, const std::string& group = "/etc/group");

// The groups that have `user` as a member (groups_with_member). None for a user without a name.
Result<std::vector<gid_t>> groups_of(const std::string& user, const std::string& group = "/etc/group");

// This process's supplementary groups.
std::vector<gid_t> own_groups();

}  // namespace lictor
