#include "agent_config/io/agent_checks.hpp"

#include "base/json_text.hpp"
#include "files/io/files.hpp"
#include "files/io/folder.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

// The id of the check that a file is about, if it is about one. Its name tells nothing: it is a hash of the id that differs
// between versions of Consul. A definition has the id in "Check", the state of a TTL check has it at the top.
std::optional<std::string> check_in(const std::string& path) {
  const auto content = foreign_json(content_of(path));
  if (!content.is_object()) return std::nullopt;
  const auto definition = content.find("Check");
  const auto& about = definition == content.end() ? content : *definition;
  if (!about.is_object()) return std::nullopt;
  const auto id = about.find("CheckID");
  return id != about.end() && id->is_string() ? std::optional(id->get<std::string>()) : std::nullopt;
}

// Each file of a folder that is about a check, with its id.
std::vector<std::pair<std::string, std::string>> checks_in(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> found;
  std::vector<std::string> files;
  each_name(folder, [&](std::string_view name) {
    files.push_back(folder + std::string(name));
    return true;
  });
  for (std::string& file : files) {
    if (auto check = check_in(file)) found.emplace_back(std::move(file), std::move(*check));
  }
  return found;
}

}  // namespace

void forget_kept_checks(const std::string& data_dir, const std::vector<std::string>& ids) {
  std::set<std::string> doomed(ids.begin(), ids.end());
  if (doomed.empty()) return;
  for (const auto& [file, id] : checks_in(data_dir + "/checks/state/")) doomed.erase(id);
  for (const auto& [file, id] : checks_in(data_dir + "/checks/")) {
    if (doomed.contains(id)) unlink_below(file);
  }
}

}  // namespace lictor
