#include "agent_api/service_record.hpp"

#include "base/json_text.hpp"

#include <algorithm>
#include <set>

namespace lictor {
namespace {

bool among(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

void add_quoted(std::string& text, const std::string& word) {
  const bool plain =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
  if (!plain) return void(text += json_text(word));
  text += '"';
  text += word;
  text += '"';
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

bool tags_may_be_theirs(const SharedJson& service) {
  return service.mentions("EnableTagOverride") && tags_may_be_theirs(static_cast<const Json&>(*service));
}

bool note_taken(KeptService& kept, const Json& body, const std::string& digest) {
  kept.digest = digest;
  kept.tags = tags_may_be_theirs(body) ? tags_of(body) : std::vector<std::string>{};
  std::set<std::string> checks = given_check_ids(body);
  const std::size_t given = checks.size();
  checks.insert(kept.checks.begin(), kept.checks.end());
  kept.checks.assign(checks.begin(), checks.end());
  return checks.size() > given;
}

std::map<std::string, std::vector<std::string>> stale_checks(const Services& desired, const SentServices& sent,
                                                             const ServiceRecord& record) {
  std::map<std::string, std::vector<std::string>> stale;
  for (const SharedJson& service : desired) {
    const std::string& id = service.id();
    const auto taken = sent.find(id);
    const auto kept = record.find(id);
    if (taken == sent.end() || taken->second != service || kept == record.end()) continue;
    const std::set<std::string> own = given_check_ids(*service);
    for (const std::string& check : kept->second.checks) {
      if (!own.contains(check)) stale[id].push_back(check);
    }
  }
  if (stale.empty()) return stale;
  // One that another service has now is that one's.
  std::set<std::string> wanted;
  for (const SharedJson& service : desired) wanted.merge(given_check_ids(*service));
  for (auto& [id, checks] : stale) {
    std::erase_if(checks, [&wanted](const std::string& check) { return wanted.contains(check); });
  }
  std::erase_if(stale, [](const auto& of_service) { return of_service.second.empty(); });
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

// Of thousands a tree would take longer to be made than all else that a change of one of them takes.
std::string record_text(const ServiceRecord& record) {
  std::string text = "{";
  const auto add_list = [&text](const std::vector<std::string>& list) {
    text += '[';
    for (const std::string& item : list) {
      if (&item != &list.front()) text += ',';
      add_quoted(text, item);
    }
    text += ']';
  };
  for (const auto& [id, kept] : record) {
    if (text.size() > 1) text += ',';
    add_quoted(text, id);
    text += R"(:{"checks":)";
    add_list(kept.checks);
    text += R"(,"digest":)";
    add_quoted(text, kept.digest);
    if (!kept.tags.empty()) {
      text += R"(,"tags":)";
      add_list(kept.tags);
    }
    text += '}';
  }
  return text + "}";
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
