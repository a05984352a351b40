// What lictor makes of files and folders for a node before an agent runs: locks, folders, consul.json.
#pragma once

#include "files/io/files.hpp"
#include "ground.hpp"

#include <string>

namespace lictor {

// Keeps a second lictor off the run directory and the data directory. Makes both where they are missing. The agent could
// live in the data directory, as check_data_dir has it, or its problem is returned and nothing is left there.
struct Locks {
  FileLock run_dir, data_dir;
};
Result<Locks> lock(const Sources& sources);

// The folders that the agent is to have, and their owner. Waits for no disk.
Result<void> make_folders(const Ground& ground);

// The same for consul.json, at `path`.
Result<void> write_consul_json(const Ground& ground, const std::string& path);

// For each launch: a fresh recovery token (where ACLs are on), and consul.json with it.
Result<void> install_consul_json(Ground& ground);

}  // namespace lictor
