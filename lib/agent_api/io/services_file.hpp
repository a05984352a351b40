// What the agents on a data directory were last sent (AgentApi::Record), on disk.
#pragma once

#include "files/io/files.hpp"

#include <map>
#include <string>

namespace lictor {

std::string services_path(const std::string& data_dir);  // lictor-services.json

// Not durable: without it all is sent once more. What is no such file's content counts as none.
Result<void> keep_services(const std::map<std::string, std::string>& record, const std::string& data_dir,
                           const FileAttributes& attributes);
std::map<std::string, std::string> kept_services(const std::string& data_dir);

}  // namespace lictor
