// Whether the agent answers of itself, and whether it is for its servers' sake if it does not: agent_api/io/own_answers.cpp.
#include "agent_api/io/agent_api.hpp"

#include "control/io/control_server.hpp"
#include "fake_agent.hpp"
#include "test.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Asking : FakeAgent {
  std::vector<std::function<void(ControlReply)>> waiting;
  const ControlReply never{.later = [this](std::function<void(ControlReply)> answer) { waiting.push_back(answer); }};
  AgentApi api{io.get_executor(), socket};

  Asking() {
    for (const char* path : {"/v1/agent/services", "/v1/agent/checks"})
      replies[std::string("GET ") + path] = {200, "{}"};
    replies["GET /v1/catalog/node/n%201"] = {200, R"({"Node": {}, "Services": {}})"};
    replies["GET /v1/health/node/n%201"] = {200, "[]"};
    leader("10.0.0.1:8300");
    members({1, 1, 1});
  }
  ~Asking() { answer_late(); }

  void answer_late() {
    for (const auto& late : std::exchange(waiting, {})) late({503, "over"});  // while their connections are there
  }
  void leader(const std::string& address) { replies["GET /v1/status/leader"] = {200, "\"" + address + "\"\n"}; }
  // The statuses of the servers, beside two clients.
  void members(const std::vector<int>& servers) {
    Json list = Json::array();
    for (std::size_t i = 0; i < servers.size() + 2; ++i) {
      const bool server = i < servers.size();
      list.push_back({{"Name", "m" + std::to_string(i)},
                      {"Addr", "10.0.0." + std::to_string(i + 1)},
                      {"Status", server ? servers[i] : 4},
                      {"Tags", {{"role", server ? "consul" : "node"}}}});
    }
    replies["GET /v1/agent/members"] = {200, list.dump()};
  }

  bool told() {
    const bool answer = answer_to<bool>([&](auto done) { api.ask_own(milliseconds(60), done); });
    answer_late();
    return answer;
  }
  std::pair<ServersAnswer, bool> servers() {
    using Answer = std::pair<ServersAnswer, bool>;
    const auto answer = answer_to<Answer>([&](auto done) {
      api.ask_servers("n 1", [done](ServersAnswer servers, bool told) { done({servers, told}); });
    });
    answer_late();
    return answer;
  }
  // As the probes and the looks around do, and the agent tells what it has.
  void as_ever() {
    answer_to<ProbeAnswer>([&](auto done) { api.probe(seconds(5), true, done); });
    answer_to<int>([&](auto done) { api.look_around({"n 1", "id", "10.0.0.9"}, [done](const auto&) { done(1); }); });
    REQUIRE(told());
  }
};

constexpr auto steady = std::pair(ServersAnswer::steady, false);
constexpr auto changed = std::pair(ServersAnswer::changed, false);
constexpr auto silent = std::pair(ServersAnswer::silent, false);

}  // namespace

TEST_CASE("an agent tells of itself when it answers for its services and for its checks, whatever it says") {
  Asking agent;
  CHECK(agent.told());
  agent.replies["GET /v1/agent/services"] = {403, "Permission denied"};
  agent.replies["GET /v1/agent/checks"] = {200, "{\"a\": \"" + std::string(200 << 10, 'x') + "\"}"};
  CHECK(agent.told());
  for (const char* mute : {"GET /v1/agent/services", "GET /v1/agent/checks"}) {
    CAPTURE(mute);
    const ControlReply before = std::exchange(agent.replies[mute], agent.never);
    CHECK_FALSE(agent.told());
    agent.replies[mute] = before;
    CHECK(agent.told());
  }
  agent.server.reset();
  CHECK(agent.told());  // not to answer at all is another matter, and the probe's
}

TEST_CASE("servers that answer by the way of the agent, all of them alive under the leader of before, are steady") {
  Asking agent;
  agent.as_ever();
  CHECK(agent.servers() == steady);
  SECTION("what may not be read is an answer") {
    agent.replies["GET /v1/catalog/node/n%201"] =
        agent.replies["GET /v1/health/node/n%201"] = {403, "Permission denied"};
    CHECK(agent.servers() == std::pair(ServersAnswer::steady, true));
    CHECK(agent.servers() == steady);
  }
  SECTION("all that the agent answers of itself may be silent") {
    agent.replies["GET /v1/agent/members"] = agent.never;
    CHECK(agent.servers() == steady);
  }
  SECTION("another leader, and a server that has failed, are changes, once") {
    agent.leader("10.0.0.2:8300");
    CHECK(agent.servers() == changed);
    CHECK(agent.servers() == steady);
    agent.members({1, 4, 1});
    CHECK(agent.servers() == changed);
    CHECK(agent.servers() == steady);
  }
  SECTION("what the members have not told before is not held against them, but for what has failed") {
    Asking young;
    young.answer_to<ProbeAnswer>([&](auto done) { young.api.probe(seconds(5), true, done); });
    REQUIRE(young.told());
    CHECK(young.servers() == steady);
    Asking troubled;
    troubled.members({1, 1, 4});
    troubled.answer_to<ProbeAnswer>([&](auto done) { troubled.api.probe(seconds(5), true, done); });
    REQUIRE(troubled.told());
    CHECK(troubled.servers() == changed);
  }
  SECTION("what the agent tells them shows") {
    agent.replies["GET /v1/catalog/node/n%201"] = {200, R"({"Node": {}, "Services": {"web": {}}})"};
    CHECK(agent.servers() == std::pair(ServersAnswer::steady, true));
    CHECK(agent.servers() == steady);
    agent.replies["GET /v1/health/node/n%201"] = {200, R"([{"CheckID": "web"}])"};
    CHECK(agent.servers() == std::pair(ServersAnswer::steady, true));
  }
  SECTION("of before its own answer nothing counts") {
    agent.replies["GET /v1/catalog/node/n%201"] = {200, R"({"Node": {}, "Services": {"web": {}}})"};
    agent.leader("10.0.0.2:8300");
    agent.as_ever();
    CHECK(agent.servers() == steady);
  }
}

TEST_CASE("servers are silent where the leader does not answer, though one of them names it") {
  Asking agent;
  agent.as_ever();
  const auto all = agent.replies;
  for (const char* path : {"GET /v1/catalog/node/n%201", "GET /v1/health/node/n%201", "GET /v1/status/leader"}) {
    CAPTURE(path);
    agent.replies[path] = {500, "No cluster leader"};
    CHECK(agent.servers() == silent);
    agent.replies = all;
  }
  agent.leader("");
  CHECK(agent.servers() == silent);
  agent.replies = all;
  agent.replies["GET /v1/catalog/node/n%201"] = agent.never;
  CHECK(agent.servers() == silent);
}
