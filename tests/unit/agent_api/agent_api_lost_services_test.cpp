// How what the catalog has lost comes back into it.
#include "agent_api/io/agent_api.hpp"

#include "fake_agent.hpp"
#include "services_parts.hpp"
#include "test.hpp"

#include <string>
#include <vector>

using namespace lictor;
using services_parts::shared;
using std::chrono::seconds;

namespace {

// An agent that has two services with their checks and one check of the node; the catalog's entry lacks what it is told to.
struct LosingAgent : FakeAgent {
  explicit LosingAgent(const std::string& token = "") {
    api.reset(token);
    replies["GET /v1/agent/services"] = {200, services.dump()};
    replies["GET /v1/agent/checks"] = {200, checks.dump()};
    replies["GET /v1/agent/self"] = {200, Json{{"Config", {{"Datacenter", "dc9"}}},
                                               {"DebugConfig", {{"TaggedAddresses", {{"lan", "10.0.0.5"}}}}},
                                               {"Meta", {{"rack", "r1"}}}}
                                              .dump()};
    replies["PUT /v1/txn"] = {200, "{}"};
    replies["PUT /v1/catalog/register"] = {200, "true"};
    replies["PUT /v1/catalog/deregister"] = {200, "true"};
  }

  AgentApi::Sent send_again(const Json& entry, bool seen = true) {
    replies["GET /v1/catalog/node/n1"] = {200, entry.dump()};
    answer_to<AgentApi::Look>([&](auto done) { api.look_up_catalog("n1", "id-1", desired, false, done); });
    asked.clear();
    bodies.clear();
    return answer_to<AgentApi::Sent>([&](auto done) {
      api.send_again({"n1", "id-1", "10.0.0.5"}, desired, seen, false, done);
    });
  }

  // The bodies of requests to `path`.
  std::vector<Json> sent_to(const std::string& path) const {
    std::vector<Json> found;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i] == "PUT " + path) found.push_back(Json::parse(bodies[i]));
    }
    return found;
  }

  const Services desired = shared({{{"ID", "web"}, {"Name", "web"}}});
  Json services = {{"web", {{"ID", "web"}, {"Service", "web"}, {"Port", 80}, {"Meta", {{"managed-by", "lictor"}}}}},
                   {"db", {{"ID", "db"}, {"Service", "db"}, {"Meta", Json::object()}, {"Datacenter", "dc9"}}}};
  Json checks = {{"c1", {{"CheckID", "c1"}, {"ServiceID", "web"}, {"Status", "passing"}, {"ModifyIndex", 0}}},
                 {"c2", {{"CheckID", "c2"}, {"ServiceID", "db"}, {"Status", "critical"}}},
                 {"n", {{"CheckID", "n"}, {"ServiceID", ""}, {"Status", "warning"}}}};
  AgentApi api{io.get_executor(), socket};
};

const Json entry_fields = {{"Node", "n1"}, {"ID", "id-1"}, {"Address", "10.0.0.5"}, {"Meta", {{"rack", "r2"}}}};

}  // namespace

TEST_CASE("a service that the catalog has lost is written there with its checks, as the agent has them") {
  LosingAgent agent;
  const auto sent = agent.send_again({{"Node", entry_fields}, {"Services", {{"db", Json::object()}}}});
  CHECK(sent.failure.empty());
  const auto written = agent.sent_to("/v1/catalog/register");
  REQUIRE(written.size() == 1);
  Json check = agent.checks["c1"];
  check.erase("ModifyIndex");
  CHECK(written[0] == Json{{"Node", "n1"},
                           {"ID", "id-1"},
                           {"Address", "10.0.0.5"},
                           {"NodeMeta", {{"rack", "r2"}}},
                           {"Service", agent.services["web"]},
                           {"Checks", {check}}});
  CHECK_FALSE(sent.missing);
  CHECK(agent.sent_to("/v1/txn").empty());  // the node's entry is there, and without ACLs nobody is asked for leave
}

TEST_CASE("where the node's entry is gone, it, its checks and all services of the agent come back") {
  LosingAgent agent;
  REQUIRE(agent.send_again(nullptr).failure.empty());
  const auto node = agent.sent_to("/v1/txn");
  REQUIRE(node.size() == 1);
  REQUIRE(node[0].size() == 2);
  CHECK(node[0][0]["Node"] == Json{{"Verb", "cas"},
                                   {"Node",
                                    {{"Node", "n1"},
                                     {"ID", "id-1"},
                                     {"Address", "10.0.0.5"},
                                     {"Datacenter", "dc9"},
                                     {"TaggedAddresses", {{"lan", "10.0.0.5"}}},
                                     {"Meta", {{"rack", "r1"}}}}}});
  CHECK(node[0][1]["Check"]["Check"]["CheckID"] == "serfHealth");
  CHECK(node[0][1]["Check"]["Verb"] == "cas");
  const auto written = agent.sent_to("/v1/catalog/register");
  REQUIRE(written.size() == 3);
  CHECK(written[0]["Checks"] == Json::array({agent.checks["n"]}));
  CHECK_FALSE(written[0].contains("Service"));
  CHECK(written[1]["Service"] == Json{{"ID", "db"}, {"Service", "db"}});  // without what the catalog does not take
  CHECK(written[1]["NodeMeta"] == Json{{"rack", "r1"}});

  SECTION("a server has been quicker") {
    agent.replies["PUT /v1/txn"] = {409, "{\"Errors\":[{\"OpIndex\":1,\"What\":\"index is stale\"}]}"};
    CHECK(agent.send_again(nullptr).failure.empty());
    CHECK(agent.sent_to("/v1/catalog/register").size() == 3);
  }
  SECTION("the node may not be written") {
    agent.replies["PUT /v1/txn"] = {409, "{\"Errors\":[{\"OpIndex\":0,\"What\":\"Permission denied\"}]}"};
    const auto sent = agent.send_again(nullptr);
    CHECK(sent.refused);
    CHECK(sent.failure.find("node:write on \"n1\"") != std::string::npos);
    CHECK(agent.sent_to("/v1/catalog/register").empty());
  }
  SECTION("an entry that may only be hidden is not written") {
    CHECK(agent.send_again(nullptr, false).failure.empty());
    CHECK(agent.sent_to("/v1/txn").empty());
  }
}

TEST_CASE("with ACLs what the servers refuse is not tried, and told of with the token's accessor") {
  LosingAgent agent("recovery");
  const Json none = {{"Node", entry_fields}, {"Services", Json::object()}};
  // The services in order: db, which is not ours, then web.
  const auto refused = [&agent](const char* what) {
    agent.replies["PUT /v1/txn"] = {
        409,
        Json{{"Errors", {{{"OpIndex", 1}, {"What", "Permission denied"}}, {{"OpIndex", 2}, {"What", what}}}}}.dump()};
  };
  refused("Permission denied: token with AccessorID 'a-1' lacks permission 'service:write' on \"web\"");
  auto sent = agent.send_again(none);
  CHECK(sent.refused);
  CHECK(sent.failure.find("registering web: 403 Permission denied: token with AccessorID 'a-1'") == 0);
  CHECK(agent.sent_to("/v1/catalog/register").empty());

  refused("Permission denied");
  agent.replies["GET /v1/acl/token/self"] = {200, R"({"AccessorID": "a-2", "SecretID": "s"})"};
  sent = agent.send_again(none);
  CHECK(sent.failure.find("accessor is a-2") != std::string::npos);
  CHECK(sent.failure.find("needs service:write") != std::string::npos);

  // Ours is let in, the other one is not: that is none of our troubles.
  agent.replies["PUT /v1/txn"] = {
      409, Json{{"Errors",
                 {{{"OpIndex", 0}, {"What", "Must provide node"}}, {{"OpIndex", 1}, {"What", "Permission denied"}}}}}
               .dump()};
  CHECK(agent.send_again(none).failure.empty());
  REQUIRE(agent.sent_to("/v1/catalog/register").size() == 1);
  CHECK(agent.sent_to("/v1/catalog/register")[0]["Service"]["ID"] == "web");
}

TEST_CASE("what the agent itself lacks can't be written, and is told of") {
  LosingAgent agent;
  agent.services.erase("web");
  agent.replies["GET /v1/agent/services"] = {200, agent.services.dump()};
  const auto sent = agent.send_again({{"Node", entry_fields}, {"Services", {{"db", Json::object()}}}});
  CHECK(sent.missing);
  CHECK(agent.sent_to("/v1/catalog/register").empty());
}

TEST_CASE("what changes in the agent while it is written is written once more") {
  LosingAgent agent;
  const Json none = {{"Node", entry_fields}, {"Services", Json::object()}};
  SECTION("a check's status") {
    agent.replies["PUT /v1/catalog/register"].later = [&](auto answer) {
      agent.checks["c1"]["Status"] = "critical";
      agent.replies["GET /v1/agent/checks"] = {200, agent.checks.dump()};
      answer({200, "true"});
    };
    CHECK(agent.send_again(none).failure.empty());
    const auto written = agent.sent_to("/v1/catalog/register");
    REQUIRE(written.size() == 3);
    CHECK(written[1]["Checks"][0]["Status"] == "passing");
    CHECK(written[2]["Checks"][0]["Status"] == "critical");
  }
  SECTION("a service that is taken out") {
    agent.replies["PUT /v1/catalog/register"].later = [&](auto answer) {
      agent.services.erase("db");
      agent.replies["GET /v1/agent/services"] = {200, agent.services.dump()};
      answer({200, "true"});
    };
    CHECK(agent.send_again(none).failure.empty());
    CHECK(agent.sent_to("/v1/catalog/deregister") == std::vector<Json>{{{"Node", "n1"}, {"ServiceID", "db"}}});
  }
  SECTION("one that does not come to rest") {
    int n = 0;
    agent.replies["PUT /v1/catalog/register"].later = [&](auto answer) {
      agent.checks["c1"]["Output"] = std::to_string(++n);
      agent.replies["GET /v1/agent/checks"] = {200, agent.checks.dump()};
      answer({200, "true"});
    };
    CHECK(agent.send_again(none).failure.empty());
    CHECK(agent.sent_to("/v1/catalog/register").size() < 8);
  }
  SECTION("the agent is asked to leave: nothing is written any more") {
    agent.replies["PUT /v1/agent/leave"] = {200, ""};
    agent.replies["GET /v1/agent/checks"].later = [&](auto answer) {
      agent.api.leave(seconds(5), [](const Result<void>&) {});
      answer({200, agent.checks.dump()});
    };
    agent.send_again(none);
    CHECK(agent.sent_to("/v1/catalog/register").empty());
  }
}
