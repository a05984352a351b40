#include "ground_services.hpp"

#include "agent_config/definitions.hpp"

namespace lictor {
namespace {

ServiceFacts service_facts(const Plan& plan, const PlanFacts& facts) {
  return {.address = text_setting(plan.effective.merged, "advertise_addr").value_or(facts.bind.address),
          .bind_address = facts.bind.everywhere.value_or(facts.bind.address),
          .node_name = facts.identity.name,
          .node_id = facts.identity.id,
          .http_port = plan.http_port,
          .http_address = plan.http_address,
          .serf_port = plan.serf_port,
          .environment = facts.environment};
}

}  // namespace

ServicesMaker services_of(const Ground& ground, const Ground* bound) {
  const ServiceFacts known = service_facts(ground.plan, ground.facts);
  if (!ground.settings.services) {
    std::vector<Definition> own;
    for (const Json& definition : default_services(known, ground.settings.http_check))
      own.push_back({SharedJson(definition), 0});
    return {std::move(own), known};
  }
  std::optional<ServicesBefore> before;
  if (bound != nullptr && bound->settings.services)
    before.emplace(
        ServicesBefore{*bound->settings.services, bound->services, service_facts(bound->plan, bound->facts)});
  return {*ground.settings.services, known, before};
}

NodeKey Ground::own() const {
  return {facts.identity.name, facts.identity.id, text_setting(plan.effective.merged, "advertise_addr").value_or(""),
          facts.identity.former};
}

void Ground::let_definitions_go() {
  lictor::let_definitions_go(config);
  if (evaluated) lictor::let_definitions_go(*evaluated);
  lictor::let_definitions_go(plan.effective.merged);
}

}  // namespace lictor
