// What the data directory stands on, and whether an agent can live there. Looks; changes nothing that lasts.
#pragma once

#include "base/problem.hpp"
#include "files/io/as_user.hpp"

#include <optional>
#include <string>

namespace lictor {

// Type of the filesystem that holds `path`, or its nearest ancestor that exists: "overlay", "tmpfs", "ext4", ... from
// /proc/self/mountinfo (`root` before it for tests), symbolic links resolved and mounts that a later mount hides left
// out; empty where unknown.
std::string filesystem_of(const std::string& path, const std::string& root = "");

// In a container, as far as one can tell: /.dockerenv or /run/.containerenv is there, the environment that PID 1 or this
// process was started with has a variable `container`, or the root filesystem is an overlay.
bool in_container(const std::string& root = "");

// A warning line where data in `path` would not outlast the container: overlay, tmpfs or ramfs inside a container.
std::optional<std::string> fleeting_storage(const std::string& path, const std::string& root = "");

// Makes `path` and its parents; where lictor is root `path` is the `user`'s, or, on a file system that keeps no owners, of whoever
// it says, where that user may make it. On failure what it made is gone again.
Result<void> make_data_dir(const std::string& path, const FileUser& user);

// Problems that would keep an agent of `user` from living in `path`, found before it is started: no directory,
// read-only filesystem, no space or no inodes for a small file (tried with one, lictor.probe, that is removed again; for an
// agent that is not root, what is reserved for root does not count), and, where lictor is not root and can't give them
// away, files of somebody else that it may not write. Where lictor is root and may not write there, or not give files away,
// it will do if that user may write. Each says what to do; Exit::retry where space may come, else Exit::config.
Result<void> check_data_dir(const std::string& path, const FileUser& user);

// Of a lictor that is root: whether `user` may write in `path` as it is, tried as above.
bool user_may_write(const std::string& path, const FileUser& user);

}  // namespace lictor
