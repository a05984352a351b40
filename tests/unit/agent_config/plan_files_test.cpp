// A plan goes by all that the agent reads: its files, folders and arguments.
#include "plan_parts.hpp"

using namespace plan_parts;

namespace {

// Of what an agent reads by itself.
Plan plan_beside(const AgentReads& reads, const Settings& settings = {}) {
  const ResultAll<Plan> plan = make_plan(settings, merge_agent_config({}, settings, reads), facts());
  REQUIRE(plan.has_value());
  return *plan;
}

AgentConfigFile file_in_folder(const std::string& text, const std::string& path = "/etc/consul.d/own.hcl") {
  auto file = parse_for_agent(path, text, "");
  REQUIRE(file.has_value());
  return *file;
}

}  // namespace

TEST_CASE("it makes no difference where a setting stands: lictor goes by it, and writes it only if it must") {
  const auto check = [](const Plan& plan) {
    CHECK(plan.serf_port == 8305);
    CHECK(plan.http_port == 8555);
    CHECK(plan.http_address == "127.0.0.1:8555");
    CHECK(plan.consul_json.at("addresses").at("http") == "0.0.0.0 unix:///run/lictor/agent.sock");
    CHECK(plan.api_after_join);
    CHECK(plan.token == facts().recovery_token);
    CHECK(plan.default_token == "d");
  };
  const char* text = R"(client_addr = "0.0.0.0"
ports { serf_lan = 8305  http = 8555 }
auto_encrypt { tls = true }
acl { enabled = true  tokens { default = "d" } })";
  const AgentConfigFile file = file_in_folder(text);
  check(plan_of(file.content));
  const Plan beside = plan_beside({{file}, {}});
  check(beside);
  for (const char* key : {"client_addr", "ports", "auto_encrypt"}) CHECK_FALSE(beside.consul_json.contains(key));
  CHECK(beside.consul_json.at("acl").at("tokens").size() == 1);
  check(plan_beside({{}, {file}}));
  Settings settings;
  settings.agent.args = {"-client=0.0.0.0", "-serf-lan-port", "8305", "-http-port=8555"};
  check(plan_beside(
      {{file_in_folder("auto_encrypt { tls = true } acl { enabled = true tokens { default = \"d\" } }")}, {}},
      settings));
}

TEST_CASE("each value is from where it stands, down to the line; lists and objects from all of their sources") {
  Settings settings;
  settings.agent.config = {{"ports", {{"dns", 5}}}};
  settings.agent.args = {"-retry-join=a", "-http-port=7"};
  AgentReads reads{
      {file_in_folder("node_name = \"n\"\nports {\n  http = 1\n  grpc = 2\n}\nretry_join = [\"b\"]", "/1.hcl"),
       file_in_folder("\n\nPorts { GRPC = 3 }\nretry_join = [\"c\"]", "/2.hcl")},
      {}};
  const AgentSettings all = merge_agent_config({}, settings, reads).effective();
  CHECK(all.merged == Json::parse(R"({"node_name": "n", "ports": {"http": 7, "grpc": 3, "dns": 5},
                                      "retry_join": ["a", "b", "c"]})"));
  CHECK(all.origin("node_name") == "/1.hcl:1");
  CHECK(all.origin("ports.http") == "agent.args -http-port");
  CHECK(all.origin("ports.grpc") == "/2.hcl:3");
  CHECK(all.origin("ports.dns") == "agent.config");
  CHECK(all.origins.at("retry_join") == "agent.args -retry-join, /1.hcl, /2.hcl");
  CHECK(all.origin("retry_join") == "agent.args -retry-join, /1.hcl:6, /2.hcl:4");
  CHECK(all.origin("datacenter").empty());
}

TEST_CASE("a name, an id and an address that the user gave are from where they stand") {
  PlanFacts known = facts();
  known.name_origin = "node.name";
  known.bind.origin = "eth0, by bind_addr";
  const auto file = "node_name = \"" + known.identity.name + "\"\nnode_id = \"" + known.identity.id +
                    "\"\nbind_addr = \"" + known.bind.address + "\"";
  Settings settings;
  auto plan = make_plan(settings, merge_agent_config({}, settings, {{file_in_folder(file, "/a.hcl")}, {}}), known);
  REQUIRE(plan.has_value());
  CHECK(plan->effective.origin("node_name") == "/a.hcl:1");
  CHECK(plan->effective.origin("node_id") == "/a.hcl:2");
  CHECK(plan->effective.origin("bind_addr") == "eth0, by bind_addr (/a.hcl:3)");
  settings.node.name = known.identity.name;
  plan = make_plan(settings, merge_agent_config({}, settings, {{file_in_folder(file, "/a.hcl")}, {}}), known);
  CHECK(plan->effective.origin("node_name") == "node.name");
}

TEST_CASE("a list is from each place that gives a part of it, lictor's file between files and arguments") {
  Settings settings;
  settings.agent.config = {{"retry_join", {"c"}}, {"recursors", {"1.1.1.1"}}};
  settings.agent.args = {"-retry-join", "a", "-retry-join=b", "-node-meta", "x:1", "-node-meta=y:2"};
  const AgentSettings all =
      merge_agent_config({}, settings, {{file_in_folder("\nretry_join = [\"d\"]", "/1.hcl")}, {}}).effective();
  CHECK(all.merged["retry_join"] == Json({"a", "b", "d", "c"}));
  CHECK(all.origin("retry_join") == "agent.args -retry-join, /1.hcl:2, agent.config");
  CHECK(all.origin("recursors") == "agent.config");
  CHECK(all.merged["node_meta"] == Json({{"x", "1"}, {"y", "2"}}));
  CHECK(all.origin("node_meta.y") == "agent.args -node-meta");
}

TEST_CASE("a later file replaces dns_config.soa as a whole, and what is beside it is merged") {
  const Plan plan =
      plan_beside({{file_in_folder("dns_config {\n soa { refresh = 11 retry = 12 }\n only_passing = true\n}"),
                    file_in_folder("dns_config {\n soa { retry = 13 }\n service_ttl { a = \"1s\" }\n}"),
                    file_in_folder("dns_config {\n service_ttl { b = \"2s\" }\n}")},
                   {}});
  CHECK(plan.effective.merged.at("dns_config") ==
        Json::parse(R"({"soa": {"retry": 13}, "only_passing": true, "service_ttl": {"a": "1s", "b": "2s"}})"));
}

TEST_CASE("what lictor has to have its way in beats arguments, too, by -hcl, and is told of with its place") {
  Settings settings;
  settings.agent.args = {"-http-port=-1", "-node=other"};
  const Plan plan = plan_beside({{file_in_folder("\nleave_on_terminate = true\n")}, {}}, settings);
  CHECK(plan.argv.back() == R"(-hcl={"node_name":"node-1","ports":{"http":8500}})");
  CHECK(plan.effective.merged.at("node_name") == "node-1");
  CHECK(plan.effective.merged.at("leave_on_terminate") == false);
  CHECK(plan.notices == std::vector<std::string>{
                            "node_name: \"other\" (agent.args -node) gives way to \"node-1\": from lictor",
                            "leave_on_terminate: true (/etc/consul.d/own.hcl:2) gives way to false: only lictor asks "
                            "the agent to leave",
                            "ports.http: -1 (agent.args -http-port) gives way to 8500, for lictor's own socket alone"});
  CHECK(plan_beside({{file_in_folder("ports { http = 8500 }")}, {}}).argv.back() ==
        "-config-file=/run/lictor/consul.json");
}

TEST_CASE("a server is refused wherever it is asked for, with the file and the line") {
  const auto plan =
      make_plan({}, merge_agent_config({}, {}, {{file_in_folder("data_dir = \"/d\"\nserver = true")}, {}}), facts());
  REQUIRE(!plan.has_value());
  CHECK(to_string(plan.error().at(0)).find("/etc/consul.d/own.hcl:2") != std::string::npos);
}

TEST_CASE("unix sockets of the user's stay as the user has them") {
  for (const char* text : {R"({"addresses": {"http": "unix:///run/app.sock"}, "unix_sockets": {"mode": "0770"}})",
                           R"({"client_addr": "127.0.0.1 unix:///run/app.sock", "unix_sockets": {"mode": "0770"}})"}) {
    CAPTURE(text);
    const Plan plan = plan_of(Json::parse(text));
    CHECK(plan.consul_json.at("unix_sockets") == Json{{"mode", "0770"}});
    CHECK(plan.notices.empty());
  }
}
