// What a process may do beside what its user and its group may: supplementary groups, capabilities, and whether programs that it
// executes gain more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

// A set of Linux capabilities: bit n is capability n (capabilities(7)).
using Capabilities = std::uint64_t;

constexpr Capabilities capability(int number) { return Capabilities{1} << number; }

struct Rights {
  std::vector<unsigned> groups;   // supplementary, ascending, each once
  Capabilities capabilities = 0;  // ambient: what its programs have, and those that they execute
  bool no_new_privs = false;      // neither set-user-id nor file capabilities count
  bool operator==(const Rights&) const = default;
};

// As in capabilities(7), in lower case and without "cap_", in the order of their numbers.
const std::vector<std::string>& capability_names();

// The number of "net_bind_service", "CAP_NET_BIND_SERVICE" or the like; nothing where no capability has this name.
std::optional<int> capability_number(std::string_view name);

// "cap_chown, cap_kill"; one without a name by its number. Empty for the empty set.
std::string names_of(Capabilities set);

// Members of groups in the text of a group(5) file, as initgroups(3) finds them: the gids of those that name `user` as a member.
// Ascending, each once; malformed lines are passed over.
std::vector<unsigned> groups_with_member(std::string_view group_file, std::string_view user);

// What a process manager has added: of the groups of a process those that its user has not by itself, which are `primary` and the
// others of the database. Root's group is never among them.
std::vector<unsigned> added_groups(const std::vector<unsigned>& of_process, unsigned primary,
                                   const std::vector<unsigned>& of_user);

// All of both, ascending, each once.
std::vector<unsigned> united(std::vector<unsigned> groups, const std::vector<unsigned>& others);

}  // namespace lictor
