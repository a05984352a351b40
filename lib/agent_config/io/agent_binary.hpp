// The agent's binary as a file, and what is remembered of it (agent_config/agent_version.hpp).
#pragma once

#include "agent_config/agent_version.hpp"
#include "base/problem.hpp"
#include "files/io/files.hpp"

#include <optional>
#include <string>

namespace lictor {

std::string agent_record_path(const std::string& data_dir);  // lictor-agent.json

// stat(2) of it; nothing where that fails.
std::optional<BinaryFile> binary_file(const std::string& path);

// The record that is there, of this binary or of an earlier one.
std::optional<AgentRecord> agent_record(const std::string& data_dir);

// The version of the binary at `path`, where that is the very file of the record. Reads one small file.
std::optional<AgentVersion> known_agent_version(const std::string& data_dir, const std::string& path);

// Waits for no disk. Writes nothing where it is there already.
Result<void> keep_agent_record(const std::string& data_dir, const AgentRecord& record, FileAttributes attributes);

// go_release of the program at `path`; nothing where it is none of Go's, or can't be read.
std::optional<int> go_release_of(const std::string& path);

}  // namespace lictor
