// Files of agent.config_files, weakest first; a third one and those after it count as agent.config.
#include "agent_api/agent_list.hpp"
#include "agent_api/services.hpp"
#include "agent_config/plan.hpp"
#include "base/json_text.hpp"
#include "fuzz.hpp"

using namespace lictor;

namespace {

PlanFacts facts() {
  PlanFacts f;
  f.bind = {"10.0.0.5", "eth0", "eth0, by bind.interface eth*", std::nullopt};
  f.identity = {"11111111-2222-4333-8444-555555555555", "node-1", "10.0.0.5", "", ""};
  f.data_dir = "/consul/data";
  f.binary = "/usr/bin/consul";
  f.api_socket = "/run/lictor/agent.sock";
  f.config_path = "/run/lictor/consul.json";
  f.recovery_token = "99999999-2222-4333-8444-555555555555";
  f.environment = {{"ZONE", "a"}};
  return f;
}

void check_plan(const Plan& plan, const Json& user, const PlanFacts& f) {
  const auto text = plan.consul_json.dump();
  const auto read = parse_json("consul.json", text);
  fuzz::expect(read && *read == plan.consul_json, "consul.json is read as it was written");
  const Json shown = without_secrets(plan.consul_json);
  fuzz::expect(without_secrets(shown) == shown, "nothing is left to hide in what has been hidden");
  if (plan.token == f.recovery_token && user.dump().find(plan.token) == std::string::npos) {
    fuzz::expect(shown.dump().find(plan.token) == std::string::npos, "lictor's token is not shown");
  }
  fuzz::expect(plan_difference(plan, plan).change == Change::none, "a plan does not differ from itself");
  // What ${NAME} stood for may look like another one, and a template that is never closed takes in what follows it.
  if (text.find('$') != std::string::npos || text.find("{{") != std::string::npos) return;
  const auto again = make_plan({}, merge_agent_config({{f.config_path, plan.consul_json}}, {}), f);
  fuzz::expect(again && again->consul_json == plan.consul_json, "the plan of a plan's own consul.json is the same one");
}

void check_services(const Json& config, const PlanFacts& f) {
  const auto list = config.find("services");
  if (list == config.end() || !list->is_array()) return;
  const ServiceFacts service_facts{.address = f.bind.address,
                                   .bind_address = f.bind.address,
                                   .node_name = f.identity.name,
                                   .node_id = f.identity.id,
                                   .http_address = "127.0.0.1:8500",
                                   .environment = f.environment};
  const auto desired = desired_services(*list, service_facts);
  if (!desired) return;
  SentServices sent;
  for (const SharedJson& service : *desired) sent.emplace(service->at("ID"), service);
  const auto changes = service_changes(*desired, Json::object(), sent);
  fuzz::expect(changes.put.size() == desired->size(), "what an agent lacks is put");
}

}  // namespace

FUZZ_TARGET(agent_config) {
  Settings settings;
  settings.agent.config = Json::object();
  std::vector<AgentConfigFile> files;
  for (const std::string& part : fuzz::parts(fuzz::text(data, size))) {
    const std::string path = "/consul/config/" + std::to_string(files.size()) + ".json";
    auto read = parse_agent_config(path, part);
    if (!read) {
      fuzz::expect(!read.error().what.empty() && !read.error().why.empty(), "a problem says what and why");
    } else if (files.size() < 2) {
      files.push_back(std::move(*read));
    } else {
      settings.agent.config = std::move(read->content);
    }
  }
  const PlanFacts f = facts();
  const AgentConfig config = merge_agent_config(files, settings);
  const AgentSettings& given = config.given;
  for (const auto& [key, value] : given.merged.items()) {
    fuzz::expect(given.origins.contains(key), "every key has an origin");
  }
  check_services(given.merged, f);
  const auto plan = make_plan(settings, config, f);
  if (!plan) {
    fuzz::expect(!plan.error().empty(), "a refusal has a reason");
    return 0;
  }
  check_plan(*plan, given.merged, f);
  return 0;
}
