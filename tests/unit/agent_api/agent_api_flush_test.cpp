// When an agent is made to send what it has.
#include "agent_api/io/agent_api.hpp"

#include "fake_agent.hpp"
#include "services_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <string>

using namespace lictor;
using services_parts::shared;

namespace {

// An agent that has taken the service `web`.
struct TakingAgent : FakeAgent {
  TakingAgent() {
    replies["GET /v1/agent/services"] = {200, "{}"};
    replies["GET /v1/agent/checks"] = {200, "{}"};
    replies["PUT /v1/agent/service/register"] = replies["PUT " + maintenance] = {200, ""};
    answer_to<AgentApi::Sent>([&](auto done) { api.send_services("n1", desired, Sending::difference, done); });
  }

  // Whether the agent was made to send what it has.
  bool flushes(bool anew = false) {
    asked.clear();
    refused = answer_to<bool>([&](auto done) { api.flush(anew, done); });
    return std::find(asked.begin(), asked.end(), "PUT " + maintenance + "?enable=false") != asked.end();
  }

  const std::string maintenance = "/v1/agent/service/maintenance/web%2F1";
  const Services desired = shared({{{"ID", "web/1"}, {"Name", "web"}}});
  bool refused = false;
  AgentApi api{io.get_executor(), socket};
};

}  // namespace

TEST_CASE("an agent is made to send what it has when its checks have changed, and when it is asked to anew") {
  TakingAgent agent;
  CHECK(agent.flushes());
  CHECK_FALSE(agent.flushes());
  CHECK(agent.flushes(true));
  agent.replies["GET /v1/agent/checks"].body = R"({"c":{"CheckID":"c","Status":"passing"}})";
  CHECK(agent.flushes());
  CHECK_FALSE(agent.flushes());
  CHECK_FALSE(agent.refused);
}

// With a registration the agent sends all that it has.
TEST_CASE(
    "after what was sent, an agent is made to send what it has only for checks that may have changed, and for a failed "
    "sync") {
  TakingAgent agent;
  const auto web = [](int port, const char* ttl) {
    return shared({{{"ID", "web/1"}, {"Name", "web"}, {"Port", port}, {"Check", {{"TTL", ttl}}}}});
  };
  const auto send = [&agent](const Services& services) {
    agent.answer_to<AgentApi::Sent>([&](auto done) { agent.api.send_services("n1", services, Sending::news, done); });
  };
  const auto look = [&agent](const Services& services, int port) {
    const Json web = {{"Service", "web"}, {"Port", port}, {"Weights", {{"Passing", 1}, {"Warning", 1}}}};
    agent.replies["GET /v1/catalog/node/n1"] = {200,
                                                Json{{"Node", {{"ID", "i"}}}, {"Services", {{"web/1", web}}}}.dump()};
    agent.answer_to<AgentApi::Look>([&](auto done) { agent.api.look_up_catalog("n1", "i", services, false, done); });
  };
  send(web(80, "9s"));
  CHECK(agent.flushes());  // a check has begun
  look(web(80, "9s"), 80);
  CHECK_FALSE(agent.flushes());
  send(web(81, "9s"));
  CHECK_FALSE(agent.flushes());
  look(web(81, "9s"), 81);
  CHECK_FALSE(agent.flushes());
  // The servers have not been told, though the agent has taken it.
  send(web(82, "9s"));
  look(web(82, "9s"), 81);
  CHECK(agent.flushes());
  CHECK_FALSE(agent.flushes());
  look(web(82, "9s"), 81);
  CHECK_FALSE(agent.flushes());  // it is the agent's full sync that mends it, if that did not
  send(web(82, "10s"));
  CHECK(agent.flushes());
  // A check that has changed meanwhile may be one that the agent keeps to itself.
  send(web(83, "10s"));
  agent.replies["GET /v1/agent/checks"].body = R"({"c":{"CheckID":"c","Status":"critical"}})";
  CHECK(agent.flushes());
  // Several at once take a while.
  Services two = web(84, "10s");
  two.emplace_back(Json{{"ID", "z"}, {"Name", "z"}});
  send(two);
  CHECK(agent.flushes());
  CHECK_FALSE(agent.flushes());
  agent.replies["PUT /v1/agent/reload"] = {200, ""};
  agent.answer_to<Result<void>>([&](auto done) { agent.api.reload(done); });
  CHECK(agent.flushes());
}

TEST_CASE("an agent's checks that pass are not asked for, unless it may take their service out") {
  TakingAgent agent;
  CHECK(agent.flushes(true));
  CHECK(agent.asked.front() == "GET /v1/agent/checks?filter=Status%20%21%3D%20%22passing%22");
  const Services reaped = shared(
      {{{"ID", "web/1"}, {"Name", "web"}, {"Check", {{"TTL", "9s"}, {"DeregisterCriticalServiceAfter", "1m"}}}}});
  agent.answer_to<AgentApi::Sent>([&](auto done) { agent.api.send_services("n1", reaped, Sending::news, done); });
  CHECK(agent.flushes(true));
  CHECK(agent.asked.front() == "GET /v1/agent/checks");
}

TEST_CASE("a service that is in maintenance stays there, and one that can't be seen may be") {
  TakingAgent agent;
  agent.replies["GET /v1/agent/checks"].body = R"({"_service_maintenance:web/1":{"Status":"critical"}})";
  CHECK_FALSE(agent.flushes(true));
  agent.replies["GET /v1/agent/checks"].body = "[]";
  CHECK_FALSE(agent.flushes(true));
  agent.replies["GET /v1/agent/checks"] = {500, "no"};
  CHECK_FALSE(agent.flushes(true));
  CHECK_FALSE(agent.refused);
  // What could not be done anew is still to be done.
  agent.replies["GET /v1/agent/checks"] = {200, "{}"};
  CHECK(agent.flushes());
  CHECK_FALSE(agent.flushes());
  agent.replies["GET /v1/agent/checks"] = {500, "no"};
  CHECK_FALSE(agent.flushes(true));
  agent.replies["GET /v1/agent/checks"] = {200, "{}"};
  CHECK(agent.flushes());
}

TEST_CASE("an agent that does not permit to be made to send what it has says so") {
  TakingAgent agent;
  agent.replies["PUT " + agent.maintenance] = {403, "Permission denied"};
  CHECK(agent.flushes());
  CHECK(agent.refused);
  agent.replies["GET /v1/agent/checks"] = {403, "Permission denied"};
  CHECK_FALSE(agent.flushes(true));
  CHECK(agent.refused);
}
