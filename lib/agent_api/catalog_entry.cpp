#include "agent_api/catalog_entry.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace lictor {
namespace {

// Bytes of one service, or of the node.
constexpr std::size_t longest = 1 << 20;
constexpr std::size_t longest_beginning = 16;

}  // namespace

CatalogEntry::CatalogEntry(const Services& desired, SentServices unseen)
    : wanted_(ids_there(desired)),
      unseen_(std::move(unseen)),
      parts_(
          "Services", [this](const JsonParts::Part& part) { take(part); }, longest) {}

void CatalogEntry::feed(std::string_view piece) {
  beginning_ += cut(piece, longest_beginning - std::min(longest_beginning, beginning_.size()));
  parts_.feed(piece);
}

void CatalogEntry::take(const JsonParts::Part& part) {
  if (!part.inner) {
    if (part.key != "Node") return;
    node_ = foreign_json(part.text);
    good_ &= !node_.is_discarded();
    return;
  }
  std::string id(part.key);
  const auto unseen = unseen_.find(id);
  const bool wanted = wanted_.contains(id);
  Json kept = Json::object();
  if (!wanted || unseen != unseen_.end()) {
    const Json service = foreign_json(part.text);
    good_ &= !service.is_discarded();
    if (unseen != unseen_.end()) as_sent_ += service.is_object() && as_desired(service, unseen->second);
    if (!wanted) kept["Meta"] = service.is_object() && service.contains("Meta") ? service["Meta"] : Json();
  }
  services_.insert_or_assign(std::move(id), std::move(kept));
}

Json CatalogEntry::entry() {
  if (!parts_.whole()) return trim(beginning_) == "null" ? Json() : Json(Json::value_t::discarded);
  if (!good_ || parts_.list()) return Json(Json::value_t::discarded);
  Json entry = Json::object();
  if (!node_.is_null()) entry["Node"] = std::move(node_);
  entry["Services"] = std::move(services_);
  return entry;
}

Json catalog_entry(const std::string& body, const Services& desired) {
  CatalogEntry entry(desired, {});
  entry.feed(body);
  return entry.entry();
}

}  // namespace lictor
