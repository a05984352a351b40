#include "act/agent_checks.hpp"

#include "act/files.hpp"
#include "act/folder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

// The id of the check that a file is about, if it is about one. Its name tells nothing: it is a hash of the id that differs
// between versions of Consul. A definition has the id in "Check", the state of a TTL check has it at the top.
std::optional<std::string> check_in(const std::string& path) {
  const auto content = nlohmann::json::parse(content_of(path), nullptr, false);
  if (!content.is_object()) return std::nullopt;
  const auto definition = content.find("Check");
  const auto& about = definition == content.end() ? content : *definition;
  if (!about.is_object()) return std::nullopt;
  const auto id = about.find("CheckID");
  return id != about.end() && id->is_string() ? std::optional(id->get<std::string>()) : std::nullopt;
}

}  // namespace

KeptChecks::KeptChecks(const std::string& data_dir, std::vector<std::string> ids) : ids_(std::move(ids)) {
  if (ids_.empty()) return;
  std::sort(ids_.begin(), ids_.end());
  for (const std::string& folder : {data_dir + "/checks/", data_dir + "/checks/state/"}) {
    each_name(folder, [&](std::string_view name) {
      files_.push_back(folder + std::string(name));
      return true;
    });
  }
}

bool KeptChecks::forget(Duration slice) {
  const auto over = std::chrono::steady_clock::now() + slice;
  for (; !files_.empty(); files_.pop_back()) {
    if (std::chrono::steady_clock::now() >= over) return false;
    const auto check = check_in(files_.back());
    if (check && std::binary_search(ids_.begin(), ids_.end(), *check)) unlink_below(files_.back());
  }
  return true;
}

}  // namespace lictor
