// What the servers have of this node and what its agent has, each by a digest of its parts: enough to see that one is gone or is
// another one, of thousands of services too.
#pragma once

#include "agent_api/answers.hpp"
#include "base/json_parts.hpp"
#include "identity/claims.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace lictor {

// Of a check, a service or the node's entry: which one it is, and what of it counts. What an agent tells the servers later by
// design does not count (a check's output), nor do the tags of a service that lets others change them.
struct PartDigest {
  std::uint64_t which = 0, digest = 0;
  bool operator==(const PartDigest&) const = default;
  bool operator<(const PartDigest& other) const {
    return std::tie(which, digest) < std::tie(other.which, other.digest);
  }
};
using PartDigests = std::vector<PartDigest>;  // in order, once sorted

std::uint64_t which_part(std::string_view id);
inline const std::uint64_t entry_part = which_part(std::string_view("\0node", 5));
inline const std::uint64_t alive_part = which_part("serfHealth");
std::uint64_t digest_of_check(const nlohmann::json& check);
std::uint64_t digest_of_service(const nlohmann::json& service);
// Of a registration's fields about the node, or of the entry itself.
std::uint64_t digest_of_entry(const nlohmann::json& node);

// What was read of one check or service, by its very text: what servers tell again word for word is not read again.
struct PartText {
  std::uint64_t text = 0;  // a digest of it
  PartDigest digest{};
  bool managed = false;  // marked managed-by: lictor
  bool operator==(const PartText&) const = default;
};
using PartTexts = std::vector<PartText>;

// Reads GET /v1/health/node/NAME or GET /v1/catalog/node/NAME as it comes.
class NodePartReader {
 public:
  // `known`: texts() of an answer before about the same part.
  explicit NodePartReader(NodePart part, PartTexts known = {});
  NodePartReader(const NodePartReader&) = delete;
  NodePartReader& operator=(const NodePartReader&) = delete;
  void feed(std::string_view piece);

  // All of it has been read, and it is of that shape.
  bool whole() const;
  PartDigests digests() const;
  // To be given to the next reader.
  PartTexts texts() &&;
  // Of the checks.
  StandingAnswer standing() const { return standing_; }
  // Of the services: which ones are marked managed-by: lictor.
  std::vector<std::uint64_t> managed() const;
  // Likewise: the node's entry; null: there is none.
  const nlohmann::json& entry() const { return entry_; }

 private:
  void take(const JsonParts::Part& part);
  bool knows(std::uint64_t text);

  const bool checks_;
  bool good_ = true;
  std::string beginning_;  // of an answer that shows no entry
  PartTexts known_, read_;
  StandingAnswer standing_ = StandingAnswer::untold;
  nlohmann::json entry_;
  JsonParts parts_;
};

// The same of GET /v1/agent/checks or GET /v1/agent/services, one value at a time; or whole. To be sorted.
void add_agent_part(NodePart part, std::string_view id, const nlohmann::json& value, PartDigests& digests);
PartDigests agent_digests(NodePart part, const nlohmann::json& listed);

// All of them sorted, here and below. Null: there is none of that name.
const PartDigest* find_part(const PartDigests& digests, std::uint64_t which);
// Those that were there and are there no more, or are others now.
PartDigests lost_or_changed(const PartDigests& before, const PartDigests& now);
// Of these: whether the agent has one otherwise than the servers do now. serfHealth, which is the servers' own, has to be there.
bool agent_differs(const PartDigests& changed, const PartDigests& now, const PartDigests& agent);

// Bodies for PUT /v1/catalog/register, as lost_registrations() (services.hpp) has them: of what the agent has otherwise than the
// leader, or beside it. An empty id: checks of the node.
std::map<std::string, nlohmann::json> altered_registrations(const nlohmann::json& node, const NodePartReader& services,
                                                            const NodePartReader& checks,
                                                            const nlohmann::json& agent_services,
                                                            const nlohmann::json& agent_checks);

}  // namespace lictor
