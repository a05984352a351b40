// Tokens and the gossip key, from files of their own.
#include "agent_config/plan.hpp"

#include "plan_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

using namespace lictor;
using namespace plan_parts;

TEST_CASE("secrets from files go into consul.json", "[plan]") {
  PlanFacts f = facts();
  f.secrets = {.agent = "a", .fallback = "d", .registration = "r", .encrypt = "e"};
  const Plan plan = plan_of(
      Json::parse(
          R"({"acl": {"enabled": true, "default_policy": "deny", "tokens": {"agent": "a", "replication": "x"}}})"),
      {}, f);
  CHECK(plan.consul_json.at("acl") ==
        Json::parse(R"({"enabled": true, "default_policy": "deny", "enable_token_persistence": false,
                        "tokens": {"agent": "a", "default": "d", "replication": "x",
                                   "agent_master": "99999999-2222-4333-8444-555555555555"}})"));
  CHECK(plan.consul_json.at("encrypt") == "e");
  CHECK(plan.registration_token == "r");
  CHECK(plan.default_token == "d");
  CHECK(plan_of(Json::parse(R"({"acl_token": "old"})")).default_token == "old");
  CHECK(plan_of(Json::object()).default_token.empty());
  CHECK(plan.agent_token == "a");
  CHECK(plan_of(Json::parse(R"({"acl_agent_token": "old"})")).agent_token == "old");
  CHECK(plan_of(Json::object()).agent_token.empty());
  CHECK(plan.origins.at("encrypt") == "agent.encrypt_file");
  CHECK(plan.origins.at("acl") ==
        "/consul/config/consul.json, agent.tokens.agent_file, agent.tokens.default_file, lictor");
  CHECK(plan.notices.empty());
  const Plan persistent = plan_of(Json::parse(R"({"acl": {"enable_token_persistence": true}})"), {}, f);
  CHECK(persistent.consul_json.at("acl").at("enable_token_persistence") == false);
  CHECK(persistent.notices.size() == 1);
}

TEST_CASE("a secret from a file that the agent settings give otherwise is a problem", "[plan]") {
  PlanFacts f = facts();
  f.secrets = {.agent = "SECRET-a", .fallback = "SECRET-d", .registration = "", .encrypt = "SECRET-e"};
  for (const auto& [user, setting] :
       {std::pair(R"({"acl": {"tokens": {"agent": "SECRET-x"}}})", "agent.tokens.agent_file"),
        std::pair(R"({"acl_agent_token": "SECRET-x"})", "agent.tokens.agent_file"),
        std::pair(R"({"acl": {"tokens": {"default": "SECRET-x"}}})", "agent.tokens.default_file"),
        std::pair(R"({"acl_token": "SECRET-x"})", "agent.tokens.default_file"),
        std::pair(R"({"encrypt": "SECRET-x"})", "agent.encrypt_file")}) {
    CAPTURE(user);
    const Problems problems = problems_of(Json::parse(user), {}, f);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].what == setting);
    CHECK(to_string(problems[0]).find("SECRET") == std::string::npos);
  }
  Settings settings;
  settings.agent.args = {"-encrypt=SECRET"};
  const Problems problems = problems_of(Json::object(), settings);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].what == "agent.args");
  CHECK(to_string(problems[0]).find("SECRET") == std::string::npos);
}

TEST_CASE("new tokens from files need no restart", "[plan]") {
  const Json user = Json::parse(R"({"acl": {"enabled": true}})");
  PlanFacts before = facts(), after = facts();
  after.secrets.fallback = "first";
  // The setting is new: so is enable_token_persistence = false, which is what an agent does anyhow.
  PlanDifference difference = plan_difference(plan_of(user, {}, before), plan_of(user, {}, after));
  CHECK(difference.change == Change::reload);
  CHECK(difference.keys == std::vector<std::string>{"acl"});
  before.secrets.fallback = "old";
  CHECK(plan_difference(plan_of(user, {}, before), plan_of(user, {}, after)).change == Change::reload);
  CHECK(plan_difference(plan_of(Json::object(), {}, before), plan_of(Json::object(), {}, after)).change ==
        Change::reload);
  const Json persistent = Json::parse(R"({"acl": {"enabled": true, "enable_token_persistence": true}})");
  CHECK(plan_difference(plan_of(persistent), plan_of(persistent, {}, after)).change == Change::restart);
  before = after;
  after.secrets.registration = "r";
  difference = plan_difference(plan_of(user, {}, before), plan_of(user, {}, after));
  CHECK(difference.change == Change::none);
  CHECK(difference.keys == std::vector<std::string>{"agent.tokens.registration_file"});
  after.secrets.encrypt = "e";
  CHECK(plan_difference(plan_of(user, {}, before), plan_of(user, {}, after)).change == Change::restart);
}
