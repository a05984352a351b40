// How services come to the agent, and what the catalog has lost back into it.
#include "agent_api/io/agent_api.hpp"

#include "control/io/control_server.hpp"
#include "fake_agent.hpp"
#include "services_parts.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace lictor;
using services_parts::shared;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("services are sent by difference, and a refusal names the service, the reason and the permission") {
  const auto web = [](int port) {
    return Json{{"ID", "web"}, {"Name", "web"}, {"Port", port}, {"Meta", {{"managed-by", "lictor"}}}};
  };
  Services desired = shared({web(80)});
  const Json stale = {{"old", {{"ID", "old"}, {"Service", "old"}, {"Meta", {{"managed-by", "lictor"}}}}}};
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {200, stale.dump()};
  agent.replies["PUT /v1/agent/service/deregister/old"] = {200, ""};
  agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  AgentApi api(agent.io.get_executor(), agent.socket);
  Sending what = Sending::news;  // of an agent of which nothing is known: its list is asked for
  bool changed = false;
  const auto send = [&](auto done) {
    api.send_services("n1", desired, what, [&changed, done](const AgentApi::Sent& sent) {
      changed = sent.changed;
      done(sent.failure + describe(sent.faults));
    });
  };
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked == std::vector<std::string>{"GET /v1/agent/services", "PUT /v1/agent/service/deregister/old",
                                                "PUT /v1/agent/service/register"});
  CHECK(Json::parse(agent.bodies.back()) == *desired.front());
  CHECK(changed);

  // Now the agent has it: one request, no more.
  agent.asked.clear();
  const Json same = {{"web",
                      {{"ID", "web"},
                       {"Service", "web"},
                       {"Port", 80},
                       {"Weights", {{"Passing", 1}, {"Warning", 1}}},
                       {"Meta", {{"managed-by", "lictor"}}}}}};
  agent.replies["GET /v1/agent/services"] = {200, same.dump()};
  what = Sending::difference;
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked == std::vector<std::string>{"GET /v1/agent/services"});
  CHECK_FALSE(changed);

  // What is news takes no question: none, one changed, all gone, which somebody else may have taken out already.
  agent.asked.clear();
  what = Sending::news;
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked.empty());
  desired = shared({web(81)});
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked == std::vector<std::string>{"PUT /v1/agent/service/register"});
  agent.replies["PUT /v1/agent/service/deregister/web"] = {500, "Unknown service \"web\""};
  const auto all = std::exchange(desired, {});
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked.back() == "PUT /v1/agent/service/deregister/web");
  // After another token it is not known what the agent has by it.
  desired = all;
  CHECK(agent.answer_to<std::string>(send).empty());
  desired = shared({web(80)});
  CHECK(agent.answer_to<std::string>(send).empty());
  agent.asked.clear();
  api.use_tokens({.registration = "other", .fallback = {}, .agent = {}});
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked == std::vector<std::string>{"GET /v1/agent/services", "PUT /v1/agent/service/register"});

  what = Sending::difference;
  agent.replies["GET /v1/agent/services"] = {200, "{}"};
  agent.replies["PUT /v1/agent/service/register"] = {403, "Permission denied: Missing service:write on web"};
  const auto failure = agent.answer_to<std::string>(send);
  CHECK(failure.find("registering web: 403") != std::string::npos);
  CHECK(failure.find("service:write") != std::string::npos);

  // Refused once, it is sent only when the servers say that they would take it.
  agent.asked.clear();
  const Json errors = {
      {{"OpIndex", 0}, {"What", "Must provide node"}},
      {{"OpIndex", 1}, {"What", "Permission denied: token with AccessorID 'a-1' lacks 'service:write'"}}};
  agent.replies["PUT /v1/txn"] = {409, Json{{"Results", nullptr}, {"Errors", errors}}.dump()};
  CHECK(agent.answer_to<std::string>(send).find(
            "registering web: 403 Permission denied: token with AccessorID 'a-1'") == 0);
  CHECK(agent.asked == std::vector<std::string>{"PUT /v1/txn", "GET /v1/agent/services"});
  agent.replies["PUT /v1/txn"] = {409, Json{{"Results", nullptr}, {"Errors", {errors[0]}}}.dump()};
  agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  CHECK(agent.answer_to<std::string>(send).empty());
  CHECK(agent.asked.back() == "PUT /v1/agent/service/register");
  // By notes, of Consul 2.0.3 and later.
  agent.replies["PUT /v1/agent/service/register"] = {413, "Request body too large"};
  const auto large = agent.answer_to<std::string>(send);
  CHECK_THAT(large, Contains("registering web: 413 Request body too large") && Contains("524288 bytes") &&
                        Contains("takes " + std::to_string(desired.front()->dump().size()) + " bytes"));
  // http_config.block_endpoints is no matter of permissions.
  agent.replies["PUT /v1/agent/service/register"] = {403, "Endpoint is blocked by agent configuration"};
  const auto blocked = agent.answer_to<std::string>(send);
  CHECK_THAT(blocked, Contains("http_config.block_endpoints") && !Contains("service:write"));

  for (const ControlReply& broken : {ControlReply{500, "oops"}, ControlReply{200, "[1]"}, ControlReply{200, "{"}}) {
    agent.replies["GET /v1/agent/services"] = broken;
    CAPTURE(broken.body);
    CHECK_FALSE(agent.answer_to<std::string>(send).empty());
  }
}

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

TEST_CASE("what an agent was sent and has kept is not sent to the next one on the same data directory") {
  const auto checked = [](const char* second_ttl) {
    return shared({{{"ID", "web"},
                    {"Name", "web"},
                    {"Port", 80},
                    {"Meta", {{"managed-by", "lictor"}}},
                    {"Checks", {{{"TTL", "1h"}}, {{"TTL", second_ttl}}}}}});
  };
  const Services desired = checked("2h");
  const Json has = {{"web",
                     {{"ID", "web"},
                      {"Service", "web"},
                      {"Port", 80},
                      {"Weights", {{"Passing", 1}, {"Warning", 1}}},
                      {"Meta", {{"managed-by", "lictor"}}}}}};
  const auto check = [](const char* id) { return Json{{"CheckID", id}, {"ServiceID", "web"}}; };
  const std::string put = "PUT /v1/agent/service/register";
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {200, "{}"};
  agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  ServiceRecord record;
  const auto sent_by_another = [&](const AgentApi::Tokens& tokens, const Services& wanted) {
    AgentApi api(agent.io.get_executor(), agent.socket);
    api.use_tokens(tokens);
    api.use_record(record, [&](const ServiceRecord& now) { record = now; });
    agent.asked.clear();
    const auto sent =
        agent.answer_to<AgentApi::Sent>([&](auto done) { api.send_services("n1", wanted, Sending::difference, done); });
    CHECK(sent.failure.empty());
    CHECK(sent.changed == (std::count(agent.asked.begin(), agent.asked.end(), put) > 0));
    return sent.changed;
  };
  REQUIRE(sent_by_another({}, desired));
  REQUIRE(record.contains("web"));
  CHECK(record["web"].checks == std::vector<std::string>{"service:web:1", "service:web:2"});
  agent.replies["GET /v1/agent/services"] = {200, has.dump()};
  const Json checks = {{"service:web:1", check("service:web:1")}, {"service:web:2", check("service:web:2")}};
  agent.replies["GET /v1/agent/checks"] = {200, checks.dump()};
  CHECK_FALSE(sent_by_another({}, desired));
  CHECK_FALSE(sent_by_another({}, desired));

  SECTION("other definitions") {
    const Services other = checked("3h");
    CHECK(sent_by_another({}, other));
    CHECK_FALSE(sent_by_another({}, other));
  }
  SECTION("others have put a check on it: that is theirs") {
    Json more = checks;
    more["_service_maintenance:web"] = check("_service_maintenance:web");
    agent.replies["GET /v1/agent/checks"] = {200, more.dump()};
    CHECK_FALSE(sent_by_another({}, desired));
  }
  SECTION("another token, by which the agent is to sync it") {
    CHECK(sent_by_another({.registration = "t", .fallback = {}, .agent = {}}, desired));
  }
  SECTION("the agent has lost a check") {
    agent.replies["GET /v1/agent/checks"] = {200, Json{{"service:web:1", checks["service:web:1"]}}.dump()};
    CHECK(sent_by_another({}, desired));
  }
  SECTION("the agent does not tell of its checks") {
    agent.replies["GET /v1/agent/checks"] = {500, "no"};
    CHECK(sent_by_another({}, desired));
  }
  SECTION("the agent has lost it") {
    agent.replies["GET /v1/agent/services"] = {200, "{}"};
    CHECK(sent_by_another({}, desired));
  }
}

TEST_CASE("a check that has left its definition is taken out of the agent, and no other") {
  Json web = {{"ID", "web"}, {"Name", "web"}, {"Checks", {{{"TTL", "1h"}}, {{"TTL", "2h"}}}}};
  const Json db = {{"ID", "db"}, {"Name", "db"}, {"Check", {{"CheckID", "moved"}, {"TTL", "1h"}}}};
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {200, "{}"};
  agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  ServiceRecord record;
  const auto keep = [&](const ServiceRecord& now) { record = now; };
  std::vector<std::string> asked;
  const auto send = [&](AgentApi& api, const Services& wanted) {
    agent.asked.clear();
    auto sent =
        agent.answer_to<AgentApi::Sent>([&](auto done) { api.send_services("n1", wanted, Sending::news, done); });
    asked = agent.asked;
    return sent;
  };
  AgentApi api(agent.io.get_executor(), agent.socket);
  api.use_record(record, keep);
  CHECK(send(api, shared({web, db})).complete());
  // One of two is left, under another id; and one has gone to another service.
  web["Checks"] = Json::array({{{"TTL", "1h"}}, {{"CheckID", "moved"}, {"TTL", "1h"}}});
  web["Checks"].erase(0);
  Json without = db;
  without.erase("Check");
  const std::string first = "PUT /v1/agent/check/deregister/service%3Aweb%3A1",
                    second = "PUT /v1/agent/check/deregister/service%3Aweb%3A2";
  agent.replies[first] = {200, ""};
  agent.replies[second] = {500, "busy"};
  const auto sent = send(api, shared({web, without}));
  REQUIRE(sent.faults.size() == 1);
  CHECK(sent.faults.front().id == "web");
  CHECK_FALSE(sent.faults.front().missing);
  CHECK(asked ==
        std::vector<std::string>{"PUT /v1/agent/service/register", "PUT /v1/agent/service/register", second, first});
  // What could not be taken out is tried again, by another lictor too; what is not there any more is out.
  AgentApi next(agent.io.get_executor(), agent.socket);
  next.use_record(record, keep);
  const auto reported = [](const char* id) {
    return Json{{"ID", id}, {"Service", id}, {"Weights", {{"Passing", 1}, {"Warning", 1}}}};
  };
  agent.replies["GET /v1/agent/services"] = {200, Json{{"web", reported("web")}, {"db", reported("db")}}.dump()};
  const Json moved = {{"moved", {{"CheckID", "moved"}, {"ServiceID", "web"}}}};
  agent.replies["GET /v1/agent/checks"] = {200, moved.dump()};
  agent.replies[second] = {404, "Unknown check ID \"service:web:2\""};
  CHECK(send(next, shared({web, without})).complete());
  CHECK(asked == std::vector<std::string>{"GET /v1/agent/services", "GET /v1/agent/checks", second});
  CHECK(record["web"].checks == std::vector<std::string>{"moved"});
}

TEST_CASE("of several services each stands for itself: one that is refused is named, and the others are sent") {
  const auto service = [](const char* id) { return Json{{"ID", id}, {"Name", id}}; };
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {200, Json{{"b", {{"ID", "b"}, {"Service", "old"}}}}.dump()};
  agent.replies["PUT /v1/agent/service/register"] = {400, "Invalid check"};
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto sent = agent.answer_to<AgentApi::Sent>([&](auto done) {
    api.send_services("n1", shared({service("a"), service("b"), service("c")}), Sending::difference, done);
  });
  CHECK(sent.failure.empty());
  CHECK_FALSE(sent.refused);
  REQUIRE(sent.faults.size() == 3);
  CHECK(std::count(agent.asked.begin(), agent.asked.end(), "PUT /v1/agent/service/register") == 3);
  for (const ServiceFault& fault : sent.faults) {
    CHECK(fault.missing == (fault.id != "b"));  // of which the agent has another definition
    CHECK_THAT(fault.reason, Contains("registering " + fault.id + ": 400 Invalid check"));
  }
}

TEST_CASE("where the agent's list may not be read, what is refused is taken to be missing") {
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {403, "Permission denied"};
  agent.replies["PUT /v1/agent/service/register"] = {403, "Permission denied"};
  agent.replies["PUT /v1/txn"] = {403, "Permission denied"};
  AgentApi api(agent.io.get_executor(), agent.socket);
  for (int time = 1; time <= 2; ++time) {  // the second time the servers are asked
    const auto sent = agent.answer_to<AgentApi::Sent>([&](auto done) {
      api.send_services("n1", shared({{{"ID", "a"}, {"Name", "a"}}}), Sending::difference, done);
    });
    REQUIRE(sent.faults.size() == 1);
    CHECK(sent.faults.front().missing);
    CHECK(sent.faults.front().permission);
    CHECK(sent.refused);
  }
}

TEST_CASE("tags that others may change go with what the definition gains and loses, and stay else") {
  const auto web = [](std::vector<std::string> tags, int port) {
    return Json{{"ID", "web"}, {"Name", "web"}, {"Port", port}, {"Tags", tags}, {"EnableTagOverride", true}};
  };
  FakeAgent agent;
  agent.replies["GET /v1/agent/services"] = {200, "{}"};
  agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto put = [&](const Json& wanted) {
    agent.bodies.clear();
    const auto sent = agent.answer_to<AgentApi::Sent>(
        [&](auto done) { api.send_services("n1", shared({wanted}), Sending::news, done); });
    CHECK(sent.complete());
    return Json::parse(agent.bodies.back()).at("Tags");
  };
  CHECK(put(web({"a", "b"}, 80)) == Json{"a", "b"});
  // The agent has not heard of it yet, the catalog has.
  agent.replies["GET /v1/agent/services"] = {
      200, Json{{"web", {{"ID", "web"}, {"Service", "web"}, {"Tags", {"a", "b"}}}}}.dump()};
  agent.replies["GET /v1/catalog/node/n1"] = {200, Json{{"Services", {{"web", {{"Tags", {"theirs", "b"}}}}}}}.dump()};
  CHECK(put(web({"a", "b"}, 81)) == Json{"theirs", "b"});
  CHECK(put(web({"a", "new"}, 81)) == Json{"theirs", "new"});
  // Where the catalog can't be asked, what the agent knows.
  agent.replies["GET /v1/catalog/node/n1"] = {500, "No cluster leader"};
  CHECK(put(web({"a", "new"}, 82)) == Json{"a", "b"});
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

TEST_CASE("a list of the agent's that is long is read as a short one is") {
  Json listed = {{"old", {{"ID", "old"}, {"Service", "old"}, {"Meta", {{"managed-by", "lictor"}}}}}};
  for (int i = 0; i < 2000; ++i)
    listed["other" + std::to_string(i)] = {{"Service", "other"}, {"Meta", {{"by", "others"}}}};
  const std::string text = listed.dump();
  REQUIRE(text.size() > (100 << 10));
  FakeAgent agent;
  agent.replies["PUT /v1/agent/service/deregister/old"] = agent.replies["PUT /v1/agent/service/register"] = {200, ""};
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto send = [&](const std::string& list) {
    agent.asked.clear();
    agent.replies["GET /v1/agent/services"] = {200, list};
    return agent.answer_to<AgentApi::Sent>([&](auto done) {
      api.send_services("n1", shared({{{"ID", "web"}, {"Name", "web"}}}), Sending::difference, done);
    });
  };
  CHECK(send(text).complete());
  CHECK(agent.asked == std::vector<std::string>{"GET /v1/agent/services", "PUT /v1/agent/service/deregister/old",
                                                "PUT /v1/agent/service/register"});
  for (const std::string& broken :
       {text.substr(0, text.size() - 1), "[" + text + "]", "{\"a\": nil, " + text.substr(1)}) {
    CHECK_THAT(send(broken).failure, Contains("not JSON"));
    CHECK(agent.asked.size() == 1);
  }
}
