// How services come to the agent.
#include "agent_api/io/agent_api.hpp"

#include "control/io/control_server.hpp"
#include "fake_agent.hpp"
#include "services_parts.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using services_parts::shared;

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
