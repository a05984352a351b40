// What lictor does not go by is let go, and a change of it is seen all the same.
#include "agent_config/definitions.hpp"
#include "agent_config/plan.hpp"
#include "secrets/secrets.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

AgentConfigFile file(const char* json) { return {"/etc/consul.d/a.hcl", Json::parse(json)}; }

Plan plan_of(const AgentConfig& config) {
  Plan plan;
  plan.effective = config.effective();
  return plan;
}

}  // namespace

TEST_CASE("what an agent reads of services by itself is let go, and a change of it is still seen") {
  const auto read = [](const char* port, Definitions definitions) {
    AgentReads reads;
    reads.files = {file(R"({"node_name": "n", "services": [{"name": "web", "port": 80}]})"), file(port)};
    if (definitions == Definitions::digests) {
      for (AgentConfigFile& one : reads.files) let_definitions_go(one.content);
    }
    Settings settings;
    settings.agent.config = Json::parse(R"({"services": [{"name": "own"}]})");
    return merge_agent_config({}, settings, std::move(reads));
  };
  const char* const before = R"({"services": [{"name": "db", "port": 1}]})";
  AgentConfig config = read(before, Definitions::digests);
  let_definitions_go(config);
  CHECK(config.effective().merged["services"].size() == 3);
  CHECK(config.effective().merged.dump().find("web") == std::string::npos);
  CHECK(config.given.merged["services"] == Json::parse(R"([{"name": "own"}])"));  // consul.json is made of it
  CHECK(config.effective().merged["node_name"] == "n");

  const auto difference = [&](const char* text) {
    return plan_difference(plan_of(config), plan_of(read(text, Definitions::whole)));
  };
  CHECK(difference(before).change == Change::none);
  CHECK(difference(R"({"services": [{"name": "db", "port": 2}]})").keys == std::vector<std::string>{"services"});
  CHECK(difference(R"({"services": [{"name": "db", "port": 1}, {}]})").change == Change::reload);
}

TEST_CASE("of a service that is let go the secrets are kept, to be hidden in the agent's lines") {
  for (const char* const service :
       {R"({"name": "web", "token": "a-secret-token"})", R"({"checks": [{"header": {"X": ["a-secret-token"]}}]})",
        R"({"check": {"http": "http://u:a-secret-token@h/"}})",
        R"({"check": {"http": "http://h/?token=a-secret-token"}})"}) {
    CAPTURE(service);
    Json agent{{"services", Json::array({Json::parse(service)})}};
    let_definitions_go(agent);
    CHECK(secrets_in(agent) == std::vector<std::string>{"a-secret-token"});
    CHECK(digests_of(agent["services"]) == agent["services"]);
  }
}
