#include "agent_config/definitions.hpp"

#include "agent_config/kept_definitions.hpp"
#include "secrets/secrets.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace lictor {
namespace {

constexpr std::array keys{"services", "checks"};

// The digest of a list is a number in this base, whose digits are the digests of its elements.
constexpr std::uint64_t base = 0xd1342543de82ef95ULL;

std::uint64_t power_of_base(std::size_t exponent) {
  std::uint64_t power = 1;
  for (std::uint64_t square = base; exponent > 0; exponent >>= 1U, square *= square) {
    if ((exponent & 1U) != 0) power *= square;
  }
  return power;
}

bool is_kept(const Json& element) {
  return element.is_object() && element.contains("count") && element.contains("digest") &&
         element.size() == (element.contains("secrets") ? 3 : 2) && element["count"].is_number_unsigned() &&
         element["digest"].is_number_unsigned();
}

}  // namespace

bool holds_definitions(std::string_view key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

void KeptDefinitions::add(const Digest& definition, std::vector<std::string> secrets) {
  digest_ = digest_ * base + definition.value();
  ++count_;
  std::move(secrets.begin(), secrets.end(), std::back_inserter(secrets_));
}

void KeptDefinitions::add(const Json& definition) {
  if (!is_kept(definition)) {
    const Digest digest = digest_of(definition);
    // To look for them closely takes ten times as long.
    return add(digest, digest.may_hold_secrets() ? secrets_in(definition) : std::vector<std::string>());
  }
  const auto more = definition["count"].get<std::size_t>();
  digest_ = digest_ * power_of_base(more) + definition["digest"].get<std::uint64_t>();
  count_ += more;
  for (const Json& secret : definition.value("secrets", Json::array())) secrets_.push_back(secret.get<std::string>());
}

Json KeptDefinitions::json() const {
  if (count_ == 0) return Json::array();
  Json kept{{"count", count_}, {"digest", digest_}};
  if (!secrets_.empty()) kept["secrets"] = secrets_;
  return Json::array({std::move(kept)});
}

Json digests_of(const Json& list) {
  if (!list.is_array()) return list;
  KeptDefinitions kept;
  for (const Json& definition : list) kept.add(definition);
  return kept.json();
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
