#include "agent_api/services.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace lictor {
namespace {

Json at(const Json& object, const char* key, Json fallback) {
  if (!object.is_object()) return fallback;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? fallback : *found;
}

// Null where there is none, or none but null.
const Json* member_of(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// What Go leaves out of its JSON, and reads where something is left out.
bool zero(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" || (value.is_structured() && value.empty());
}

// True if all of `wanted` is in `reported`, which may hold more: the agent fills in defaults.
bool holds(const Json& reported, const Json& wanted) {
  if (wanted.is_object() && reported.is_object()) {
    return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& member) {
      const auto found = reported.find(member.key());
      return found == reported.end() ? zero(member.value()) : holds(*found, member.value());
    });
  }
  if (wanted.is_array() && reported.is_array() && wanted.size() == reported.size()) {
    return std::equal(reported.begin(), reported.end(), wanted.begin(), holds);
  }
  return reported == wanted || (zero(reported) && zero(wanted));
}

// Consul derives lan_ipv4 and the like from the service's address and the other tagged addresses.
Json tagged_addresses(const Json& service) {
  Json tagged = at(service, "TaggedAddresses", Json::object());
  if (!tagged.is_object()) return tagged;
  for (const char* derived : {"lan_ipv4", "wan_ipv4", "lan_ipv6", "wan_ipv6"}) tagged.erase(derived);
  return tagged;
}

// Of a service with several ports (Consul 1.22) the agent may show the default one of them as its port; one that does not know
// of such services shows none of them.
bool same_ports(const Json& reported, const Json& desired) {
  const Json several = at(desired, "Ports", Json::array());
  if (several.empty() || desired.contains("Port")) return at(reported, "Port", 0) == at(desired, "Port", 0);
  return holds(at(reported, "Ports", several), several);
}

Json without_indices(Json entry) {
  entry.erase("CreateIndex");
  entry.erase("ModifyIndex");
  return entry;
}

}  // namespace

bool as_desired(const Json& reported, const Json& desired) {
  const auto same = [&](const char* key, const Json& fallback) {
    return at(reported, key, fallback) == at(desired, key, fallback);
  };
  const Json native = at(at(desired, "Connect", Json::object()), "Native", false);
  const Json tagged = tagged_addresses(desired), reported_tagged = tagged_addresses(reported);
  const bool tags_are_ours = at(desired, "EnableTagOverride", false) == false;
  return at(reported, "Service", "") == desired.at("Name") && same("Meta", Json::object()) &&
         same_ports(reported, desired) && same("Address", "") && same("Kind", "") && same("EnableTagOverride", false) &&
         (!tags_are_ours || same("Tags", Json::array())) && tagged.size() == reported_tagged.size() &&
         holds(reported_tagged, tagged) &&
         holds(at(reported, "Weights", Json::object()), at(desired, "Weights", {{"Passing", 1}, {"Warning", 1}})) &&
         holds(at(reported, "Proxy", Json::object()), at(desired, "Proxy", Json::object())) &&
         at(at(reported, "Connect", Json::object()), "Native", false) == native;
}

bool has_sidecar(const Json& service) {
  const Json& connect = object_of(service, "Connect");
  const auto sidecar = connect.find("SidecarService");
  return sidecar != connect.end() && sidecar->is_object();
}

bool same_checks(const Json& service, const Json& other) {
  return at(service, "Check", nullptr) == at(other, "Check", nullptr) &&
         at(service, "Checks", nullptr) == at(other, "Checks", nullptr);
}

bool has_sidecar(const SharedJson& service) {
  return service.mentions("SidecarService") && has_sidecar(static_cast<const Json&>(*service));
}

std::set<std::string> ids_there(const Services& desired) {
  std::set<std::string> ids;
  for (const SharedJson& service : desired) {
    ids.insert(service.id());
    if (has_sidecar(service)) ids.insert(service.id() + "-sidecar-proxy");
  }
  return ids;
}

namespace {

struct CheckOf {
  std::string id;
  bool has_status;
};

std::vector<CheckOf> checks_of(const Json& service) {
  std::vector<CheckOf> found;
  const std::vector<const Json*> checks = check_definitions(service);
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const std::string number = checks.size() > 1 ? ":" + std::to_string(i + 1) : "";
    const Json& check = *checks[i];
    const Json *own = member_of(check, "CheckID"), *status = member_of(check, "Status");
    if (own != nullptr && !own->is_string()) continue;
    std::string id = own != nullptr ? own->get<std::string>() : "";
    if (id.empty()) id = "service:" + text_of(service, "ID") + number;
    found.push_back({std::move(id), status != nullptr && *status != ""});
  }
  return found;
}

}  // namespace

std::vector<const Json*> check_definitions(const Json& service) {
  std::vector<const Json*> found;
  if (const auto one = service.find("Check"); one != service.end() && one->is_object()) found.push_back(&*one);
  const auto several = service.find("Checks");
  if (several == service.end() || several->is_null()) return found;
  if (!several->is_array()) return {};
  for (const Json& check : *several) found.push_back(&check);
  return found;
}

std::vector<std::string> checks_with_status(const Services& desired) {
  std::vector<std::string> ids;
  for (const SharedJson& service : desired) {
    if (!service.mentions("Status")) continue;
    for (const CheckOf& check : checks_of(*service)) {
      if (check.has_status) ids.push_back(check.id);
    }
  }
  return ids;
}

std::vector<std::string> check_ids(const Json& service) {
  std::vector<std::string> ids;
  for (const CheckOf& check : checks_of(service)) ids.push_back(check.id);
  return ids;
}

std::set<std::string> given_check_ids(const Json& service) {
  std::set<std::string> ids;
  for (CheckOf& check : checks_of(service)) ids.insert(std::move(check.id));
  if (!has_sidecar(service)) return ids;
  const std::string id = service.at("ID").get<std::string>() + "-sidecar-proxy";
  Json sidecar = service.at("Connect").at("SidecarService");
  sidecar["ID"] = id;
  const std::vector<CheckOf> own = checks_of(sidecar);
  for (const CheckOf& check : own) ids.insert(check.id);
  if (own.empty()) ids.insert({"service:" + id + ":1", "service:" + id + ":2"});
  return ids;
}

std::optional<ServiceChanges> service_news(const Services& desired, const SentServices& sent) {
  ServiceChanges changes;
  std::set<std::string> wanted;
  bool asks = false;
  for (const SharedJson& service : desired) {
    const std::string& id = service.id();
    wanted.insert(id);
    const auto taken = sent.find(id);
    if (taken != sent.end() && taken->second == service) continue;
    const bool tags = taken != sent.end() && at(*service, "EnableTagOverride", false) != false;
    asks |= tags || has_sidecar(service) || (taken != sent.end() && has_sidecar(taken->second));
    changes.put.push_back(service);
  }
  for (const auto& [id, service] : sent) {
    if (wanted.contains(id)) continue;
    asks |= has_sidecar(service);
    changes.remove.push_back(id);
  }
  if (asks) return std::nullopt;
  return changes;
}

bool of_this_node(const std::string& node_id, const Json& catalog_node) {
  return at(at(catalog_node, "Node", Json::object()), "ID", "") == node_id;
}

std::vector<std::string> lacking_in_catalog(const Services& desired, const Json& catalog_node) {
  std::vector<std::string> lacking;
  const Json& services = object_of(catalog_node, "Services");
  for (const SharedJson& service : desired) {
    if (!services.contains(service.id())) lacking.push_back(service.id());
  }
  return lacking;
}

std::string describe(const std::vector<ServiceFault>& faults) {
  constexpr std::size_t most = 5;
  std::vector<std::string> reasons;
  for (const ServiceFault& fault : faults) {
    // One refusal may be about several.
    if (std::find(reasons.begin(), reasons.end(), fault.reason) == reasons.end()) reasons.push_back(fault.reason);
  }
  const std::size_t more = reasons.size() > most ? reasons.size() - most : 0;
  reasons.resize(reasons.size() - more);
  return join(reasons, "; ") + (more > 0 ? "; and " + std::to_string(more) + " more" : "");
}

std::vector<std::string> leftovers_in_catalog(const Services& desired, const Json& catalog_node) {
  const std::set<std::string> wanted = ids_there(desired);
  std::vector<std::string> left;
  const Json& services = object_of(catalog_node, "Services");
  for (const auto& [id, service] : services.items()) {
    if (!wanted.contains(id) && at(at(service, "Meta", Json::object()), "managed-by", "") == "lictor")
      left.push_back(id);
  }
  return left;
}

// -------------------------------------------------------------------------------------------- lost and sent again

Json node_fields(const Json& entry) {
  Json node;
  for (const auto& [from, to] : {std::pair("Node", "Node"),
                                 {"ID", "ID"},
                                 {"Address", "Address"},
                                 {"Datacenter", "Datacenter"},
                                 {"TaggedAddresses", "TaggedAddresses"},
                                 {"Meta", "NodeMeta"},
                                 {"Locality", "Locality"}}) {
    if (Json value = at(entry, from, nullptr); !value.is_null()) node[to] = std::move(value);
  }
  return node;
}

Json node_fields(const std::string& name, const std::string& id, const std::string& address, const Json& self) {
  return node_fields(Json{{"Node", name},
                          {"ID", id},
                          {"Address", address},
                          {"Datacenter", at(at(self, "Config", Json::object()), "Datacenter", nullptr)},
                          {"TaggedAddresses", at(at(self, "DebugConfig", Json::object()), "TaggedAddresses", nullptr)},
                          {"Meta", at(self, "Meta", nullptr)}});
}

Json node_transaction(const Json& node) {
  // An index of 0, which is what is left out: only where there is none.
  const auto unless_there = [](const char* kind, Json what) {
    return Json{{kind, {{"Verb", "cas"}, {kind, std::move(what)}}}};
  };
  Json entry = node;
  if (entry.contains("NodeMeta")) entry["Meta"] = entry["NodeMeta"];
  entry.erase("NodeMeta");
  entry.erase("Locality");
  Json operations = Json::array({unless_there("Node", std::move(entry))});
  // In the servers' own words (agent/structs: SerfCheckName, SerfCheckAliveOutput).
  operations.push_back(unless_there("Check", {{"Node", node.at("Node")},
                                              {"CheckID", "serfHealth"},
                                              {"Name", "Serf Health Status"},
                                              {"Status", "passing"},
                                              {"Output", "Agent alive and reachable"}}));
  return operations;
}

std::optional<Json> catalog_registration(const Json& node, const std::string& id, const Json& services,
                                         const Json& checks) {
  Json registration = node;
  registration["Checks"] = Json::array();
  if (!id.empty()) {
    Json service = at(services, id.c_str(), nullptr);
    if (!service.is_object()) return std::nullopt;
    // The list has {} where the agent itself has none, and the two are not the same to it.
    if (at(service, "Meta", nullptr) == Json::object()) service.erase("Meta");
    // Of the list alone, and refused by the catalog.
    service.erase("Datacenter");
    service.erase("ContentHash");
    registration["Service"] = without_indices(std::move(service));
  }
  if (checks.is_object()) {
    for (const auto& [name, check] : checks.items()) {
      if (check.is_object() && at(check, "ServiceID", "") == id && name != "serfHealth")
        registration["Checks"].push_back(without_indices(check));
    }
  }
  if (id.empty() && registration["Checks"].empty()) return std::nullopt;
  return registration;
}

std::map<std::string, Json> lost_registrations(const Json& node, const Json& catalog_node, const Json& services,
                                               const Json& checks) {
  std::map<std::string, Json> lost;
  if (!services.is_object()) return lost;
  const Json shown = at(catalog_node, "Services", Json::object());
  for (const auto& [id, service] : services.items()) {
    if (shown.contains(id)) continue;
    if (auto registration = catalog_registration(node, id, services, checks))
      lost.emplace(id, std::move(*registration));
  }
  return lost;
}

Json permission_question(const std::map<std::string, std::string>& services) {
  Json operations = Json::array({{{"Node", {{"Verb", "cas"}, {"Node", {{"Node", ""}}}}}}});
  for (const auto& [id, name] : services)
    operations.push_back({{"Service", {{"Verb", "cas"}, {"Service", {{"ID", id}, {"Service", name}}}}}});
  return operations;
}

std::map<std::string, std::string> refusals_in(const std::map<std::string, std::string>& services,
                                               const std::string& body) {
  std::map<std::string, std::string> refusals;
  const Json answer = foreign_json(body);
  const Json errors = at(answer, "Errors", Json::array());
  if (!errors.is_array()) return refusals;
  for (const Json& error : errors) {
    const Json index = at(error, "OpIndex", 0), what = at(error, "What", "");
    if (!index.is_number_unsigned() || !what.is_string()) continue;
    const auto number = index.get<std::size_t>();
    if (number == 0 || number > services.size()) continue;
    refusals.emplace(std::next(services.begin(), static_cast<std::ptrdiff_t>(number - 1))->first,
                     what.get<std::string>());
  }
  return refusals;
}

}  // namespace lictor
