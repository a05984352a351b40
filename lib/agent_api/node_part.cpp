#include "agent_api/node_part.hpp"

#include "agent_api/services.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace lictor {
namespace {

using nlohmann::json;

// Bytes of one check or service, or of the node.
constexpr std::size_t longest_part = 1 << 20;
constexpr std::size_t enough_for_null = 16;

// What one has as null, or not at all, another has as empty.
const json& value_of(const json& object, const char* key) {
  static const json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) return none;
  return found->empty() || *found == "" ? none : *found;
}

std::uint64_t digest_of_fields(const json& object, std::initializer_list<const char*> keys) {
  std::uint64_t digest = fnv1a("");
  for (const char* key : keys) digest = fnv1a("\n", fnv1a(json_text(value_of(object, key)), digest));
  return digest;
}

}  // namespace

std::uint64_t which_part(std::string_view id) { return fnv1a(id); }

std::uint64_t digest_of_check(const json& check) {
  return digest_of_fields(check, {"Name", "Status", "Notes", "ServiceID"});
}

std::uint64_t digest_of_service(const json& service) {
  const std::uint64_t digest = digest_of_fields(service, {"Service", "Port", "Address", "Meta", "EnableTagOverride"});
  return flag_of(service, "EnableTagOverride") ? digest : fnv1a(json_text(value_of(service, "Tags")), digest);
}

std::uint64_t digest_of_entry(const json& node) {
  const char* const meta = node.is_object() && node.contains("NodeMeta") ? "NodeMeta" : "Meta";
  return digest_of_fields(node, {"ID", "Address", meta});
}

NodePartReader::NodePartReader(NodePart part)
    : checks_(part == NodePart::checks),
      parts_(
          checks_ ? "" : "Services", [this](const JsonParts::Part& taken) { take(taken); }, longest_part) {}

void NodePartReader::feed(std::string_view piece) {
  beginning_ += cut(piece, enough_for_null - std::min(enough_for_null, beginning_.size()));
  parts_.feed(piece);
}

void NodePartReader::take(const JsonParts::Part& part) {
  if (!checks_ && !part.inner && part.key != "Node") return;
  const json value = foreign_json(part.text);
  good_ &= value.is_object();
  if (!good_) return;
  if (checks_) {
    const std::string id = text_of(value, "CheckID");
    if (id == "serfHealth")
      standing_ = text_of(value, "Status") == "critical" ? StandingAnswer::failed : StandingAnswer::alive;
    digests_.push_back({which_part(id), digest_of_check(value)});
  } else if (part.inner) {
    digests_.push_back({which_part(part.key), digest_of_service(value)});
    if (text_of(object_of(value, "Meta"), "managed-by") == "lictor") managed_.push_back(which_part(part.key));
  } else {
    entry_ = value;
    digests_.push_back({entry_part, digest_of_entry(value)});
  }
}

bool NodePartReader::whole() const {
  if (!checks_ && !parts_.whole()) return trim(beginning_) == "null";
  return good_ && parts_.whole() && parts_.list() == checks_;
}

PartDigests NodePartReader::digests() const {
  PartDigests sorted = digests_;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

void add_agent_part(NodePart part, std::string_view id, const json& value, PartDigests& digests) {
  digests.push_back({which_part(id), part == NodePart::checks ? digest_of_check(value) : digest_of_service(value)});
}

PartDigests agent_digests(NodePart part, const json& listed) {
  PartDigests digests;
  if (!listed.is_object()) return digests;
  for (const auto& [id, value] : listed.items()) add_agent_part(part, id, value, digests);
  std::sort(digests.begin(), digests.end());
  return digests;
}

PartDigests lost_or_changed(const PartDigests& before, const PartDigests& now) {
  PartDigests changed;
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(), std::back_inserter(changed));
  return changed;
}

bool agent_differs(const PartDigests& changed, const PartDigests& now, const PartDigests& agent) {
  const auto in = [](const PartDigests& digests, std::uint64_t which) -> const PartDigest* {
    const auto found = std::lower_bound(digests.begin(), digests.end(), PartDigest{which, 0});
    return found != digests.end() && found->which == which ? &*found : nullptr;
  };
  return std::any_of(changed.begin(), changed.end(), [&](const PartDigest& part) {
    const PartDigest* shown = in(now, part.which);
    if (part.which == alive_part) return !shown;
    const PartDigest* has = in(agent, part.which);
    return has && (!shown || *shown != *has);
  });
}

std::map<std::string, json> altered_registrations(const json& node, const NodePartReader& services,
                                                  const NodePartReader& checks, const json& agent_services,
                                                  const json& agent_checks) {
  std::set<std::string> altered;
  const PartDigests shown_services = services.digests(), shown_checks = checks.digests();
  const auto shown = [](const PartDigests& digests, const std::string& id, std::uint64_t digest) {
    return std::binary_search(digests.begin(), digests.end(), PartDigest{which_part(id), digest});
  };
  for (const auto& [id, service] : agent_services.items()) {
    if (!shown(shown_services, id, digest_of_service(service))) altered.insert(id);
  }
  for (const auto& [id, check] : agent_checks.items()) {
    if (!shown(shown_checks, id, digest_of_check(check))) altered.insert(text_of(check, "ServiceID"));
  }
  std::map<std::string, json> due;
  for (const std::string& id : altered) {
    if (auto registration = catalog_registration(node, id, agent_services, agent_checks))
      due.emplace(id, std::move(*registration));
  }
  return due;
}

}  // namespace lictor
