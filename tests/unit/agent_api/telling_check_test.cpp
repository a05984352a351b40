// How the agent is told of the node, and the catalog through it.
#include "agent_api/io/agent_api.hpp"
#include "agent_api/node_check.hpp"
#include "fake_agent.hpp"
#include "services_parts.hpp"
#include "test.hpp"

#include <string>
#include <vector>

using namespace lictor;
using services_parts::shared;

namespace {

const NodeKey own{"n 1", "id-1", "10.0.0.5"};

struct Telling : FakeAgent {
  AgentApi api{io.get_executor(), socket};
  const Json node{{"ID", "node"},
                  {"Name", "node"},
                  {"Check", {{"CheckID", node_check_id}, {"TTL", "28s"}, {"Status", "passing"}}},
                  {"Meta", {{"managed-by", "lictor"}}}};
  const Json web{{"ID", "web"}, {"Name", "web"}, {"Check", {{"TTL", "1s"}}}, {"Meta", {{"managed-by", "lictor"}}}};

  Telling() {
    replies["GET /v1/agent/services"] = {200, "{}"};
    replies["PUT /v1/agent/service/register"] = {200, ""};
    api.use_tokens({.registration = "registers", .fallback = "", .agent = "is"});
  }
  void send(const std::vector<Json>& services) {
    answer_to<bool>([&](auto done) {
      api.send_services("n 1", shared(services), Sending::difference, [done](const AgentApi::Sent&) { done(true); });
    });
  }
  std::string tell() {
    return answer_to<std::string>([&](auto done) { api.tell_node_check("passing", "ready; phase serve", done); });
  }
  bool write() {
    return answer_to<bool>([&](auto done) { api.write_node_check(own, done); });
  }
};

}  // namespace

TEST_CASE("the agent has the check of the node once it was sent one, also an agent before this one") {
  Telling agent;
  CHECK_FALSE(agent.api.has_node_check("node"));
  agent.send({agent.web});
  CHECK(agent.api.node_checks_begun() == 0);
  agent.send({agent.web, agent.node});
  CHECK(agent.api.has_node_check("node"));
  CHECK(agent.api.node_checks_begun() == 1);
  CHECK_FALSE(agent.api.has_node_check(""));
  agent.api.reset("");
  CHECK(agent.api.has_node_check("node"));  // it is kept on disk
  AgentApi other(agent.io.get_executor(), agent.socket);
  other.use_record({{"node", {.digest = "1", .checks = {node_check_id}, .tags = {}}}}, {});
  CHECK(other.has_node_check("node"));
  other.use_record({{"node", {.digest = "1", .checks = {"service:node"}, .tags = {}}}}, {});
  CHECK_FALSE(other.has_node_check("node"));
}

TEST_CASE("the agent is told by an update of the check, and says what it does not take") {
  Telling agent;
  agent.replies["PUT /v1/agent/check/update/lictor-node"] = {200, ""};
  CHECK(agent.tell().empty());
  CHECK(Json::parse(agent.bodies.back()) == Json{{"Status", "passing"}, {"Output", "ready; phase serve"}});
  agent.replies["PUT /v1/agent/check/update/lictor-node"] = {403, "Permission denied"};
  CHECK(agent.tell() == "check of the node: 403 Permission denied");
}

TEST_CASE("the catalog is written what the agent has, by the token that registers, and a refusal is final") {
  Telling agent;
  agent.replies["GET /v1/agent/checks"] = {
      200, R"({"lictor-node": {"Node": "n 1", "CheckID": "lictor-node", "Status": "passing", "Output": "ready",
               "ServiceID": "node", "ServiceName": "node", "CreateIndex": 0, "ModifyIndex": 0}})"};
  agent.replies["PUT /v1/catalog/register"] = {200, "true"};
  CHECK(agent.write());
  CHECK(agent.asked == std::vector<std::string>{"GET /v1/agent/checks?filter=CheckID%20%3D%3D%20%22lictor-node%22",
                                                "PUT /v1/catalog/register"});
  const Json body = Json::parse(agent.bodies.back());
  CHECK((body.at("Node") == "n 1" && body.at("ID") == "id-1" && body.at("SkipNodeUpdate") == true));
  CHECK(body.at("Checks").at(0).at("Output") == "ready");
  agent.replies["PUT /v1/catalog/register"] = {403, "Permission denied"};
  CHECK(agent.write());
  agent.replies["PUT /v1/catalog/register"] = {500, "No cluster leader"};
  CHECK_FALSE(agent.write());
  agent.replies["GET /v1/agent/checks"] = {200, "{}"};
  CHECK_FALSE(agent.write());
}
