// Facts about the host: machine id, cgroup, random bytes, environment. Read, never decided on.
#pragma once

#include "base/environment.hpp"
#include "base/problem.hpp"
#include "process/limits.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace lictor {

// Stable 128-bit hash (32 hex digits) of /etc/machine-id or, where that is absent, empty or "uninitialized", of
// /sys/class/dmi/id/product_uuid; empty where the host has neither. The id itself never leaves this function. Keyed with
// the program's name, so that it is no machine id in the eyes of other programs: two runs of FNV-1a with 64 bits, one
// over the id and one over its reverse. It tells machines apart; it is no secret and no signature. No stronger hash takes its
// place: it is stored with each node's identity, and another one would have every node take its data for another machine's.
std::string machine_hash(const std::string& root = "");

std::string host_name();    // as gethostname has it, not made fully qualified
std::string random_uuid();  // version 4, from the kernel's random bytes
std::string now_rfc3339();  // UTC, whole seconds: "2024-02-29T23:59:59Z"

// This process's limits from /proc/self/cgroup and the hierarchies under /sys/fs/cgroup (v1, v2, hybrid; in a
// cgroup namespace the path is "/"). Where the hierarchy has no such path (a container that sees the host's path but
// only its own mount), the file at the top of the mount counts. `root` is put before both for tests.
CgroupFiles read_cgroup(const std::string& root = "");
int host_cpus();  // those this process may run on

// Absolute path of `name` (looked up on the environment's PATH if it has no slash; without PATH in the usual six
// folders; empty and relative parts of PATH are passed over). Problems carry Exit::not_found or, where it is there and can't
// be executed, Exit::cannot_execute.
Result<std::string> find_binary(const std::string& name, const Environment& environment);

// Whether a process listens on the unix socket `path`, told at once: 0 where one does, a full queue included, else connect's
// errno.
int knock(const std::string& path);

// Whether somebody has bound UDP `port` at `address`, an address of this host; nothing where that can't be told. Found
// out by binding it for a moment.
std::optional<bool> udp_port_taken(const std::string& address, int port);

Environment current_environment();  // of two entries with one name the first, as getenv has it

// Gives back to the host what was only needed to come so far: free memory, what the stack once took, and the program's code and
// constants, which are taken out of this process's page tables. What is used further comes back by itself, with a page fault each
// 64 kB. Starting up goes through most of them, serving through little.
void give_memory_back();

// Times that this process has been given memory, or the program's code was mapped for it, without a read from a disk: minor page
// faults since its start (getrusage(2)).
long pages_come_by();

}  // namespace lictor
