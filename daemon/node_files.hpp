// What lictor makes of files and folders for a node before an agent runs: locks, folders, consul.json.
#pragma once

#include "files/io/files.hpp"
#include "ground.hpp"

#include <optional>
#include <string>

namespace lictor {

// Keeps a second lictor off the run directory and the data directory.
struct Locks {
  std::optional<FileLock> run_dir, data_dir;
  bool taken = false;  // what the last attempt failed on: another process holds one of them, and may let go of it
};
// Those of `locks` that are not held yet. Makes the directories where they are missing. The agent could live in the data
// directory, as check_data_dir has it, or its problem is returned and nothing is left there.
Result<void> lock(const Sources& sources, Locks& locks);
Result<void> lock_run_dir(const Settings& settings, Locks& locks);

// The folders that the agent is to have, and their owner. Waits for no disk.
Result<void> make_folders(const Ground& ground);

// The same for consul.json, at `path`.
Result<void> write_consul_json(const Ground& ground, const std::string& path);

// For each launch: a fresh recovery token (where ACLs are on), and consul.json with it.
Result<void> install_consul_json(Ground& ground);

}  // namespace lictor
