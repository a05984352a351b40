#include "agent_api/io/services_file.hpp"

#include "base/json_text.hpp"

#include <nlohmann/json.hpp>

namespace lictor {

std::string services_path(const std::string& data_dir) { return data_dir + "/lictor-services.json"; }

Result<void> keep_services(const std::map<std::string, std::string>& record, const std::string& data_dir,
                           const FileAttributes& attributes) {
  return write_atomically(services_path(data_dir), json_text(nlohmann::json(record)) + "\n", attributes);
}

std::map<std::string, std::string> kept_services(const std::string& data_dir) {
  constexpr std::size_t longest = 16 << 20;
  std::map<std::string, std::string> record;
  const auto text = read_file(services_path(data_dir), longest);
  if (!text || !*text) return record;
  const auto json = foreign_json(**text);
  if (!json.is_object()) return record;
  for (const auto& [id, digest] : json.items()) {
    if (digest.is_string()) record[id] = digest.get<std::string>();
  }
  return record;
}

}  // namespace lictor
