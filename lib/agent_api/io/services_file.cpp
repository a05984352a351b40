#include "agent_api/io/services_file.hpp"

#include "base/json_text.hpp"

namespace lictor {

std::string services_path(const std::string& data_dir) { return data_dir + "/lictor-services.json"; }

Result<void> keep_services(const ServiceRecord& record, const std::string& data_dir, const FileAttributes& attributes) {
  return write_atomically(services_path(data_dir), record_text(record) + "\n", attributes);
}

ServiceRecord kept_services(const std::string& data_dir) {
  constexpr std::size_t longest = 16 << 20;
  const auto text = read_file(services_path(data_dir), longest);
  return text && *text ? parse_record(foreign_json(**text)) : ServiceRecord{};
}

}  // namespace lictor
