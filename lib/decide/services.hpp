// The node's own services: what is desired, what the agent has, and the least that makes them the same.
#pragma once

#include "decide/settings.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// Values for ${address}, ${node_name}, ${node_id}, ${http_port}; any other ${NAME} is looked up in `environment`.
struct ServiceFacts {
  std::string address, node_name, node_id;
  int http_port = 8500;      // Plan's; -1: ${http_port} has no value
  std::string http_address;  // Plan's
  int serf_port = 8301;      // Plan's
  Environment environment;
};

// The definitions that are used when the settings name none: one service `consul-members` at the node's address. Its check
// runs inside the agent, so it asks the HTTP listener where the agent itself has it; without a TCP listener for
// plain HTTP the service is the gossip port and its check a TCP one.
Json default_services(const ServiceFacts& facts);

// Service definitions ready for PUT /v1/agent/service/register: strings expanded, keys in the API's spelling
// (config files say "name", "check", "tls_skip_verify"; the API says "Name", "Check", "TLSSkipVerify"; keys in the API's
// spelling already stay, and so do those that are the user's own: in meta, header, config), "ID" filled from "Name",
// Meta "managed-by": "lictor" added. A number ("port") may be given as a string, for ${http_port}, and becomes a number.
// Problems, all of them: a definition without a name, two with one id, an unknown ${NAME}, a string that is no
// number where one belongs. Whether the rest makes sense is for the agent to say.
ResultAll<std::vector<Json>> desired_services(const Json& definitions, const ServiceFacts& facts);

// Ids of the checks whose definitions name an initial status. Without an id of its own a check has its service's, numbered
// from 1 where there are several.
std::vector<std::string> checks_with_status(const std::vector<Json>& desired);

struct ServiceChanges {
  std::vector<Json> put;            // bodies for register?replace-existing-checks=true
  std::vector<std::string> remove;  // ids for deregister
  bool empty() const { return put.empty() && remove.empty(); }
};

// Desired against the body of GET /v1/agent/services (id -> service). Only services marked managed-by: lictor
// are ever removed. A service is put if it is missing or if any field that the agent reports differs from what
// is desired, or if `sent` (the bodies that this agent process has already taken, by id) does not hold exactly
// the desired body: the agent does not report checks in that answer, so what was sent is remembered.
// Where `sent` has no entry at all (a fresh lictor or a fresh agent process), the service is put. What the agent adds by itself
// (default weights, lan_ipv4 and the like, proxy defaults) is no difference, nor are the tags of a service whose
// EnableTagOverride lets others change them in the catalog.
ServiceChanges service_changes(const std::vector<Json>& desired, const Json& actual,
                               const std::map<std::string, Json>& sent);

// The same without asking, where `sent` is all that this agent process has of us. Nothing where one of the services in question
// has a sidecar, which is a service that the agent makes and its list alone shows.
std::optional<ServiceChanges> service_news(const std::vector<Json>& desired, const std::map<std::string, Json>& sent);

// True if `catalog_node` (the body of GET /v1/catalog/node/NAME) shows this node id and every desired service id.
bool registered_in_catalog(const std::vector<Json>& desired, const std::string& node_id, const Json& catalog_node);

}  // namespace lictor
