// The catalog's entry of this node, read as it comes.
#pragma once

#include "agent_api/services.hpp"
#include "base/json_parts.hpp"

#include <set>
#include <string>
#include <string_view>

namespace lictor {

class CatalogEntry {
 public:
  // `unseen`: services of which it is to be known whether the catalog shows them as they are there.
  CatalogEntry(const Services& desired, SentServices unseen);
  CatalogEntry(const CatalogEntry&) = delete;
  CatalogEntry& operator=(const CatalogEntry&) = delete;

  // The body of GET /v1/catalog/node/NAME, piece by piece.
  void feed(std::string_view piece);

  // What lictor wants to know of it, without a tree of all of it: {"Node", "Services"}, where each service has no more than its
  // "Meta" if it is none of the desired ones. null where there is no entry, else no object: it is none.
  Json entry();

  const SentServices& unseen() const { return unseen_; }
  // Some of those it does not show so.
  bool behind() const { return as_sent_ < unseen_.size(); }

 private:
  void take(const JsonParts::Part& part);

  std::set<std::string> wanted_;
  SentServices unseen_;
  std::size_t as_sent_ = 0;
  bool good_ = true;
  std::string beginning_;  // of the body, for what is none
  Json node_;
  Json::object_t services_;
  JsonParts parts_;
};

// Of a whole body.
Json catalog_entry(const std::string& body, const Services& desired);

}  // namespace lictor
