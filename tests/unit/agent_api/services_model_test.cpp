// Services at random, and a model of an agent that takes them.
#include "agent_api/services.hpp"

#include "agent_api/agent_list.hpp"

#include "services_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace lictor;
using namespace services_parts;

namespace {

// An agent that takes and reports services as Consul does.
struct ModelAgent {
  Json services = Json::object();
  SentServices sent;

  void apply(const ServiceChanges& changes) {
    for (const Json body : changes.put) {
      sent.insert_or_assign(body.at("ID"), SharedJson(body));
      report(body.at("ID"), body.at("Name"), body);
      if (body.contains("Connect")) {
        const std::string sidecar = body.at("ID").get<std::string>() + "-sidecar-proxy";
        report(sidecar, sidecar, {{"Meta", body.at("Meta")}, {"Kind", "connect-proxy"}});
      }
    }
    for (const std::string& id : changes.remove) {
      services.erase(id);
      services.erase(id + "-sidecar-proxy");  // one that it made
      sent.erase(id);
    }
  }

  void report(const std::string& id, const std::string& name, const Json& body) {
    Json service{
        {"ID", id},  {"Service", name}, {"Tags", Json::array()},      {"Meta", Json::object()},
        {"Port", 0}, {"Address", ""},   {"EnableTagOverride", false}, {"Weights", {{"Passing", 1}, {"Warning", 1}}}};
    for (const char* key : {"Tags", "Meta", "Port", "Address", "Kind", "EnableTagOverride"}) {
      if (body.contains(key)) service[key] = body.at(key);
    }
    if (service.at("Address") != "") {
      service["TaggedAddresses"]["lan_ipv4"] = {{"Address", service.at("Address")}, {"Port", service.at("Port")}};
    }
    services[id] = service;
  }
};

}  // namespace

TEST_CASE("news come to the same as the difference from the agent's list, and are told unless a sidecar is among them",
          "[services]") {
  std::mt19937 random(6);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  ModelAgent agent;
  std::set<std::string> with_sidecar;
  int told = 0;
  for (int round = 0; round < 500; ++round) {
    Json definitions = Json::array();
    std::set<std::string> sidecars;
    for (int id = 0; id < 4; ++id) {
      if (pick(3) == 0) continue;
      Json definition{{"name", "s" + std::to_string(id)}, {"port", pick(2)}};
      if (pick(2)) definition["check"] = {{"ttl", std::to_string(1 + pick(2)) + "s"}};
      if (id == 3 && pick(2)) {
        definition["connect"] = {{"sidecar_service", Json::object()}};
        sidecars.insert("s3");
      }
      definitions.push_back(definition);
    }
    const auto services = desired(definitions);
    CAPTURE(round, definitions.dump(), agent.sent.size());
    ModelAgent by_list = agent;
    by_list.apply(service_changes(services, agent.services, agent.sent));
    const auto news = service_news(services, agent.sent);
    if (news) {
      ++told;
      agent.apply(*news);
      CHECK(agent.services == by_list.services);
      CHECK(agent.sent == by_list.sent);
      CHECK(service_news(services, agent.sent)->empty());
    } else {
      CHECK((!sidecars.empty() || !with_sidecar.empty()));
    }
    agent = by_list;
    with_sidecar = sidecars;
  }
  CHECK(told > 250);
}

TEST_CASE("applied changes leave nothing to do, and never touch what is not marked", "[services]") {
  std::mt19937 random(5);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  ModelAgent agent;
  for (int round = 0; round < 500; ++round) {
    Json definitions = Json::array();
    for (int id = 0; id < 4; ++id) {
      if (pick(2)) continue;
      Json definition{{"name", "s" + std::to_string(id)}, {"port", pick(2)}};
      if (pick(2)) definition["address"] = "${address}";
      if (pick(2)) definition["tags"] = {"t" + std::to_string(pick(2))};
      if (pick(2)) definition["check"] = {{"ttl", std::to_string(1 + pick(2)) + "s"}};
      if (pick(3) == 0) definition["connect"] = {{"sidecar_service", Json::object()}};
      definitions.push_back(definition);
    }
    const auto services = desired(definitions);
    // Others register, change and deregister as they like.
    const std::string other = "x" + std::to_string(pick(3)), ours = "s" + std::to_string(pick(4));
    if (pick(2)) agent.report(other, other, {{"Port", pick(9)}});
    if (pick(3) == 0) agent.services.erase(ours);
    if (pick(3) == 0) agent.report(ours, ours, {{"Port", 7}});
    if (pick(5) == 0) agent.sent.clear();

    CAPTURE(round, definitions.dump(), agent.services.dump());
    std::map<std::string, Json> unmarked;
    std::set<std::string> wanted;
    for (const Json service : services) {
      wanted.insert(service.at("ID"));
      if (service.contains("Connect")) wanted.insert(service.at("ID").get<std::string>() + "-sidecar-proxy");
    }
    for (const auto& [id, service] : agent.services.items()) {
      if (service.at("Meta").empty() && !wanted.count(id)) unmarked[id] = service;
    }
    agent.apply(service_changes(services, agent.services, agent.sent));
    CHECK(service_changes(services, agent.services, agent.sent).empty());
    for (const auto& [id, service] : unmarked) CHECK(agent.services.value(id, Json()) == service);
    for (const std::string& id : wanted) CHECK(agent.services.contains(id));
    CHECK(agent.services.size() == unmarked.size() + wanted.size());
  }
}
