// What the agent's answers, good and bad, mean to the life.
#include "agent_api/io/agent_api.hpp"
#include "agent_api/standing.hpp"

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

TEST_CASE("no call waits behind another one that the agent does not answer") {
  FakeAgent agent;
  std::vector<std::function<void(ControlReply)>> waiting;
  agent.replies["GET /v1/agent/services"] = {.later = [&](auto answer) { waiting.push_back(answer); }};
  for (const char* path :
       {"PUT /v1/agent/reload", "PUT /v1/catalog/deregister", "PUT /v1/agent/force-leave/n1", "PUT /v1/agent/leave"})
    agent.replies[path] = {200, ""};
  agent.replies["GET /v1/catalog/node/n1"] = {200, "null"};
  AgentApi api(agent.io.get_executor(), agent.socket);
  bool sent = false;
  api.send_services("n1", {}, Sending::difference, [&](const AgentApi::Sent&) { sent = true; });
  while (waiting.empty()) agent.io.run_one_for(seconds(20));
  const auto done = [&](auto call) {
    return agent.answer_to<bool>([&](auto told) { call([told](const Result<void>& r) { told(r.has_value()); }); });
  };
  CHECK(done([&](auto told) { api.reload(told); }));
  CHECK(done([&](auto told) { api.deregister("n1", told); }));
  CHECK(done([&](auto told) { api.repeat_leave("n1", told); }));
  CHECK(done([&](auto told) { api.leave(seconds(5), told); }));
  const auto look =
      agent.answer_to<AgentApi::Look>([&](auto told) { api.look_up_catalog("n1", "id", {}, false, told); });
  CHECK(look.answer == CatalogAnswer::gone);
  CHECK_FALSE(sent);
  for (const auto& late : waiting) late({503, "over"});
}

TEST_CASE("the catalog's answers") {
  const Services desired = shared({{{"ID", "web"}, {"Name", "web"}}});
  const std::string id = "0b0e4f7c-1c5b-4c3e-9c63-4d6f9a1f2a3b", other = "ffffffff-1c5b-4c3e-9c63-4d6f9a1f2a3b";
  const auto node = [](const std::string& node_id, const char* service) {
    return Json{{"Node", {{"ID", node_id}, {"Node", "n 1"}}},
                {"Services", {{service, {{"ID", service}, {"Service", service}}}}}}
        .dump();
  };
  struct Row {
    const char* name;
    int status;
    std::string body;
    CatalogAnswer expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"everything there", 200, node(id, "web"), CatalogAnswer::registered},
           {"another node's id under our name", 200, node(other, "web"), CatalogAnswer::taken},
           {"an entry without an id, which is anybody's", 200, node("", "web"), CatalogAnswer::incomplete},
           {"the service is missing", 200, node(id, "db"), CatalogAnswer::incomplete},
           {"no entry", 200, "null", CatalogAnswer::gone},
           {"forbidden", 403, "ACL not found", CatalogAnswer::forbidden},
           {"no leader", 500, "No cluster leader", CatalogAnswer::failed},
           {"cut short", 200, "{\"Node\":", CatalogAnswer::failed},
       }) {
    CAPTURE(row.name);
    FakeAgent agent;
    agent.replies["GET /v1/catalog/node/n%201"] = {row.status, row.body};
    AgentApi api(agent.io.get_executor(), agent.socket);
    const auto seen =
        agent.answer_to<AgentApi::Look>([&](auto done) { api.look_up_catalog("n 1", id, desired, false, done); });
    CHECK(seen.answer == row.expected);
    if (row.expected == CatalogAnswer::taken) CHECK(seen.holder.id == other);
    if (row.expected == CatalogAnswer::incomplete)
      CHECK(seen.lost == (std::string(row.name).find("without an id") != std::string::npos));
    CHECK(agent.asked == std::vector<std::string>{"GET /v1/catalog/node/n%201?consistent"});
  }
}

TEST_CASE("what the catalog has shown before and lacks is lost, what it has never shown is awaited") {
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto look = [&](std::vector<std::string> desired, const Json& shown) {
    agent.replies["GET /v1/catalog/node/n1"] = {200, Json{{"Node", {{"ID", "i"}}}, {"Services", shown}}.dump()};
    Services services;
    for (const std::string& id : desired) services.emplace_back(Json{{"ID", id}, {"Name", id}});
    return agent.answer_to<AgentApi::Look>([&](auto done) { api.look_up_catalog("n1", "i", services, false, done); });
  };
  const Json a = {{"a", Json::object()}}, both = {{"a", Json::object()}, {"b", Json::object()}};
  auto seen = look({"a", "b"}, a);
  CHECK(seen.answer == CatalogAnswer::incomplete);
  CHECK(seen.awaited == std::vector<std::string>{"b"});
  CHECK_FALSE(seen.lost);
  CHECK(look({"a", "b"}, both).answer == CatalogAnswer::registered);
  seen = look({"a", "b", "c"}, a);
  CHECK(seen.awaited == std::vector<std::string>{"c"});
  CHECK(seen.lost);
  // Desired no longer, and then again: as if it had never been there.
  CHECK(look({"a"}, a).answer == CatalogAnswer::registered);
  CHECK_FALSE(look({"a", "b"}, a).lost);
}

TEST_CASE("a change can be awaited only of what the catalog has shown, by an agent that tells its index") {
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto awaited = [&] {
    return agent.answer_to<bool>([&](auto done) { api.await_change("n1", milliseconds(20), done); });
  };
  CHECK_FALSE(awaited());
  CHECK(agent.asked.empty());
  agent.replies["GET /v1/catalog/node/n1"] = {200, "null"};
  agent.answer_to<AgentApi::Look>([&](auto done) { api.look_up_catalog("n1", "id", {}, false, done); });
  CHECK_FALSE(awaited());
  CHECK(agent.asked.size() == 1);
}

TEST_CASE("whether the agent leaves is what it says of itself") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    MemberAnswer expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"alive", 200, R"({"Member": {"Name": "n1", "Status": 1}})", MemberAnswer::member},
           {"leaving", 200, R"({"Member": {"Name": "n1", "Status": 2}})", MemberAnswer::leaves},
           {"left", 200, R"({"Member": {"Name": "n1", "Status": 3}})", MemberAnswer::leaves},
           {"failed", 200, R"({"Member": {"Name": "n1", "Status": 4}})", MemberAnswer::member},
           {"an unknown status", 200, R"({"Member": {"Name": "n1", "Status": 9}})", MemberAnswer::unanswered},
           {"no member", 200, R"({"Config": {}})", MemberAnswer::unanswered},
           {"no object", 200, "[2]", MemberAnswer::unanswered},
           {"no JSON", 200, "leaving", MemberAnswer::unanswered},
           {"forbidden", 403, R"({"Member": {"Status": 2}})", MemberAnswer::unanswered},
       }) {
    CAPTURE(row.name);
    FakeAgent agent;
    agent.replies["GET /v1/agent/self"] = {row.status, row.body};
    AgentApi api(agent.io.get_executor(), agent.socket);
    CHECK(agent.answer_to<MemberAnswer>([&](auto done) { api.look_at_member(done); }) == row.expected);
  }
}

TEST_CASE("an agent announces its leave in its log, in text and in JSON, and nothing else is taken for that") {
  CHECK(announces_leave("    2026-11-30T00:51:50.330Z [INFO]  agent.client: client starting leave"));
  CHECK(announces_leave("    2019/03/04 05:06:07 [INFO] consul: client starting leave"));
  CHECK(announces_leave(R"({"@level":"info","@message":"client starting leave","@module":"agent.client"})"));
  CHECK_FALSE(
      announces_leave("2026-11-30T00:51:50.330Z [INFO]  agent.client.serf.lan: serf: EventMemberLeave: n2 10.0.0.6"));
  CHECK_FALSE(announces_leave("2026-11-30T00:51:50.330Z [INFO]  agent: Caught: signal=terminated"));
}

TEST_CASE("an agent speaks of its servers in its log, in text and in JSON") {
  CHECK(doubts_servers(
      R"(2026-11-30T12:33:41.991Z [ERROR] agent.client: RPC failed to server: method=Coordinate.Update server=127.0.7.3:19501 error="rpc error making call: No cluster leader")"));
  CHECK(doubts_servers(R"({"@level":"error","@message":"Coordinate update error","error":"No cluster leader"})"));
  CHECK(
      doubts_servers("2026-11-30T12:33:33.368Z [INFO]  agent.client: removing server: server=\"s1 (Addr: "
                     "tcp/10.0.0.1:8300) (DC: dc1)\""));
  CHECK(
      doubts_servers("2026-11-30T12:33:22.969Z [INFO]  agent.client.memberlist.lan: memberlist: Suspect s2 has failed, "
                     "no acks received"));
  CHECK_FALSE(doubts_servers("2026-11-30T12:33:22.969Z [INFO]  agent.client: New leader elected: payload=s2"));
  CHECK_FALSE(doubts_servers("2026-11-30T12:33:22.969Z [INFO]  agent: Synced service: service=web"));
}

TEST_CASE("a look around reads members and catalog, and says why it could not") {
  const NodeKey own{"n1", "id-1", "10.0.0.5"};
  const Json members =
      Json::array({{{"Name", "n1"}, {"Addr", "10.0.0.5"}, {"Status", 1}, {"Tags", {{"build", "1.8.7:"}}}},
                   {{"Name", "old"}, {"Addr", "10.0.0.5"}, {"Status", 4}, {"Tags", Json::object()}}});
  const Json catalog = Json::array({{{"Node", "old"}, {"ID", "id-0"}, {"Address", "10.0.0.5"}}});
  struct Row {
    const char* name;
    int members, catalog;
    bool fails;
    std::size_t nodes;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"all well", 200, 200, false, 1},
           {"members forbidden", 403, 200, true, 0},
           {"a catalog that may not be read shows nothing, and the members still count", 200, 403, false, 0},
           {"no leader", 200, 500, true, 0},
       }) {
    CAPTURE(row.name);
    FakeAgent agent;
    agent.replies["GET /v1/agent/members"] = {row.members, members.dump()};
    agent.replies["GET /v1/catalog/nodes"] = {row.catalog, row.catalog == 200 ? catalog.dump() : "no"};
    AgentApi api(agent.io.get_executor(), agent.socket);
    const auto seen = agent.answer_to<Result<AgentApi::Surroundings>>([&](auto done) { api.look_around(own, done); });
    CHECK(seen.has_value() == !row.fails);
    CHECK((seen ? seen->catalog.size() : 0) == row.nodes);
    // A healthy start is asked for one request more than members, which tells the version too.
    CHECK(agent.asked.size() <= 2);
    if (row.members == 200) CHECK(api.facts().version == "1.8.7");
    if (row.members == 200) CHECK(api.facts().members == 2);
  }
}

TEST_CASE("clearing away asks for what the claim says, each whatever became of the other, and names the permission") {
  struct Row {
    const char* name;
    bool prune, deregister;
    int force_leave, deregistered;
    const char* body;
    ClearAnswer expected;
    std::vector<std::string> said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"both", true, true, 200, 200, "", ClearAnswer::cleared, {}},
           {"the entry alone", false, true, 500, 200, "", ClearAnswer::cleared, {}},
           {"both forbidden",
            true,
            true,
            403,
            403,
            "no",
            ClearAnswer::forbidden,
            {"operator:write", "node:write on \"old 1\""}},
           {"one forbidden", true, true, 403, 200, "no", ClearAnswer::forbidden, {"operator:write"}},
           {"no leader", true, true, 200, 500, "No cluster leader", ClearAnswer::failed, {"No cluster leader"}},
           {"gone meanwhile",
            true,
            false,
            500,
            200,
            "agent: No node found with name 'old 1'",
            ClearAnswer::cleared,
            {}},
       }) {
    CAPTURE(row.name);
    FakeAgent agent;
    agent.replies["PUT /v1/agent/force-leave/old%201"] = {row.force_leave, row.body};
    agent.replies["PUT /v1/catalog/deregister"] = {row.deregistered, row.body};
    AgentApi api(agent.io.get_executor(), agent.socket);
    Claim claim;
    claim.name = "old 1";
    claim.prune = row.prune;
    claim.deregister = row.deregister;
    using Seen = std::pair<ClearAnswer, std::string>;
    const Seen seen = agent.answer_to<Seen>([&](auto done) {
      api.clear(claim, [done](ClearAnswer answer, std::string text) { done({answer, text}); });
    });
    CHECK(seen.first == row.expected);
    CHECK(seen.second.empty() == (row.expected == ClearAnswer::cleared));
    for (const std::string& part : row.said) CHECK(seen.second.find(part) != std::string::npos);
    std::vector<std::string> asked;
    if (row.prune) asked.emplace_back("PUT /v1/agent/force-leave/old%201?prune");
    if (row.deregister) asked.emplace_back("PUT /v1/catalog/deregister");
    CHECK(agent.asked == asked);
  }
}

TEST_CASE("a leave that is refused says why") {
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  agent.replies["PUT /v1/agent/leave"] = {200, ""};
  const auto leave = [&] { return agent.answer_to<Result<void>>([&](auto done) { api.leave(seconds(5), done); }); };
  CHECK(leave().has_value());
  agent.replies["PUT /v1/agent/leave"] = {403, "Permission denied"};
  CHECK(to_string(leave().error()) == "leave: 403 Permission denied");
  agent.server.reset();
  CHECK(contains(leave().error().why, "connect"));
}

TEST_CASE("maintenance is ordered, looked at, and awaited until the servers show it") {
  const std::string target = "GET /v1/health/node/n%201";
  const Json serf = {{"CheckID", "serfHealth"}}, set = {{"CheckID", "_node_maintenance"}, {"Notes", "a b"}};
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  const auto maintain = [&](const MaintenanceOrder& order) {
    return agent.answer_to<Result<ServersSay>>([&](auto done) { api.maintain("n 1", order, milliseconds(600), done); });
  };
  agent.replies["PUT /v1/agent/maintenance"] = {200, ""};
  agent.replies["GET /v1/agent/checks"] = {200, Json{{"_node_maintenance", set}}.dump()};
  int looks = 0;
  agent.replies[target].later = [&](auto answer) {
    answer({200, ++looks < 3 ? Json::array({serf}).dump() : Json::array({serf, set}).dump()});
  };
  CHECK(maintain({true, "a b\n%"}).value() == ServersSay::as_ordered);
  CHECK(looks == 3);
  CHECK(api.facts().maintenance == "a b");
  CHECK(agent.asked.front() == "PUT /v1/agent/maintenance?enable=true&reason=a%20b%0A%25");

  agent.asked.clear();
  agent.replies["GET /v1/agent/checks"] = {200, "{}"};
  agent.replies[target] = {200, Json::array({serf}).dump()};
  CHECK(maintain({false, ""}).value() == ServersSay::as_ordered);
  CHECK_FALSE(api.facts().maintenance);
  CHECK(agent.asked.front() == "PUT /v1/agent/maintenance?enable=false");

  // What the servers say at last, where it is not what was ordered.
  agent.replies[target] = {403, "no"};
  CHECK(maintain({false, ""}).value() == ServersSay::unreadable);
  agent.replies[target] = {200, Json::array({serf, set}).dump()};
  CHECK(maintain({false, ""}).value() == ServersSay::otherwise);
  agent.replies[target] = {500, "No cluster leader"};
  CHECK(maintain({false, ""}).value() == ServersSay::nothing);

  // An agent that does not take it, and one that can't be looked at.
  agent.replies["PUT /v1/agent/maintenance"] = {403, "Permission denied"};
  CHECK(contains(maintain({true, "x"}).error().why, "default one needs node:write"));
  api.use_tokens({.registration = "", .fallback = "", .agent = "t"});
  CHECK(contains(maintain({true, "x"}).error().why, "its own token"));
  agent.replies["PUT /v1/agent/maintenance"] = {200, ""};
  agent.replies["GET /v1/agent/checks"] = {200, "[1"};
  CHECK(contains(maintain({true, "x"}).error().why, "not JSON"));
  CHECK_FALSE(api.facts().maintenance);
}

TEST_CASE("an order about maintenance ends with its agent, also where the next look at the servers is due already") {
  FakeAgent agent;
  AgentApi api(agent.io.get_executor(), agent.socket);
  agent.replies["PUT /v1/agent/maintenance"] = {200, ""};
  agent.replies["GET /v1/agent/checks"] = {200, "{}"};
  agent.replies["GET /v1/health/node/n1"] = {200, "[]"};
  bool over = false;
  api.maintain("n1", {false, ""}, seconds(10), [&](const Result<ServersSay>&) { over = true; });
  while (agent.asked.size() < 3) REQUIRE(agent.io.run_one_for(seconds(5)) == 1);
  // The answer is taken, and the pause after it has begun.
  while (agent.io.poll() > 0) {
  }
  boost::asio::steady_timer first(agent.io, milliseconds(1));
  first.async_wait([&](boost::system::error_code) { api.reset(""); });
  std::this_thread::sleep_for(milliseconds(100));  // a busy machine: both timers fire in one turn
  const std::size_t asked = agent.asked.size();
  agent.io.run_for(milliseconds(200));
  CHECK(agent.asked.size() == asked);
  CHECK_FALSE(over);
}
