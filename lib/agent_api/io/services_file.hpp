// What the agents on a data directory have of lictor's, on disk.
#pragma once

#include "agent_api/service_record.hpp"
#include "files/io/files.hpp"

#include <string>

namespace lictor {

std::string services_path(const std::string& data_dir);  // lictor-services.json

// Not durable: without it all is sent once more. What is no such file's content counts as none.
Result<void> keep_services(const ServiceRecord& record, const std::string& data_dir, const FileAttributes& attributes);
ServiceRecord kept_services(const std::string& data_dir);

}  // namespace lictor
