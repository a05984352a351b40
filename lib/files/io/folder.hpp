// Paths walked so that nobody else leads lictor elsewhere.
//
// lictor may be root, and folders on the way may belong to the agent's user, who could put a symbolic link in the place of
// one of them. Where lictor writes, a link is followed only where none but root and lictor's own user can have put it. Where
// it reads, as find_to_read has it.
#pragma once

#include "base/problem.hpp"
#include "files/io/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
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
int remove_folder_below(const std::string& path);  // rmdir(2)

// What is at `path`, found and not yet opened: `at` and `folder`, in which it is called `name`, are of O_PATH.
struct Found {
  Descriptor at, folder;
  std::string name;
  struct stat about {};
};

// By a walk as of open_folder that follows two kinds of links more, wherever they are: those of root and of lictor's own user
// (Kubernetes mounts a ConfigMap, which is links, in a folder of mode 0777), and those that lead to what their owner owns. So
// nobody has lictor read for him what he can't read. The same with a hard link: a file with more than one name in a folder that
// others can write to is a problem, but where it is the folder's owner's or everybody's to read. Sets errno; ELOOP where
// it refuses.
Result<Found> find_to_read(const std::string& path);

// Who beside root and lictor's own user can change what is at `path`, or put something else there: "uid 100 can write to /x",
// "everybody can write to /x/y". Nothing: nobody, the file system is mounted read-only, or the path is not there.
std::optional<std::string> others_who_write(const std::string& path);

// The path without its last component: "." or "/" where there is nothing else.
std::string folder_of(const std::string& path);

}  // namespace lictor
