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
// In the place of a digest, of what says more than its own does.
constexpr std::uint64_t read_each_time = 0;

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

NodePartReader::NodePartReader(NodePart part, PartTexts known)
    : checks_(part == NodePart::checks),
      known_(std::move(known)),
      parts_(
          checks_ ? "" : "Services", [this](const JsonParts::Part& taken) { take(taken); }, longest_part) {}

void NodePartReader::feed(std::string_view piece) {
  beginning_ += cut(piece, enough_for_null - std::min(enough_for_null, beginning_.size()));
  parts_.feed(piece);
}

void NodePartReader::take(const JsonParts::Part& part) {
  if (!checks_ && !part.inner && part.key != "Node") return;
  const std::uint64_t text = fnv1a(part.text, fnv1a(part.key));
  if (knows(text)) return;
  const json value = foreign_json(part.text);
  good_ &= value.is_object();
  if (!good_) return;
  if (checks_) {
    const std::string id = text_of(value, "CheckID");
    const bool alive = id == "serfHealth";
    if (alive) standing_ = text_of(value, "Status") == "critical" ? StandingAnswer::failed : StandingAnswer::alive;
    read_.push_back({alive ? read_each_time : text, {which_part(id), digest_of_check(value)}});
  } else if (part.inner) {
    const bool managed = text_of(object_of(value, "Meta"), "managed-by") == "lictor";
    read_.push_back({text, {which_part(part.key), digest_of_service(value)}, managed});
  } else {
    entry_ = value;
    read_.push_back({read_each_time, {entry_part, digest_of_entry(value)}});
  }
}

bool NodePartReader::knows(std::uint64_t text) {
  const auto found = std::lower_bound(known_.begin(), known_.end(), text,
                                      [](const PartText& one, std::uint64_t sought) { return one.text < sought; });
  const bool known = found != known_.end() && found->text == text;
  if (known) read_.push_back(*found);
  return known;
}

bool NodePartReader::whole() const {
  if (!checks_ && !parts_.whole()) return trim(beginning_) == "null";
  return good_ && parts_.whole() && parts_.list() == checks_;
}

PartDigests NodePartReader::digests() const {
  PartDigests sorted;
  sorted.reserve(read_.size());
  for (const PartText& one : read_) sorted.push_back(one.digest);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::vector<std::uint64_t> NodePartReader::managed() const {
  std::vector<std::uint64_t> managed;
  for (const PartText& one : read_) {
    if (one.managed) managed.push_back(one.digest.which);
  }
  return managed;
}

PartTexts NodePartReader::texts() && {
  std::erase_if(read_, [](const PartText& one) { return one.text == read_each_time; });
  std::sort(read_.begin(), read_.end(), [](const PartText& a, const PartText& b) { return a.text < b.text; });
  return std::move(read_);
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

const PartDigest* find_part(const PartDigests& digests, std::uint64_t which) {
  const auto found = std::lower_bound(digests.begin(), digests.end(), PartDigest{which, 0});
  return found != digests.end() && found->which == which ? &*found : nullptr;
}

PartDigests lost_or_changed(const PartDigests& before, const PartDigests& now) {
  PartDigests changed;
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(), std::back_inserter(changed));
  return changed;
}

bool agent_differs(const PartDigests& changed, const PartDigests& now, const PartDigests& agent) {
  return std::any_of(changed.begin(), changed.end(), [&](const PartDigest& part) {
    const PartDigest* shown = find_part(now, part.which);
    if (part.which == alive_part) return !shown;
    const PartDigest* has = find_part(agent, part.which);
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
