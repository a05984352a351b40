// What the agents on a data directory have of lictor's, from one of them to the next: so much of it as has to be known when a
// definition changes, for what others have put beside it to stay.
#pragma once

#include "agent_api/services.hpp"

#include <map>
#include <string>
#include <vector>

namespace lictor {

struct KeptService {
  std::string digest{};  // of the body that was taken last, and the token it was sent with
  std::vector<std::string>
      checks{};  // ids of those that came from lictor, sorted: of that body, and of former ones until
                 // they have been taken out
  std::vector<std::string> tags{};  // as defined, where EnableTagOverride lets others change them
  bool operator==(const KeptService&) const = default;
};
using ServiceRecord = std::map<std::string, KeptService>;  // by service id

// The agent has taken `body`. True: it may have checks of former definitions.
bool note_taken(KeptService& kept, const Json& body, const std::string& digest);

// Ids of checks that have left their definitions, service by service of `desired`: of those alone whose definition the agent
// has taken (`sent`). One that any definition has now is none of them.
std::map<std::string, std::vector<std::string>> stale_checks(const Services& desired, const SentServices& sent,
                                                             const ServiceRecord& record);

// Tags after both sides have changed them: `theirs`, with what the definition has gained since `before`, without what it has
// lost.
std::vector<std::string> merged_tags(const std::vector<std::string>& before, const std::vector<std::string>& ours,
                                     const std::vector<std::string>& theirs);

// True if others may change the tags of the service in the catalog.
bool tags_may_be_theirs(const Json& service);
bool tags_may_be_theirs(const SharedJson& service);
std::vector<std::string> tags_of(const Json& service);

// The content of lictor-services.json, and back. What is no such record counts as none.
std::string record_text(const ServiceRecord& record);
ServiceRecord parse_record(const Json& json);

}  // namespace lictor
