#include "agent_config/definitions.hpp"

#include "base/text.hpp"
#include "secrets/secrets.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

constexpr std::array keys{"services", "checks"};

std::uint64_t digest_of(const Json& value, std::uint64_t before) {
  const auto type = static_cast<char>(value.type());
  std::uint64_t digest = fnv1a({&type, 1}, before);
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end(); ++at) digest = digest_of(*at, fnv1a(at.key(), digest));
  } else if (value.is_array()) {
    for (const Json& element : value) digest = digest_of(element, digest);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    digest = fnv1a(text, digest ^ text.size());
  } else {
    digest = fnv1a(value.dump(), digest);
  }
  return fnv1a(std::string_view("\0", 1), digest);
}

class Keeper {
 public:
  Json kept_of(const Json& definition) {
    if (!definition.is_object() ||
        (definition.size() == 2 && definition.contains("digest") && definition.contains("secrets")))
      return definition;
    const std::uint64_t digest = digest_of(definition, fnv1a(""));
    if (!may_hold_secrets(definition)) return digest;
    auto secrets = secrets_in(definition);
    return secrets.empty() ? Json(digest) : Json{{"digest", digest}, {"secrets", std::move(secrets)}};
  }

 private:
  // False: there are none. To look for them closely would take ten times as long.
  bool may_hold_secrets(const Json& value) {
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      return text.find("://") != text.npos && text.find_first_of("@?") != text.npos;
    }
    if (value.is_array())
      return std::any_of(value.begin(), value.end(), [this](const Json& element) { return may_hold_secrets(element); });
    if (!value.is_object()) return false;
    for (auto at = value.begin(); at != value.end(); ++at) {
      if (tells_of_secrets(at.key()) || may_hold_secrets(*at)) return true;
    }
    return false;
  }

  // Definitions have the same few keys over and over.
  bool tells_of_secrets(const std::string& key) {
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    return known_[key] = names_a_secret(key) || lower(key) == "header" || key.find("join") != key.npos;
  }

  std::map<std::string, bool> known_;
};

}  // namespace

bool holds_definitions(std::string_view key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

Json digests_of(const Json& list) {
  if (!list.is_array()) return list;
  Json digests = Json::array();
  Keeper keeper;
  for (const Json& definition : list) digests.push_back(keeper.kept_of(definition));
  return digests;
}

void let_definitions_go(Json& agent) {
  for (const char* key : keys) {
    if (const auto found = agent.find(key); found != agent.end()) *found = digests_of(*found);
  }
}

void let_definitions_go(AgentConfig& config) {
  let_definitions_go(config.before.merged);
  if (config.joined) let_definitions_go(config.joined->merged);
  for (AgentConfigFile& file : config.after) let_definitions_go(file.content);
}

}  // namespace lictor
