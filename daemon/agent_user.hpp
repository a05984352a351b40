// Whom the agent and its hooks run as, and with which rights: what the settings say, the host's users and groups, and what the
// platform has given lictor to hand on.
#pragma once

#include "base/problem.hpp"
#include "process/io/users.hpp"
#include "process/rights.hpp"
#include "settings/settings.hpp"

#include <sys/types.h>

#include <string>

namespace lictor {

struct AgentUser {
  uid_t uid = 0;
  gid_t gid = 0;
  Rights rights = {};
  std::string name = {}, home = {};  // User's
};

// agent.user and agent.group; as root `consul` where that user exists; else lictor's own ids.
//
// Groups: those that have the user as a member, those that the platform has given lictor beside its own user's
// (SupplementaryGroups=, --group-add, fsGroup), and agent.groups; a lictor that is not root can only hand on what it has.
// Capabilities: agent.capabilities, else the ambient ones of lictor. All that is wrong is told: a user or group that does not
// exist, a database that can't be read, a capability that lictor has not got to give.
ResultAll<AgentUser> agent_user(const Settings& settings);

// What the agent's user and program have it run with, beside what a program of an ordinary user has.
struct AgentPrivileges {
  bool root = false;              // its user is root: it is given all that lictor was started with
  std::string gains;              // else: the program, where that gains privileges by file capabilities or set-user-id
  Capabilities capabilities = 0;  // the file capabilities of that program
};
AgentPrivileges agent_privileges(const std::string& binary, uid_t uid, const Rights& rights);

// Whether it may listen on any port: its user is root, or it is given CAP_NET_BIND_SERVICE or gains it by its file.
bool binds_privileged_ports(const std::string& binary, uid_t uid, const Rights& rights);

}  // namespace lictor
