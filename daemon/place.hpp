// The place where lictor runs, or would: a command of root's on the same host has more rights than a service or a container gives
// lictor, and would look at the host with other eyes.
#pragma once

#include "ground.hpp"
#include "process/sandbox.hpp"
#include "settings/settings.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace lictor {

// The service of systemd that process `pid` belongs to; empty: none.
std::string unit_of(pid_t pid);

// Of the lictor that runs with these settings: what the kernel shows of it, and, where it is a service, what systemd does. Without one
// that runs, of the unit lictor.service where that is there, else of this process. Asks both, and waits up to 5 s for each.
Sandbox sandbox_of_lictor(const Settings& settings, const Environment& environment);

// How stop.policy auto will know: a line for people, which begins with "warning: " where it should and will not; empty with another
// policy. Asks systemd or Kubernetes, as a stop would.
std::string account_of_policy(const Settings& settings, const Environment& environment);

// This process has of rights what the sandbox leaves, for good: groups, bounding and ambient set, no_new_privs. Of no effect where it
// is not root's.
void take_rights(const Sandbox& sandbox);

// Checks of this node that the sandbox would break (agent_config/sandboxed_checks.hpp).
std::vector<std::string> checks_out_of_place(const Ground& ground, const Sandbox& sandbox);

// Capabilities that the agent that runs has, and that the program which is there now would not get: those of a file are gone with
// it when a package replaces it. For people; empty: none, or no agent runs.
std::string capabilities_lost(const Ground& ground);

}  // namespace lictor
