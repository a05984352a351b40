// What other settings ask of an agent that runs, and what it reads by itself.
#include "agent_config/plan.hpp"

#include "plan_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

using namespace lictor;
using namespace plan_parts;

TEST_CASE("what a change of settings asks of a running agent", "[plan]") {
  struct Row {
    const char* before;
    const char* after;
    Change change;
    std::vector<std::string> keys;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"a": 1})", R"({"a": 1})", Change::none, {}},
           {R"({})",
            R"({"services": [{"name": "a"}], "log_level": "debug"})",
            Change::reload,
            {"log_level", "services"}},
           {R"({"node_meta": {"a": "b"}})", R"({})", Change::restart, {"node_meta"}},
           {R"({"watches": []})", R"({"watches": [{"type": "key"}]})", Change::reload, {"watches"}},
           {R"({"acl": {"enabled": true, "tokens": {"default": "a"}}})",
            R"({"acl": {"enabled": true, "tokens": {"default": "b"}}})",
            Change::reload,
            {"acl"}},
           {R"({"acl": {"enabled": true}})", R"({"acl": {"enabled": false}})", Change::restart, {"acl"}},
           {R"({})", R"({"acl": {"enabled": true, "tokens": {}}})", Change::restart, {"acl"}},
           {R"({})", R"({"limits": {"rpc_rate": 10}})", Change::reload, {"limits"}},
           {R"({})", R"({"limits": {"rpc_handshake_timeout": "1s"}})", Change::restart, {"limits"}},
           {R"({"telemetry": {"prefix_filter": ["+a"], "statsd_address": "a"}})",
            R"({"telemetry": {"prefix_filter": ["-a"], "statsd_address": "a"}})",
            Change::reload,
            {"telemetry"}},
           {R"({"telemetry": {"statsd_address": "a"}})",
            R"({"telemetry": {"statsd_address": "b"}})",
            Change::restart,
            {"telemetry"}},
           {R"({"cert_file": "a"})", R"({"cert_file": "b"})", Change::reload, {"cert_file"}},
           {R"({})", R"({"cert_file": "b"})", Change::restart, {"cert_file"}},
           {R"({"bind_addr": "10.0.0.5"})",
            R"({"bind_addr": "10.0.0.6", "log_level": "x"})",
            Change::restart,
            {"bind_addr", "log_level"}},
           {R"({"retry_join": ["a"]})", R"({"retry_join": ["b"]})", Change::restart, {"retry_join"}},
       }) {
    CAPTURE(row.before, row.after);
    Plan before, after;
    before.effective.merged = Json::parse(row.before);
    after.effective.merged = Json::parse(row.after);
    for (int direction = 0; direction < 2; ++direction) {
      const PlanDifference difference = plan_difference(before, after);
      CHECK(difference.change == row.change);
      CHECK(difference.keys == row.keys);
      std::swap(before, after);
    }
  }
  Plan before = plan_of(Json::object()), after = before;
  after.environment.push_back("A=b");
  CHECK(plan_difference(before, after).keys == std::vector<std::string>{"environment"});
  after = before;
  after.rights = {.groups = {4}, .capabilities = 1, .no_new_privs = true};
  CHECK(plan_difference(before, after).change == Change::restart);
  CHECK(plan_difference(before, after).keys ==
        std::vector<std::string>{"agent.groups", "agent.capabilities", "agent.no_new_privs"});
  after = before;
  after.argv.push_back("-x");
  CHECK(plan_difference(before, after).change == Change::restart);

  // The same names, other contents.
  before.contents = after.contents = {{"cert_file", 1}, {"tls", 1}};
  after.argv = before.argv;
  after.contents["cert_file"] = after.contents["tls"] = 2;
  CHECK(plan_difference(before, after).change == Change::reload);
  CHECK(plan_difference(before, after).keys == std::vector<std::string>{"cert_file", "tls"});
  after = before;
  after.contents["key_file"] = 1;  // named for the first time: consul.json differs
  CHECK(plan_difference(before, after).change == Change::none);
}

TEST_CASE("the files that the agent reads by itself", "[plan]") {
  AgentSettings config;
  CHECK(agent_files(config).empty());
  config.merged = Json::parse(R"({"ca_file": "/ca", "cert_file": "", "key_file": 1, "ca_path": "/cas",
      "tls": {"defaults": {"key_file": "/k"}, "https": {"ca_file": "/h"}, "grpc": {"verify_incoming": true}, "x": 1}})");
  const std::map<std::string, std::vector<std::string>> expected{{"ca_file", {"/ca"}}, {"tls", {"/h", "/k"}}};
  CHECK(agent_files(config) == expected);
}

TEST_CASE("an agent that gets its certificate from a server answers only then", "[plan]") {
  for (const auto& [config, late] : std::initializer_list<std::pair<const char*, bool>>{
           {"{}", false},
           {R"({"auto_encrypt": {"tls": true}})", true},
           {R"({"auto_encrypt": {"tls": false, "allow_tls": true}})", false},
           {R"({"auto_config": {"enabled": true}})", true}}) {
    CAPTURE(config);
    CHECK(plan_of(Json::parse(config)).api_after_join == late);
  }
}
