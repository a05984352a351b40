// Plans of a node of which a test says the agent settings.
#pragma once

#include "agent_config/plan.hpp"
#include "test.hpp"

namespace plan_parts {

using namespace lictor;

inline PlanFacts facts() {
  PlanFacts f;
  f.bind = {"10.0.0.5", "eth0", "eth0, by bind.interface eth*", std::nullopt};
  f.identity = {"11111111-2222-4333-8444-555555555555", "node-1", "10.0.0.5", "", ""};
  f.data_dir = "/data/consul/data";
  f.binary = "/usr/bin/consul";
  f.api_socket = "/run/lictor/agent.sock";
  f.config_path = "/run/lictor/consul.json";
  f.uid = 100;
  f.gid = 1000;
  f.recovery_token = "99999999-2222-4333-8444-555555555555";
  return f;
}

inline AgentConfig merged(const Json& user, const Settings& settings = {}) {
  return merge_agent_config({{"/consul/config/consul.json", user}}, settings);
}

inline Plan plan_of(const Json& user, const Settings& settings = {}, const PlanFacts& f = facts()) {
  const ResultAll<Plan> plan = make_plan(settings, merged(user, settings), f);
  if (!plan) {
    for (const Problem& p : plan.error()) UNSCOPED_INFO(to_string(p));
  }
  REQUIRE(plan.has_value());
  return *plan;
}

inline Problems problems_of(const Json& user, const Settings& settings = {}, const PlanFacts& f = facts()) {
  const ResultAll<Plan> plan = make_plan(settings, merged(user, settings), f);
  REQUIRE(!plan.has_value());
  return plan.error();
}

}  // namespace plan_parts
