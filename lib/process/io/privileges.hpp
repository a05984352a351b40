// What lictor may do as root, and what it hands on to the programs that it starts.
#pragma once

#include "base/problem.hpp"
#include "process/rights.hpp"

#include <optional>
#include <string>

namespace lictor {

// What a lictor that is root needs: CHOWN and DAC_OVERRIDE to hand files over and to reach them then, SETUID and SETGID to
// become the agent user, KILL to end what runs as it.
Capabilities needed_capabilities();

// What the program carries in its file (setcap(8)): it gains that when it is executed, as far as the bounding set goes and
// where no_new_privs is not set. Empty where it carries nothing or can't be looked at.
Capabilities file_capabilities(const std::string& program);

// What process `pid` (0: this one) may use; empty where there is none.
Capabilities permitted_capabilities(int pid = 0);
// This process's.
Capabilities ambient_capabilities();  // empty on kernels before 4.3, which have none

// For a process of root, for good: permitted keeps what it has of needed_capabilities() and of `handed_on`, effective what it has
// of the first. Ambient and inheritable keep what is handed on, and the bounding set stays as it is: it is what set-user-id programs
// and file capabilities of the agent's checks go by. Returns those of needed_capabilities() that it does not have; nothing: the
// kernel refused.
std::optional<Capabilities> keep_capabilities(Capabilities handed_on);

// This process has what it executes have `set`, as far as that is permitted, and keeps what it has itself.
Result<void> take_ambient_capabilities(Capabilities set);

// For this process, for good, as far as it may: none but these, neither its own nor by executing a program.
void limit_capabilities(Capabilities most);

// In a child, once it is the user that it runs as: has what it executes have `set`, and nothing else that is ambient. REQUIRES: all of
// it is permitted, and was kept over a change of the user (PR_SET_KEEPCAPS). A problem: errno's.
Result<void> hand_on_capabilities(Capabilities set);

// Whether a program that this process executes gains what its file carries (not where no_new_privs is set).
bool may_gain_privileges();

// What this process lacks to see of each process of the host which files and sockets it has open, in words: root; or, for one
// that is root, CAP_SYS_PTRACE (which Linux asks for where the other is of another user or has more capabilities) and the
// host's process ids, where a container has its own. "another view of the host" where it lacks nothing of these.
std::string lacking_sight();

// For this process and all it will start: executing a program gains nothing, neither by set-user-id nor by file
// capabilities (PR_SET_NO_NEW_PRIVS). Can't be taken back.
bool gain_no_privileges();

}  // namespace lictor
