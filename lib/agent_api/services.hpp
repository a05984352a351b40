// The node's own services: what is desired, what the agent has, and the least that makes them the same.
#pragma once

#include "agent_api/answers.hpp"
#include "base/shared_json.hpp"
#include "settings/settings.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lictor {

// Bodies for the agent's API; and those that it has taken, by id. Each has an "ID" and a "Name".
using Services = std::vector<SharedJson>;
using SentServices = std::map<std::string, SharedJson>;

// Values for ${address}, ${bind_address}, ${node_name}, ${node_id}, ${http_port}; any other ${NAME} is looked up in `environment`.
struct ServiceFacts {
  std::string address;       // where the node is advertised
  std::string bind_address;  // where its gossip listens; the unspecified address: on all
  std::string node_name, node_id;
  int http_port = 8500;      // Plan's; -1: ${http_port} has no value
  std::string http_address;  // Plan's
  int serf_port = 8301;      // Plan's
  Environment environment;

  bool operator==(const ServiceFacts&) const = default;
};

// The definitions that are used when the settings name none: one service `consul-members` at the node's address and the agent's
// HTTP port; without a TCP listener for plain HTTP at its gossip port. Its check is lictor's own word (node_check.hpp). `http`: it
// runs inside the agent instead, so it asks the HTTP listener where the agent itself has it, or else is a TCP one.
Json default_services(const ServiceFacts& facts, bool http);

// Service definitions ready for PUT /v1/agent/service/register: strings expanded, keys in the API's spelling
// (config files say "name", "check", "tls_skip_verify"; the API says "Name", "Check", "TLSSkipVerify"; keys in the API's
// spelling already stay, and so do those that are the user's own: in meta, header, config), "ID" filled from "Name",
// Meta "managed-by": "lictor" added. A number ("port") may be given as a string, for ${http_port}, and becomes a number.
// Problems, all of them: a definition without a name, two with one id, an unknown ${NAME}, a string that is no
// number where one belongs. Whether the rest makes sense is for the agent to say.
// `before`: what came of definitions before, one by one, of which those that are the same now are taken.
struct ServicesBefore {
  const std::vector<Definition>& definitions;
  const Services& services;
  ServiceFacts facts;
};
ResultAll<Services> desired_services(const std::vector<Definition>& definitions, const ServiceFacts& facts,
                                     const std::optional<ServicesBefore>& before = std::nullopt);
// The same, some at a time, for thousands of them.
class ServicesMaker {
 public:
  ServicesMaker(std::vector<Definition> definitions, ServiceFacts facts,
                const std::optional<ServicesBefore>& before = std::nullopt);
  ServicesMaker(ServicesMaker&&) noexcept;
  ~ServicesMaker();
  bool make(std::size_t most);  // so many more; true: that is all
  ResultAll<Services> made();   // REQUIRES: it is all; once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of a list of definitions.
ResultAll<Services> desired_services(const Json& definitions, const ServiceFacts& facts);

// Ids of the checks whose definitions name an initial status. Without an id of its own a check has its service's, numbered
// from 1 where there are several.
std::vector<std::string> checks_with_status(const Services& desired);

// The definitions of a service's checks, "Check" before those of "Checks", as the agent numbers them: in place, and whatever they
// are. None where "Checks" is no list, which the agent refuses.
std::vector<const Json*> check_definitions(const Json& service);

struct ServiceChanges {
  Services put;                     // bodies for register: what others have put on a service stays
  std::vector<std::string> remove;  // ids for deregister
  bool empty() const { return put.empty() && remove.empty(); }
};

// Ids of the checks that a definition gives its service, in that numbering.
std::vector<std::string> check_ids(const Json& service);
// Those, and the ones of the sidecar that the agent makes of it: where it names none, the two that Consul gives it.
std::set<std::string> given_check_ids(const Json& service);

// True if a service is as desired, as the agent or the catalog reports it: neither shows checks. What the agent adds by itself (default
// weights, lan_ipv4 and the like, proxy defaults) is no difference, nor are the tags of a service whose EnableTagOverride lets others
// change them.
bool as_desired(const Json& reported, const Json& desired);

bool same_checks(const Json& service, const Json& other);  // by their definitions

bool has_sidecar(const Json& service);
bool has_sidecar(const SharedJson& service);
// Of the services that the agent has of these: their ids, and those of their sidecars.
std::set<std::string> ids_there(const Services& desired);

// What service_changes() (agent_list.hpp) finds in the agent's list, without asking for that, where `sent` is all that this agent
// process has of us. Nothing where one of the services in question has a sidecar, which is a service that the agent makes and its list alone shows, or tags that others may have changed.
std::optional<ServiceChanges> service_news(const Services& desired, const SentServices& sent);

// True if `catalog_node` (the body of GET /v1/catalog/node/NAME) has this node id.
bool of_this_node(const std::string& node_id, const Json& catalog_node);
// Ids of the desired services that it does not show, in their order.
std::vector<std::string> lacking_in_catalog(const Services& desired, const Json& catalog_node);

// In a line, for whoever ordered what they are about: the first reasons, and how many more there are.
std::string describe(const std::vector<ServiceFault>& faults);

// Ids of the services there that are marked managed-by: lictor and not desired: what the agent has given up and the servers
// have kept.
std::vector<std::string> leftovers_in_catalog(const Services& desired, const Json& catalog_node);

// ---- What the catalog has lost, written there as the agent has it. The agent takes it for synced and would not send it before
// its next full sync, in a minute or two; a registration that changes nothing it does not send from 1.9.1 on, and one that
// does begins its checks anew.

// The fields about the node that each registration in the catalog carries: of its entry there (Node of GET /v1/catalog/node/NAME),
// so that nothing of it is changed, and a registration meant for an entry that has become another node's is refused.
Json node_fields(const Json& entry);
// The same where there is no entry, from GET /v1/agent/self, but for what it may show that does not run yet: name, id and
// address are the caller's.
Json node_fields(const std::string& name, const std::string& id, const std::string& address, const Json& self);

// A body for PUT /v1/txn: the entry of the node, and serfHealth, which a server of its own accord adds only within a minute;
// each only where the catalog has none.
Json node_transaction(const Json& node);

// Bodies for PUT /v1/catalog/register, by service id: each service of GET /v1/agent/services that `catalog_node` does not show,
// with its checks as they are in GET /v1/agent/checks, so that it is never seen without them.
std::map<std::string, Json> lost_registrations(const Json& node, const Json& catalog_node, const Json& services,
                                               const Json& checks);
// One of them; nothing where the agent does not have it. An empty id: the checks without a service.
std::optional<Json> catalog_registration(const Json& node, const std::string& id, const Json& services,
                                         const Json& checks);

// Whether the servers would let a token write these services (id -> name): a body for PUT /v1/txn that no server ever
// carries out, since its first operation is about no node. Refusals are answered, and nothing is written to any log.
Json permission_question(const std::map<std::string, std::string>& services);
inline constexpr std::size_t permission_limit =
    60;  // services in one question: a transaction has 64 operations at most
// Service id -> why, of those that are refused. `body`: the answer (409) to a question about these services.
std::map<std::string, std::string> refusals_in(const std::map<std::string, std::string>& services,
                                               const std::string& body);

}  // namespace lictor
