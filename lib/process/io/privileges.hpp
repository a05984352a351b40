// What lictor may do as root, and what the programs that it starts may gain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lictor {

// A set of Linux capabilities: bit n is capability n (capabilities(7)).
using Capabilities = std::uint64_t;

// What a lictor that is root needs: CHOWN and DAC_OVERRIDE to hand files over and to reach them then, SETUID and SETGID to
// become the agent user, KILL to end what runs as it.
Capabilities needed_capabilities();

// "CHOWN, KILL": those of needed_capabilities() that are in the set.
std::string names_of_needed(Capabilities set);

// What the program carries in its file (setcap(8)): it gains that when it is executed, as far as the bounding set goes and
// where no_new_privs is not set. Empty where it carries nothing or can't be looked at.
Capabilities file_capabilities(const std::string& program);

// For a process of root, for good: permitted and effective keep what they have of needed_capabilities(), inheritable and
// ambient nothing, and the bounding set, as far as this process may lower it (CAP_SETPCAP), keeps needed_capabilities() and
// `bounding`. Returns those of needed_capabilities() that it does not have; nothing: the kernel refused.
std::optional<Capabilities> keep_needed_capabilities(Capabilities bounding);

// Whether a program that this process executes gains what its file carries (not where no_new_privs is set).
bool may_gain_privileges();
// Whether it has all of `set` without that: by this process's ambient set.
bool hands_on(Capabilities set);

// What this process lacks to see of each process of the host which files and sockets it has open, in words: root; or, for one
// that is root, CAP_SYS_PTRACE (which Linux asks for where the other is of another user or has more capabilities) and the
// host's process ids, where a container has its own. "another view of the host" where it lacks nothing of these.
std::string lacking_sight();

// For this process and all it will start: executing a program gains nothing, neither by set-user-id nor by file
// capabilities (PR_SET_NO_NEW_PRIVS). Can't be taken back.
bool gain_no_privileges();

}  // namespace lictor
