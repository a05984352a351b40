#include "settings/service_list.hpp"

#include "base/json_parts.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "secrets/secrets.hpp"

#include <string_view>
#include <unordered_map>
#include <utility>

namespace lictor {

Definition definition_of(const Json& json) {
  const std::uint64_t digest = digest_without_secrets(json);
  return {SharedJson(json), digest};
}

std::optional<ServiceList> read_service_list(const SettingsFile& file, const std::vector<Definition>* before) {
  const std::string_view text = file.text;
  // Each value takes two bytes: of a shorter text no count is needed.
  if (text.size() > 2 * json_values) return std::nullopt;
  std::vector<std::string_view> parts;
  bool in_list = true;
  JsonParts skimming("services", [&](const JsonParts::Part& part) {
    if (!part.inner) return;
    in_list &= part.key.empty() && part.text.starts_with('{');
    parts.push_back(part.text);
  });
  skimming.feed(text);
  if (!skimming.whole() || parts.empty() || !in_list) return std::nullopt;

  std::unordered_map<std::uint64_t, const Definition*> known;
  if (before != nullptr) {
    for (const Definition& definition : *before) known.emplace(definition.text, &definition);
  }
  ServiceList list;
  for (const std::string_view part : parts) {
    const std::uint64_t digest = fnv1a(part);
    if (const auto found = known.find(digest); found != known.end() && digest != 0) {
      list.definitions.push_back(*found->second);
      continue;
    }
    auto parsed = parse_json(file.name, part);
    if (!parsed) return std::nullopt;
    list.definitions.push_back(definition_of(*parsed));
    list.definitions.back().text = digest;
  }
  const auto begin = static_cast<std::size_t>(parts.front().data() - text.data());
  const auto end = static_cast<std::size_t>(parts.back().data() + parts.back().size() - text.data());
  list.rest = std::string(text.substr(0, begin)).append(text.substr(end));
  return list;
}

}  // namespace lictor
