#include "agent_config/blocked_endpoints.hpp"

#include "test.hpp"

using namespace lictor;
using Json = nlohmann::json;

namespace {

BlockedEndpoints of(const Json& list, bool services = true, bool leave = true) {
  return blocked_endpoints({{"http_config", {{"block_endpoints", list}}}}, services, leave);
}

}  // namespace

TEST_CASE("blocked endpoints: what keeps a node from being ready or from leaving is a problem") {
  for (const char* prefix : {"/v1/status/leader", "/v1/status", "/v1/agent/service/register", "/v1/agent/leave"}) {
    CAPTURE(prefix);
    const BlockedEndpoints found = of({prefix});
    REQUIRE(found.problems.size() == 1);
    CHECK(found.problems.front().what == "http_config.block_endpoints");
    CHECK(found.problems.front().exit == Exit::config);
    CHECK_THAT(found.problems.front().why, Contains(prefix));
    CHECK(found.warnings.empty());
  }
  CHECK(of({"/v1/agent"}).problems.size() == 2);
  CHECK(of({"/v1/agent/service/register"}, false).problems.empty());
  CHECK(of({"/v1/agent/leave"}, true, false).problems.empty());
}

TEST_CASE("blocked endpoints: writes that are allowed from some networks are allowed over no Unix socket") {
  const auto found = [](const Json& list, bool services = true, bool leave = true) {
    return blocked_endpoints({{"http_config", {{"allow_write_http_from", list}}}}, services, leave).problems;
  };
  REQUIRE(found({"127.0.0.0/8"}).size() == 1);
  CHECK(found({"127.0.0.0/8"}).front().what == "http_config.allow_write_http_from");
  CHECK(found({"127.0.0.0/8"}, false, true).size() == 1);
  CHECK(found({"127.0.0.0/8"}, false, false).empty());
  CHECK(found(Json::array()).empty());
}

TEST_CASE("blocked endpoints: what lictor can do without is a warning") {
  const BlockedEndpoints found = of({"/v1/catalog", "/v1/agent/members"});
  CHECK(found.problems.empty());
  CHECK(found.warnings.size() == 4);
  for (const std::string& warning : found.warnings) CHECK_THAT(warning, Contains("http_config.block_endpoints"));
}

TEST_CASE("blocked endpoints: what lictor never asks for is nobody's business") {
  for (const Json& list : {Json{"/v1/kv", "/v1/agent/leave/x", "/v1/agent/self/x"}, Json::array(), Json("text"),
                           Json{7}, Json{{"a", "/v1/agent"}}}) {
    const BlockedEndpoints found = of(list);
    CHECK(found.problems.empty());
    CHECK(found.warnings.empty());
  }
  CHECK(blocked_endpoints(Json::object(), true, true).problems.empty());
  CHECK(blocked_endpoints({{"http_config", 7}}, true, true).problems.empty());
}

TEST_CASE("blocked endpoints: the agent's own words name the setting") {
  CHECK_THAT(blocked_hint("Endpoint is blocked by agent configuration"), Contains("http_config.block_endpoints"));
  CHECK(blocked_hint("Permission denied").empty());
}
