// A tree of files handed over from root to the agent's user.
#pragma once

#include "base/problem.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

namespace lictor {

// Gives `path` and everything below to uid:gid, each folder after what is in it. A folder that is theirs already stays as it
// is, with all below: so root never works in a folder whose entries the new owner can swap, and what was once handed over
// costs one look. Symbolic links below `path` are given away themselves and never followed. A problem: a device, somebody
// else's file with more than one name, and a folder that is moved meanwhile. However deep the tree, it takes three descriptors,
// and no stack. Sets errno where the file system refuses, and else to 0. Returns how many entries were changed.
Result<std::size_t> give_ownership(const std::string& path, uid_t uid, gid_t gid);

// The path of an entry below `path` that a process of uid:gid may not write and that is not its to open up: somebody else's,
// with a mode that leaves it out. Nothing where there is none, or where this process can't look. Looks at `most` entries at
// most.
std::optional<std::string> foreign_entry(const std::string& path, uid_t uid, gid_t gid, std::size_t most = 1'000);

}  // namespace lictor
