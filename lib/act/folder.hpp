// Paths that lictor writes to, walked so that nobody else leads it elsewhere.
//
// lictor may be root, and folders on the way may belong to the agent's user, who could put a symbolic link in the place of
// one of them. A link is followed only where none but root and lictor's own user can have put it.
#pragma once

#include "act/descriptor.hpp"
#include "decide/problem.hpp"

#include <fcntl.h>
#include <sys/types.h>

#include <string>

namespace lictor {

// The folder `path`, open for reading. A problem (Exit::config) where it is none, and where a symbolic link on the way, or
// `path` itself, lies in a folder that others can write to: it names that link.
Result<Descriptor> open_folder(const std::string& path);

// open(2), mkdir(2) and so on, by a walk as of open_folder; a link at `path` itself is for the call to deal with. They set
// errno as those calls do, and ELOOP for a link that is not followed.
int open_below(const std::string& path, int flags, mode_t mode = 0);
int make_below(const std::string& path, mode_t mode);
int rename_below(const std::string& from, const std::string& to);
int unlink_below(const std::string& path);

// The path without its last component: "." or "/" where there is nothing else.
std::string folder_of(const std::string& path);

}  // namespace lictor
