#include "ground_services.hpp"

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

ResultAll<Services> services_of(const Ground& ground, const Ground* bound) {
  const ServiceFacts known = service_facts(ground.plan, ground.facts);
  if (!ground.settings.services) return desired_services(default_services(known), known);
  std::optional<ServicesBefore> before;
  if (bound != nullptr && bound->settings.services)
    before.emplace(
        ServicesBefore{*bound->settings.services, bound->services, service_facts(bound->plan, bound->facts)});
  return desired_services(*ground.settings.services, known, before);
}

}  // namespace lictor
