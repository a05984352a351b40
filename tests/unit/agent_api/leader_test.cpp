// Whether an agent answers and knows a leader, as its API tells.
#include "agent_api/io/agent_api.hpp"

#include "control/io/control_server.hpp"
#include "fake_agent.hpp"
#include "test.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a probe tells a leader, no leader and silence apart") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    ProbeAnswer expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"a leader", 200, "\"10.0.0.1:8300\"", ProbeAnswer::leader},
           {"servers, but no leader", 200, "\"\"", ProbeAnswer::no_leader},
           {"no server known", 500, "No known Consul servers", ProbeAnswer::no_server},
           {"a failure of the servers'", 500, "rpc error making call: EOF", ProbeAnswer::no_leader},
           {"forbidden is an answer too", 403, "Permission denied", ProbeAnswer::no_leader},
       }) {
    CAPTURE(row.name);
    FakeAgent agent;
    agent.replies["GET /v1/status/leader"] = {row.status, row.body};
    AgentApi api(agent.io.get_executor(), agent.socket);
    CHECK(agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(seconds(5), true, done); }) == row.expected);
    CHECK(api.facts().server == (row.expected == ProbeAnswer::leader ? "10.0.0.1:8300" : ""));
  }
  FakeAgent agent;
  agent.server.reset();
  AgentApi api(agent.io.get_executor(), agent.socket);
  CHECK(agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(seconds(5), true, done); }) == ProbeAnswer::silent);
}

TEST_CASE(
    "servers are asked for a leader only by an agent that knows some, and not while it knows as many as when there was "
    "one") {
  const std::string self = "GET /v1/agent/self", leader = "GET /v1/status/leader";
  const auto stats = [](const char* servers) {
    return Json{{"Stats", {{"consul", {{"known_servers", servers}}}, {"serf_lan", {{"members", "12"}}}}}}.dump();
  };
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto probe = [&](bool servers = true) {
    agent.asked.clear();
    return agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(seconds(5), servers, done); });
  };
  agent.replies[leader] = {500, "No known Consul servers"};
  agent.replies[self] = {200, stats("0")};
  for (int round = 0; round < 3; ++round) {
    CHECK(probe() == ProbeAnswer::no_server);
    CHECK(agent.asked == std::vector{self});
    CHECK(api.facts().members == 12);
  }
  agent.replies[self] = {200, stats("3")};
  agent.replies[leader] = {200, "\"\""};
  CHECK(probe() == ProbeAnswer::no_leader);
  CHECK(agent.asked == std::vector{self, leader});
  agent.replies[leader] = {200, "\"10.0.0.1:8300\""};
  CHECK(probe() == ProbeAnswer::leader);
  CHECK(agent.asked == std::vector{self, leader});
  CHECK(probe() == ProbeAnswer::leader);
  CHECK(agent.asked == std::vector{leader});
  for (int round = 0; round < 3; ++round) {
    CHECK(probe(false) == ProbeAnswer::leader);
    CHECK(agent.asked == std::vector{self});
    CHECK(api.facts().server == "10.0.0.1:8300");
  }
  // One of them is gone, or is back: it may have led.
  for (const char* servers : {"2", "3"}) {
    agent.replies[self] = {200, stats(servers)};
    CHECK(probe(false) == ProbeAnswer::leader);
    CHECK(agent.asked == std::vector{self, leader});
    CHECK(probe(false) == ProbeAnswer::leader);
    CHECK(agent.asked == std::vector{self});
  }
  // An agent that does not tell of them.
  agent.replies[self] = {500, "no"};
  CHECK(probe(false) == ProbeAnswer::leader);
  CHECK(agent.asked == std::vector{self, leader});
  agent.replies[self] = {200, stats("3")};
  CHECK(probe(false) == ProbeAnswer::leader);
  CHECK(agent.asked == std::vector{self});
  // The servers are gone: that is one failed question, and no more.
  agent.replies[leader] = {500, "No known Consul servers"};
  agent.replies[self] = {200, stats("0")};
  CHECK(probe() == ProbeAnswer::no_server);
  CHECK(agent.asked == std::vector{leader});
  CHECK(probe() == ProbeAnswer::no_server);
  CHECK(agent.asked == std::vector{self});
  SECTION("answers that tell nothing: the servers are asked") {
    for (const ControlReply& odd :
         {ControlReply{200, "{}"}, {200, "no JSON"}, {200, "[]"}, {200, R"({"Stats": 7})"}, {500, "no"}}) {
      agent.replies[self] = odd;
      CHECK(probe() == ProbeAnswer::no_server);
      CHECK(agent.asked == std::vector{self, leader});
    }
  }
  SECTION("an agent that refuses to show itself is not asked for it again, but another one is") {
    agent.replies[self] = {403, "Permission denied"};
    CHECK(probe() == ProbeAnswer::no_server);
    CHECK(agent.asked == std::vector{self, leader});
    CHECK(probe() == ProbeAnswer::no_server);
    CHECK(agent.asked == std::vector{leader});
    api.reset("");
    probe();
    CHECK(agent.asked == std::vector{self, leader});
  }
  SECTION("all of them are gone at once: that takes no question") {
    agent.replies[leader] = {200, "\"10.0.0.1:8300\""};
    agent.replies[self] = {200, stats("3")};
    CHECK(probe() == ProbeAnswer::leader);
    agent.replies[self] = {200, stats("0")};
    CHECK(probe(false) == ProbeAnswer::no_server);
    CHECK(agent.asked == std::vector{self});
    CHECK(api.facts().server.empty());
  }
  SECTION("it was another agent that knew a leader") {
    agent.replies[leader] = {200, "\"10.0.0.1:8300\""};
    agent.replies[self] = {200, stats("1")};
    CHECK(probe() == ProbeAnswer::leader);
    api.reset("");
    agent.replies[self] = {200, stats("0")};
    CHECK(probe() == ProbeAnswer::no_server);
    CHECK(agent.asked == std::vector{self});
  }
}

TEST_CASE("an agent that tells nothing of itself is asked for a leader all the same") {
  FakeAgent agent;
  std::vector<std::function<void(ControlReply)>> waiting;
  agent.replies["GET /v1/agent/self"] = {.later = [&waiting](auto answer) { waiting.push_back(answer); }};
  agent.replies["GET /v1/status/leader"] = {200, "\"10.0.0.1:8300\""};
  AgentApi api(agent.io.get_executor(), agent.socket);
  CHECK(agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(milliseconds(400), true, done); }) ==
        ProbeAnswer::leader);
  for (const auto& late : waiting) late({503, "over"});  // while their connections are there
}

TEST_CASE("an agent that takes a connection and ends it without a word is not silent") {
  FakeAgent agent;
  agent.server.reset();
  std::filesystem::remove(agent.socket);
  boost::asio::local::stream_protocol::acceptor acceptor(agent.io, agent.socket);
  acceptor.async_accept([](boost::system::error_code, boost::asio::local::stream_protocol::socket) {});
  AgentApi api(agent.io.get_executor(), agent.socket);
  CHECK(agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(seconds(5), true, done); }) == ProbeAnswer::closed);
}

TEST_CASE("an agent that is kept waiting by its servers has no leader; one that answers nothing at all is silent") {
  std::vector<std::function<void(ControlReply)>> waiting;
  const ControlReply never{
      .later = [&waiting](std::function<void(ControlReply)> answer) { waiting.push_back(answer); }};
  const auto probed = [&waiting](FakeAgent& agent) {
    AgentApi api(agent.io.get_executor(), agent.socket);
    const auto answer = agent.answer_to<ProbeAnswer>([&](auto done) { api.probe(milliseconds(400), true, done); });
    for (const auto& late : std::exchange(waiting, {})) late({503, "over"});  // while their connections are there
    return answer;
  };
  for (const int status : {200, 301, 403, 404}) {
    CAPTURE(status);
    FakeAgent agent;
    for (const char* path : {"/v1/status/leader", "/v1/agent/self", "/v1/agent/services", "/v1/agent/checks"})
      agent.replies[std::string("GET ") + path] = never;
    agent.replies["GET /"] = {status, "Consul Agent"};
    CHECK(probed(agent) == ProbeAnswer::no_leader);
  }
  FakeAgent hung;
  hung.replies["GET /v1/status/leader"] = hung.replies["GET /v1/agent/self"] = hung.replies["GET /"] = never;
  CHECK(probed(hung) == ProbeAnswer::silent);
}
