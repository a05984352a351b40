// What the servers tell of this node: agent_api/node_part.hpp, and the questions by which they do.
#include "agent_api/io/agent_api.hpp"
#include "agent_api/node_part.hpp"

#include "fake_agent.hpp"
#include "test.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const NodeKey own{"n 1", "id-1", "10.0.0.5"};
const Json alive{{"CheckID", "serfHealth"}, {"Status", "passing"}};
const Json web_check{
    {"CheckID", "service:web"}, {"Name", "web"}, {"Status", "passing"}, {"ServiceID", "web"}, {"Output", "first"}};
const Json web{{"ID", "web"}, {"Service", "web"}, {"Port", 80}, {"Tags", {"a"}}};
const Json entry{{"Node", "n 1"}, {"ID", "id-1"}, {"Address", "10.0.0.5"}};

// With a catalog and an agent that have what the test says.
struct Told : FakeAgent {
  Told() {
    checks({alive, web_check});
    services(Json{{"web", web}});
    replies["GET /v1/agent/checks"] = {200, Json{{"service:web", web_check}}.dump()};
    replies["GET /v1/agent/services"] = {200, Json{{"web", web}}.dump()};
    replies["GET /v1/agent/self"] = {200, Json{{"Stats", Json::object()}}.dump()};
  }
  void checks(const std::vector<Json>& shown) { replies["GET /v1/health/node/n%201"] = {200, Json(shown).dump()}; }
  void services(const Json& shown, const Json& node = entry) {
    replies["GET /v1/catalog/node/n%201"] = {200, Json{{"Node", node}, {"Services", shown}}.dump()};
  }
  AgentApi::News news(NodePart part, bool whole = true, Duration limit = minutes(10)) {
    asked.clear();
    return answer_to<AgentApi::News>([&](auto done) { api.await_news(own, part, whole, limit, done); });
  }
  NewsAnswer of(NodePart part) { return news(part).answer; }
  bool asked_of(const std::string& text) const {
    return std::any_of(asked.begin(), asked.end(), [&](const auto& a) { return a.find(text) != std::string::npos; });
  }

  AgentApi api{io.get_executor(), socket};
};

Json with(Json value, const char* key, const Json& other) {
  value[key] = other;
  return value;
}

}  // namespace

TEST_CASE("the servers' word about this node is what serfHealth says, and no more than that") {
  struct Row {
    const char* name;
    int status;
    const char* body;
    NewsAnswer answer;
    StandingAnswer standing;
  };
  using enum NewsAnswer;
  for (const Row& row : std::initializer_list<Row>{
           {"alive", 200, R"([{"CheckID": "serfHealth", "Status": "passing"}])", same, StandingAnswer::alive},
           {"failed", 200, R"([{"CheckID": "serfHealth", "Status": "critical"}])", same, StandingAnswer::failed},
           {"another check", 200, R"([{"CheckID": "web", "Status": "critical"}])", same, StandingAnswer::untold},
           {"no entry, or one that may not be read", 200, "[]", same, StandingAnswer::untold},
           {"no list", 200, "{}", unanswered, StandingAnswer::untold},
           {"no check", 200, "[7]", unanswered, StandingAnswer::untold},
           {"cut off", 200, R"([{"CheckID": "serf)", unanswered, StandingAnswer::untold},
           {"forbidden", 403, "Permission denied", forbidden, StandingAnswer::untold},
           {"no leader", 500, "No cluster leader", unanswered, StandingAnswer::untold},
       }) {
    CAPTURE(row.name);
    Told agent;
    agent.replies["GET /v1/health/node/n%201"] = {row.status, row.body};
    const auto seen = agent.news(NodePart::checks, false, seconds(9));
    CHECK(seen.answer == row.answer);
    CHECK(seen.standing == row.standing);
    CHECK(agent.asked_of("?stale&filter="));
    CHECK_FALSE(agent.asked_of("index="));  // the first one is answered at once
    agent.news(NodePart::checks, false, seconds(9));
    // The next one waits, though this agent tells no index: not below 1, as Consul's documentation has it.
    CHECK(agent.asked_of("&index=1&wait=9000ms") == (row.answer == same));
  }
}

TEST_CASE("what the servers have is other than what the agent has where something that was there is lost or altered") {
  struct Row {
    const char* name;
    NodePart part;
    std::function<void(Told&)> change;
    NewsAnswer expected;
  };
  using enum NodePart;
  using enum NewsAnswer;
  const Json critical = with(web_check, "Status", "critical");
  for (const Row& row : std::initializer_list<Row>{
           {"nothing", checks, [](Told&) {}, same},
           {"what a check has put out", checks,
            [](Told& t) {
              t.checks({alive, with(web_check, "Output", "b")});
            },
            same},
           {"a check more", checks,
            [](Told& t) {
              t.checks({alive, web_check, {{"CheckID", "b"}}});
            },
            changed},
           {"a check that is gone", checks, [](Told& t) { t.checks({alive}); }, differs},
           {"a check that is gone from both", checks,
            [](Told& t) {
              t.checks({alive});
              t.replies["GET /v1/agent/checks"] = {200, "{}"};
            },
            changed},
           {"a state that somebody has written", checks,
            [&](Told& t) {
              t.checks({alive, critical});
            },
            differs},
           {"a state that the agent has told", checks,
            [&](Told& t) {
              t.checks({alive, critical});
              t.replies["GET /v1/agent/checks"] = {200, Json{{"service:web", critical}}.dump()};
            },
            changed},
           {"serfHealth is critical", checks,
            [](Told& t) {
              t.checks({with(alive, "Status", "critical"), web_check});
            },
            changed},
           {"serfHealth is gone", checks, [](Told& t) { t.checks({web_check}); }, differs},
           {"all is gone", checks, [](Told& t) { t.checks({}); }, differs},
           {"a service that is gone", services, [](Told& t) { t.services(Json::object()); }, differs},
           {"a port that somebody has written", services,
            [](Told& t) {
              t.services(Json{{"web", with(web, "Port", 81)}});
            },
            differs},
           {"tags that others may change", services,
            [](Told& t) {
              t.services(Json{{"web", with(web, "EnableTagOverride", true)}});
            },
            differs},
           {"the address", services,
            [](Told& t) {
              t.services(Json{{"web", web}}, with(entry, "Address", "10.0.0.6"));
            },
            differs},
           {"the entry", services,
            [](Told& t) {
              t.replies["GET /v1/catalog/node/n%201"] = {200, "null"};
            },
            differs},
           {"an answer of another shape", services,
            [](Told& t) {
              t.replies["GET /v1/catalog/node/n%201"] = {200, "[]"};
            },
            unanswered},
           {"an agent that does not tell", services,
            [](Told& t) {
              t.services(Json::object());
              t.replies["GET /v1/agent/services"] = {500, "no"};
            },
            unanswered},
       }) {
    CAPTURE(row.name);
    Told agent;
    REQUIRE(agent.of(row.part) == changed);
    CHECK(agent.asked.size() == (row.part == checks ? 2 : 1));  // of checks the agent's own, too
    row.change(agent);
    CHECK(agent.of(row.part) == row.expected);
    if (row.expected != differs) continue;
    // It is so until it is as it was.
    CHECK(agent.of(row.part) == differs);
    agent.checks({alive, web_check});
    agent.services(Json{{"web", web}});
    CHECK(agent.of(row.part) == changed);
    CHECK(agent.of(row.part) == same);
  }
}

TEST_CASE(
    "a check that the first answer shows otherwise than the agent has it differs, and what the agent lacks does not") {
  Told agent;
  agent.checks({alive, with(web_check, "Status", "critical")});
  CHECK(agent.of(NodePart::checks) == NewsAnswer::differs);
  agent.checks({alive, web_check, with(web_check, "CheckID", "another's")});
  CHECK(agent.of(NodePart::checks) == NewsAnswer::changed);
  CHECK(agent.of(NodePart::checks) == NewsAnswer::same);
}

TEST_CASE("tags that others may change are nobody's difference") {
  const Json open = with(web, "EnableTagOverride", true);
  CHECK(digest_of_service(open) == digest_of_service(with(open, "Tags", {"b"})));
  CHECK(digest_of_service(web) != digest_of_service(with(web, "Tags", {"b"})));
  CHECK(digest_of_service(web) == digest_of_service(with(web, "Meta", Json::object())));
}

TEST_CASE("what is altered is written as the agent has it, and nothing else") {
  Told agent;
  agent.replies["PUT /v1/catalog/register"] = {200, "true"};
  agent.replies["PUT /v1/txn"] = {200, "{}"};
  const auto mend = [&] {
    agent.asked.clear();
    agent.bodies.clear();
    return agent.answer_to<AgentApi::Sent>([&](auto done) { agent.api.send_again(own, {}, true, true, done); });
  };
  const auto written = [&agent](const std::string& path) {
    std::vector<Json> bodies;
    for (std::size_t i = 0; i < agent.asked.size(); ++i) {
      if (agent.asked[i] == "PUT " + path) bodies.push_back(Json::parse(agent.bodies[i]));
    }
    return bodies;
  };
  SECTION("nothing is") {
    CHECK_FALSE(mend().changed);
    CHECK(written("/v1/catalog/register").empty());
  }
  SECTION("a service's port") {
    agent.services(Json{{"web", with(web, "Port", 81)}});
    CHECK(mend().changed);
    const auto bodies = written("/v1/catalog/register");
    REQUIRE(bodies.size() == 1);
    CHECK(bodies[0]["Service"]["Port"] == 80);
    CHECK(bodies[0]["Checks"].size() == 1);
    CHECK(bodies[0]["Address"] == "10.0.0.5");
  }
  SECTION("a check") {
    agent.checks({alive, with(web_check, "Status", "critical")});
    CHECK(mend().changed);
    REQUIRE(written("/v1/catalog/register").size() == 1);
    CHECK(written("/v1/catalog/register")[0]["Checks"][0]["Status"] == "passing");
  }
  SECTION("serfHealth is gone: written only where there is none") {
    agent.checks({web_check});
    CHECK(mend().changed);
    CHECK(written("/v1/catalog/register").empty());
    REQUIRE(written("/v1/txn").size() == 1);
    CHECK(written("/v1/txn")[0].size() == 1);
    CHECK(written("/v1/txn")[0][0]["Check"]["Verb"] == "cas");
  }
  SECTION("the entry is another node's, or there is none: nothing is written") {
    agent.services(Json::object(), with(entry, "ID", "id-2"));
    CHECK_FALSE(mend().changed);
    agent.replies["GET /v1/catalog/node/n%201"] = {200, "null"};
    CHECK_FALSE(mend().changed);
    CHECK(written("/v1/catalog/register").empty());
    CHECK(written("/v1/txn").empty());
  }
  SECTION("no server answers") {
    agent.replies["GET /v1/health/node/n%201"] = {500, "No cluster leader"};
    CHECK_FALSE(mend().failure.empty());
  }
}

TEST_CASE("what servers tell again word for word is read no second time, and told as if it were") {
  using enum NodePart;
  const auto reads = [](NodePart part, const Json& body, PartTexts known = {}) {
    auto reader = std::make_unique<NodePartReader>(part, std::move(known));
    reader->feed(body.dump());
    REQUIRE(reader->whole());
    return reader;
  };
  const auto body = [](const Json& services) { return Json{{"Node", entry}, {"Services", services}}; };
  const Json ours = with(web, "Meta", {{"managed-by", "lictor"}});
  struct Row {
    const char* name;
    NodePart part;
    Json before, after;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"the same checks", checks, {alive, web_check}, {alive, web_check}},
           {"a check's status", checks, {alive, web_check}, {with(web_check, "Status", "critical"), alive}},
           {"serfHealth as it was",
            checks,
            {web_check, with(alive, "Status", "critical")},
            {with(alive, "Status", "critical"), web_check}},
           {"serfHealth turns", checks, {alive, web_check}, {with(alive, "Status", "critical"), web_check}},
           {"checks come and go", checks, {alive, web_check}, {alive, with(web_check, "CheckID", "other")}},
           {"the same services", services, body({{"web", ours}, {"b", web}}), body({{"b", web}, {"web", ours}})},
           {"two change their places", services, body({{"web", ours}, {"b", web}}), body({{"web", web}, {"b", ours}})},
           {"the entry's address", services, body({{"web", ours}}),
            Json{{"Node", with(entry, "Address", "10.0.0.6")}, {"Services", {{"web", ours}}}}},
       }) {
    CAPTURE(row.name);
    const auto anew = reads(row.part, row.after);
    const auto again = reads(row.part, row.after, std::move(*reads(row.part, row.before)).texts());
    CHECK(again->digests() == anew->digests());
    CHECK(again->managed() == anew->managed());
    CHECK(again->standing() == anew->standing());
    CHECK(again->entry() == anew->entry());
    CHECK(std::move(*again).texts() == std::move(*anew).texts());
  }
  PartTexts known = std::move(*reads(services, body({{"web", ours}}))).texts();
  REQUIRE(known.size() == 1);
  known[0].digest.digest = 7;
  CHECK(find_part(reads(services, body({{"web", ours}}), known)->digests(), which_part("web"))->digest == 7);
  CHECK(find_part(reads(services, body({{"web", web}}), known)->digests(), which_part("web"))->digest != 7);
}
