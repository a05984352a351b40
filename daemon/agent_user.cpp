#include "agent_user.hpp"

#include "problems.hpp"
#include "process/io/privileges.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace lictor {
namespace {

Result<User> user_of(const Settings& settings) {
  User user{geteuid(), getegid(), "", "/"};
  if (settings.agent.user) {
    auto named = find_user(*settings.agent.user);
    if (!named) return named.error();
    if (!*named)
      return Problem{"agent.user", fmt::format("no user \"{}\" on this host", *settings.agent.user),
                     "create the user or name another"};
    user = std::move(**named);
  } else if (geteuid() == 0) {
    auto consul = find_user("consul");
    if (!consul) return consul.error();
    if (*consul) user = std::move(**consul);
  }
  return user;
}

Result<gid_t> group_named(const char* setting, const std::string& name) {
  const auto gid = find_group(name);
  if (!gid) return gid.error();
  if (!*gid)
    return Problem{setting, fmt::format("no group \"{}\" on this host", name), "create the group or name another"};
  return **gid;
}

// Of lictor's own groups those that its own user would not have.
Result<std::vector<gid_t>> given_groups() {
  const std::vector<gid_t> own = own_groups();
  if (own.empty()) return own;
  const auto root = find_user("0");
  if (!root) return root.error();
  const auto of_root = groups_of(*root ? (*root)->name : "");
  if (!of_root) return of_root.error();
  return added_groups(own, *root ? (*root)->gid : 0, *of_root);
}

std::vector<gid_t> groups_as_root(const User& user, Problems& problems) {
  std::vector<gid_t> groups;
  // One file that can't be read is told of once.
  if (const auto its = groups_of(user.name); got(its, problems)) {
    groups = *its;
    if (const auto given = given_groups(); got(given, problems)) groups = united(std::move(groups), *given);
  }
  return groups;
}

void add_named_groups(const Settings& settings, AgentUser& agent, Problems& problems) {
  for (const std::string& name : settings.agent.groups) {
    const auto gid = group_named("agent.groups", name);
    if (!got(gid, problems)) continue;
    auto& groups = agent.rights.groups;
    if (geteuid() != 0 && *gid != getegid() && std::find(groups.begin(), groups.end(), *gid) == groups.end())
      problems.push_back(Problem{
          "agent.groups", fmt::format("lictor is uid {}, and not in group {}: only root can add one", geteuid(), name),
          "start lictor as root, or have the platform add the group (SupplementaryGroups=, "
          "--group-add)"});
    groups = united(std::move(groups), {*gid});
  }
}

void give_capabilities(const Settings& settings, AgentUser& agent, Problems& problems) {
  Capabilities& set = agent.rights.capabilities;
  if (!settings.agent.capabilities) {
    set = ambient_capabilities();
    return;
  }
  for (const std::string& name : *settings.agent.capabilities) {
    if (const auto number = capability_number(name)) set |= capability(*number);
  }
  if (agent.uid == 0 && geteuid() == 0) return;
  if (const Capabilities lacking = set & ~permitted_capabilities(); lacking != 0)
    problems.push_back(Problem{
        "agent.capabilities", "lictor has no " + names_of(lacking) + " to give",
        geteuid() == 0
            ? "add it to what lictor may have (--cap-add, capabilities.add, CapabilityBoundingSet=), or take it "
              "out; where lictor runs already, restart it"
            : "start lictor as root, have the platform give it (AmbientCapabilities=), or take it out"});
}

}  // namespace

ResultAll<AgentUser> agent_user(const Settings& settings) {
  const auto user = user_of(settings);
  if (!user) return Problems{user.error()};
  AgentUser agent{.uid = user->uid, .gid = user->gid, .name = user->name, .home = user->home};
  Problems problems;
  if (settings.agent.group) {
    if (const auto gid = group_named("agent.group", *settings.agent.group); got(gid, problems)) agent.gid = *gid;
  }
  if (geteuid() != 0 && user->uid != geteuid()) {
    problems.push_back(Problem{
        "agent.user", fmt::format("only root can run the agent as uid {}, lictor is uid {}", user->uid, geteuid()),
        "start lictor as root or take agent.user out"});
    return problems;
  }
  agent.rights.no_new_privs = settings.agent.no_new_privs;
  agent.rights.groups = geteuid() == 0 ? groups_as_root(*user, problems) : united(own_groups(), {});
  add_named_groups(settings, agent, problems);
  give_capabilities(settings, agent, problems);
  if (!problems.empty()) return problems;
  return agent;
}

AgentPrivileges agent_privileges(const std::string& binary, uid_t uid, const Rights& rights) {
  AgentPrivileges privileges;
  privileges.root = uid == 0;
  if (binary.empty() || privileges.root || rights.no_new_privs || !may_gain_privileges()) return privileges;
  struct stat file {};
  const bool set_id = ::stat(binary.c_str(), &file) == 0 && (file.st_mode & (S_ISUID | S_ISGID)) != 0;
  privileges.capabilities = file_capabilities(binary);
  if (set_id || privileges.capabilities != 0) privileges.gains = binary;
  return privileges;
}

bool binds_privileged_ports(const std::string& binary, uid_t uid, const Rights& rights) {
  const AgentPrivileges agent = agent_privileges(binary, uid, rights);
  constexpr Capabilities net_bind_service = capability(CAP_NET_BIND_SERVICE);
  if (agent.root) return true;
  // File capabilities take the place of ambient ones.
  if (agent.capabilities != 0) return (agent.capabilities & net_bind_service) != 0;
  return !agent.gains.empty() || (rights.capabilities & net_bind_service) != 0;
}

}  // namespace lictor
