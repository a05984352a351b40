#include "agent_api/service_record.hpp"

#include "base/json_text.hpp"

#include <algorithm>
#include <set>

namespace lictor {
namespace {

bool among(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<std::string> strings_in(const Json& object, const char* key) {
  std::vector<std::string> found;
  if (!object.is_object()) return found;
  const auto list = object.find(key);
  if (list == object.end() || !list->is_array()) return found;
  for (const Json& item : *list) {
    if (item.is_string()) found.push_back(item.get<std::string>());
  }
  return found;
}

}  // namespace

bool tags_may_be_theirs(const Json& service) {
  const auto found = service.find("EnableTagOverride");
  return found != service.end() && *found == true;
}

std::vector<std::string> tags_of(const Json& service) { return strings_in(service, "Tags"); }

void note_taken(KeptService& kept, const Json& body, const std::string& digest) {
  kept.digest = digest;
  kept.tags = tags_may_be_theirs(body) ? tags_of(body) : std::vector<std::string>{};
  std::set<std::string> checks(kept.checks.begin(), kept.checks.end());
  checks.merge(given_check_ids(body));
  kept.checks.assign(checks.begin(), checks.end());
}

std::map<std::string, std::vector<std::string>> stale_checks(const std::vector<Json>& desired,
                                                             const std::map<std::string, Json>& sent,
                                                             const ServiceRecord& record) {
  std::set<std::string> wanted;
  for (const Json& service : desired) wanted.merge(given_check_ids(service));
  std::map<std::string, std::vector<std::string>> stale;
  for (const Json& service : desired) {
    const auto taken = sent.find(service.at("ID").get_ref<const std::string&>());
    const auto kept = record.find(service.at("ID").get_ref<const std::string&>());
    if (taken == sent.end() || taken->second != service || kept == record.end()) continue;
    for (const std::string& id : kept->second.checks) {
      if (!wanted.contains(id)) stale[kept->first].push_back(id);
    }
  }
  return stale;
}

std::vector<std::string> merged_tags(const std::vector<std::string>& before, const std::vector<std::string>& ours,
                                     const std::vector<std::string>& theirs) {
  if (theirs == before) return ours;
  std::vector<std::string> merged;
  for (const std::string& tag : theirs) {
    if (!among(before, tag) || among(ours, tag)) merged.push_back(tag);
  }
  for (const std::string& tag : ours) {
    if (!among(before, tag) && !among(merged, tag)) merged.push_back(tag);
  }
  return merged;
}

Json record_json(const ServiceRecord& record) {
  Json json = Json::object();
  for (const auto& [id, kept] : record) {
    Json& entry = json[id] = {{"digest", kept.digest}, {"checks", kept.checks}};
    if (!kept.tags.empty()) entry["tags"] = kept.tags;
  }
  return json;
}

ServiceRecord parse_record(const Json& json) {
  ServiceRecord record;
  if (!json.is_object()) return record;
  for (const auto& [id, entry] : json.items()) {
    // A digest alone is how it was kept before checks were.
    if (entry.is_string()) record[id] = {.digest = entry.get<std::string>()};
    if (entry.is_object())
      record[id] = {text_of(entry, "digest"), strings_in(entry, "checks"), strings_in(entry, "tags")};
  }
  return record;
}

}  // namespace lictor
