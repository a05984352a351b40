// The words of a node's own check: written, read back, and read where they are not lictor's.
#include "agent_api/node_check.hpp"

#include "test.hpp"

using namespace lictor;
using std::chrono::minutes;

namespace {

const auto noon = std::chrono::sys_days(std::chrono::November / 30 / 2026) + std::chrono::hours(12);

NodeWords well() { return {.ready = true, .phase = "serve", .lictor = "0.1.0", .consul = "1.8.7", .started = noon}; }

}  // namespace

TEST_CASE("a node's words are a line that people read, and are read back") {
  NodeWords ill = well();
  ill.ready = false;
  ill.phase = "register";
  ill.problems = {"no_leader", "settings_refused"};
  ill.restarts = {{noon + minutes(3), "died"}, {noon + minutes(10), "hung"}};
  NodeWords young{.ready = true, .phase = "serve"};
  struct Row {
    NodeWords words;
    const char* output;
  };
  for (const Row& row : {
           Row{well(), "ready; phase serve; no problems; lictor 0.1.0; consul 1.8.7; started 2026-11-30T12:00Z"},
           Row{ill,
               "not ready; phase register; problems no_leader, settings_refused; lictor 0.1.0; consul 1.8.7; started "
               "2026-11-30T12:00Z; restarts 2026-11-30T12:03Z died, 2026-11-30T12:10Z hung"},
           Row{young, "ready; phase serve; no problems"},
       }) {
    CAPTURE(row.output);
    CHECK(node_check_output(row.words) == row.output);
    CHECK(parse_node_check(row.output) == row.words);
  }
}

TEST_CASE("what an agent says when it has not heard from lictor has the last words in it") {
  NodeWords expired = well();
  expired.expired = true;
  CHECK(parse_node_check("TTL expired (last output before timeout follows): " + node_check_output(well())) == expired);
  CHECK(parse_node_check("TTL expired") == NodeWords{.expired = true});
}

TEST_CASE("words of another kind have no phase, and what is broken in them is left out") {
  for (const char* other :
       {"", "ok", "HTTP GET http://127.0.0.1:8500/v1/status/leader: 200 OK Output: \"10.0.0.1:8300\"", "phase",
        "phase ", "; ; ;", "not ready", "readyphase serve"}) {
    CAPTURE(other);
    CHECK(parse_node_check(other).phase.empty());
  }
  const NodeWords broken = parse_node_check(
      "ready; phase serve; problems ; mood bright; started yesterday; restarts 2026-11-30T12:03Z, never died, "
      "2026-11-30T12:04Z died, 2026-13-30T12:04Z hung");
  CHECK(broken == NodeWords{.ready = true, .phase = "serve", .restarts = {{noon + minutes(4), "died"}}});
}

TEST_CASE("words longer than any are taken for none") {
  const std::string longest(1 << 20, 'x');
  std::string many = "ready; phase serve; problems a";
  for (int i = 0; i < 10000; ++i) many += ", p" + std::to_string(i);
  for (const std::string& output : {"phase " + longest, "problems " + longest, "lictor " + longest,
                                    "restarts 2026-11-30T12:03Z " + longest, many}) {
    const NodeWords words = parse_node_check(output);
    CHECK(words.phase.size() + words.lictor.size() + 64 * words.restarts.size() < 100);
    CHECK(words.problems.size() <= 32);
  }
}

TEST_CASE("the service that has the check is found by the check's id") {
  const auto services = [](const char* json) { return desired_services(Json::parse(json), {}).value(); };
  CHECK(service_with_node_check(
            services(R"([{"name": "a"}, {"name": "b", "check": {"id": "lictor-node", "ttl": "28s"}}])")) == "b");
  CHECK(service_with_node_check(
            services(R"([{"name": "a", "checks": [{"ttl": "1s"}, {"id": "lictor-node", "ttl": "28s"}]}])")) == "a");
  CHECK(
      service_with_node_check(services(R"([{"name": "a", "check": {"id": "lictor-node-too", "ttl": "1s"}}])")).empty());
  CHECK(service_with_node_check(services(R"([{"name": "a", "meta": {"is": "lictor-node"}}])")).empty());
  ServiceFacts facts;
  facts.address = facts.bind_address = "10.0.0.5";
  CHECK(service_with_node_check(desired_services(default_services(facts, false), facts).value()) == "consul-members");
  CHECK(service_with_node_check(desired_services(default_services(facts, true), facts).value()).empty());
}

TEST_CASE("the catalog is written the check alone, and no node") {
  const Json checks = Json::parse(R"({"lictor-node": {"Node": "n1", "CheckID": "lictor-node", "Status": "passing",
    "Output": "ready", "ServiceID": "consul-members", "CreateIndex": 0, "ModifyIndex": 0}, "other": {}})");
  CHECK(node_check_registration("n1", "id-1", "10.0.0.5", checks) ==
        Json::parse(
            R"({"Node": "n1", "ID": "id-1", "Address": "10.0.0.5", "SkipNodeUpdate": true, "Checks": [{"Node": "n1",
          "CheckID": "lictor-node", "Status": "passing", "Output": "ready", "ServiceID": "consul-members"}]})"));
  CHECK_FALSE(node_check_registration("n1", "id-1", "10.0.0.5", Json::parse(R"({"other": {}})")));
  CHECK_FALSE(node_check_registration("n1", "id-1", "10.0.0.5", Json()));
}
