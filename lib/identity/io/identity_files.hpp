// The node's identity on disk: lictor-identity.json and Consul's node-id, written as one.
#pragma once

#include "files/io/files.hpp"
#include "identity/identity.hpp"

#include <string>

namespace lictor {

std::string identity_path(const std::string& data_dir);  // lictor-identity.json
std::string node_id_path(const std::string& data_dir);

// Writes what settle_identity decided, and of that only what is not there already; in node-id the id counts and not how it
// is spelled. Whichever step fails, and whenever power is lost, settle_identity then finds in `data_dir` what was there
// before or the whole of `identity`, and the same again completes it. Waits for the disk. Problems as of write_atomically.
Result<void> install_identity(const Identity& identity, const std::string& data_dir, const FileAttributes& attributes,
                              FileCalls& calls = real_file_calls());

}  // namespace lictor
