// What lictor does not go by is let go, and a change of it is seen all the same.
#include "agent_config/definitions.hpp"
#include "agent_config/kept_definitions.hpp"
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
  CHECK(config.effective().merged["services"].size() == 1);
  CHECK(config.effective().merged["services"][0]["count"] == 3);
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

TEST_CASE("definitions that are never whole in memory are kept as those that are let go") {
  for (
      const char* const text : {
          R"(service { name = "a" port = 80 })",
          R"(services = [{ name = "a" }, { name = "b", tags = ["x", "y"], meta { owner = "me" } }])",
          R"(services { name = "a" } services { name = "b" check { http = "http://h/" interval = "10s" } })",
          R"(service { name = "last" } services { name = "first" } check { ttl = "9s" } checks = [{ ttl = "8s" }])",
          R"(check { HTTP = "http://h/", Interval = "10s", TLSSkipVerify = true, Header { Accept = ["x"] } })",
          R"(services = [{ Name = "a", NAME = "b" }, { Port = 1 }])",
          R"(services = [{ weights { passing = 2 warning = 1 }, proxy { config { a = [{ b = 1.5 }] } } }, {}])",
          R"(services = [] checks = [])",
          R"(service { token = "a-secret-token" name = "a" })",
          R"(services = [{ meta { api_token = "a-secret-token" } }, { check { http = "http://u:a-secret-word@h/" } }])",
          R"(check { header { X-Key = ["a-secret-token"] } } node_name = "n")",
      }) {
    CAPTURE(text);
    auto whole = parse_for_agent("a.hcl", text, "hcl");
    const auto kept = parse_without_definitions("a.hcl", text, "hcl");
    REQUIRE(whole.has_value());
    REQUIRE(kept.has_value());
    const auto secrets = secrets_in(whole->content);
    let_definitions_go(whole->content);
    CHECK(kept->content == whole->content);
    CHECK(secrets_in(kept->content) == secrets);
  }
}

TEST_CASE("what the agent would refuse in a definition is refused though none of it is kept") {
  for (const char* const text :
       {R"(service { name = "a" port = "80" })", "services = [{ name = \"a\" }, { tags = \"x\" }]", R"(services = "a")",
        R"(check { ttl = 9 })", "service { name = \"a\" }\nservice { name = \"b\" }"}) {
    CAPTURE(text);
    const auto whole = parse_for_agent("a.hcl", text, "hcl"), kept = parse_without_definitions("a.hcl", text, "hcl");
    REQUIRE(whole.has_error());
    REQUIRE(kept.has_error());
    CHECK(to_string(kept.error()) == to_string(whole.error()));
  }
}

TEST_CASE(
    "a list of definitions has one digest, whether it is let go whole or in parts, and another in another order") {
  const Json a = Json::parse(R"({"name": "a"})"), b = Json::parse(R"({"name": "b"})"),
             c = Json::parse(R"({"port": 1})");
  const Json whole = digests_of(Json::array({a, b, c}));
  Json parts = digests_of(Json::array({a, b}));
  parts.push_back(c);
  CHECK(digests_of(parts) == whole);
  CHECK(digests_of(Json::array({digests_of(Json::array({a}))[0], digests_of(Json::array({b, c}))[0]})) == whole);
  CHECK(digests_of(Json::array({b, a, c})) != whole);
  CHECK(digests_of(Json::array({a, b})) != whole);
  CHECK(digests_of(Json::array()) == Json::array());
}
