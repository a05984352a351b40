#include "agent_config/agent_view.hpp"

#include "hcl/hcl.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

hcl::Document parsed(std::string_view text) {
  const hcl::Parsed read = hcl::parse_hcl(text);
  REQUIRE(std::holds_alternative<hcl::Document>(read));
  return std::get<hcl::Document>(read);
}

AgentView view(std::string_view text) { return agent_view(parsed(text)); }

AgentView json_view(std::string_view text) {
  const hcl::Parsed read = hcl::parse_json(text);
  REQUIRE(std::holds_alternative<hcl::Document>(read));
  return agent_view(std::get<hcl::Document>(read));
}

// The tree, or the faults.
std::string shown(const AgentView& view) {
  if (view.faults.empty() && view.unknown.empty()) return view.tree.dump();
  std::string out;
  for (const auto* list : {&view.faults, &view.unknown}) {
    for (const AgentFault& fault : *list) {
      out += out.empty() ? "" : "; ";
      out += std::to_string(fault.place.line) + ":" + std::to_string(fault.place.column) + " " + fault.key + ": " +
             fault.what;
    }
  }
  return out;
}

struct Row {
  const char* text;
  const char* expected;
};

}  // namespace

TEST_CASE("a file is decoded to what its keys hold") {
  const Row rows[] = {
      {"node_name = \"n\" server = false ports { http = 8500 }",
       R"({"node_name":"n","ports":{"http":8500},"server":false})"},
      // A list of one is its element, and a block is a list of one.
      {"node_name = [\"n\"]", R"({"node_name":"n"})"},
      {"acl { tokens { agent = \"t\" } }", R"({"acl":{"tokens":{"agent":"t"}}})"},
      {"acl {}\nacl {}", "2:1 acl: a block that stands twice, where there can be one"},
      {"acl = []", "1:1 acl: not an object"},
      {"retry_join = \"a\"", "1:1 retry_join: not a list"},
      {"retry_join = [\"a\", 1]", "1:20 retry_join[1]: not a text"},
      // No weak types, but fractions go.
      {"ports { http = 8700.9 grpc = -1 }", R"({"ports":{"grpc":-1,"http":8700}})"},
      {"ports { http = \"8500\" }", "1:9 ports.http: not a number"},
      {"server = \"true\"", "1:1 server: not true or false"},
      {"node_name = 5", "1:1 node_name: not a text"},
      {"limits { rpc_rate = 5 }", R"({"limits":{"rpc_rate":5.0}})"},
      {"autopilot { min_quorum = -1 }", "1:13 autopilot.min_quorum: not a number from 0"},
      // Keys.
      {"Node_Name = \"n\"", R"({"node_name":"n"})"},
      {"node_name = \"n\" Node_Name = \"m\"", "1:17 node_name: no key of the agent's configuration"},
      {"nodename = \"n\"\nacl { foo = 1 }",
       "1:1 nodename: no key of the agent's configuration; 2:7 acl.foo: no key of the agent's configuration"},
      {"acl_enforce_version_8 = true", "{}"},
      {"node_meta { Rack = \"r\" }", R"({"node_meta":{"Rack":"r"}})"},
      {"node_meta { rack = 5 }", "1:13 node_meta.rack: not a text"},
      // Services and checks.
      {"service { name = \"b\" }\nservices { name = \"a\" }", R"({"services":[{"name":"a"},{"name":"b"}]})"},
      {"check { name = \"c\" ScriptArgs = [\"x\"] ServiceID = \"s\" }",
       R"({"checks":[{"args":["x"],"name":"c","service_id":"s"}]})"},
      {"service { name = \"a\" EnableTagOverride = true }",
       "1:22 service.EnableTagOverride: no key of the agent's configuration"},
      {"service {}\nservice {}", "2:1 service: a block that stands twice, where there can be one"},
      {"service { name = \"a\" checks { http = \"h\" header { X = [\"1\"] } } }",
       R"({"services":[{"checks":[{"header":{"X":["1"]},"http":"h"}],"name":"a"}]})"},
      {"service { name = \"a\" tagged_addresses \"lan\" { address = \"10.0.0.1\" port = 80 } }",
       R"({"services":[{"name":"a","tagged_addresses":{"lan":{"address":"10.0.0.1","port":80}}}]})"},
      // What holds anything.
      {"watches = [{ type = \"key\" args = [\"a\"] x { y = 1 } }]",
       R"({"watches":[{"args":"a","type":"key","x":{"y":1}}]})"},
      {"connect { ca_config { a { b = [1, 2] c { d = 1 } } } }",
       R"({"connect":{"ca_config":{"a":{"b":[1,2],"c":{"d":1}}}}})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(shown(view(row.text)) == row.expected);
  }
}

TEST_CASE("JSON is decoded by the same rules") {
  const Row rows[] = {
      {R"({"ports": {"http": 8500.5}, "node_name": ["n"], "data_dir": null})",
       R"({"node_name":"n","ports":{"http":8500}})"},
      {R"({"services": {"name": "a"}})", "1:2 services: not a list"},
      {R"({"service": [{"name": "a"}, {"name": "b"}]})", "1:2 service: not an object"},
      {R"({"service": [{"name": "a"}]})", R"({"services":[{"name":"a"}]})"},
      {R"({"retry_join": ["a", null]})", R"({"retry_join":["a",""]})"},
      {"null", "{}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(shown(json_view(row.text)) == row.expected);
  }
}

TEST_CASE("a decoded value has its place") {
  const AgentView v = view(
      "node_name = \"n\"\nretry_join = [\n  \"a\",\n  \"b\",\n]\nservice {\n  name = \"w\"\n  check { ttl = \"1s\" "
      "}\n}\nnode_meta {\n  a = \"b\"\n}\n");
  REQUIRE(v.faults.empty());
  const auto at = [&](const std::string& path) {
    CAPTURE(path);
    REQUIRE(v.places.contains(path));
    return v.places.at(path);
  };
  CHECK(at("node_name") == hcl::Place{1, 1});
  CHECK(at("retry_join") == hcl::Place{2, 1});
  CHECK(at("retry_join[1]") == hcl::Place{4, 3});
  CHECK(at("services[0]") == hcl::Place{6, 1});
  CHECK(at("services[0].name") == hcl::Place{7, 3});
  CHECK(at("services[0].check.ttl") == hcl::Place{8, 11});
  CHECK(at("node_meta.a") == hcl::Place{11, 3});
  CHECK_FALSE(v.places.contains("service"));
}

TEST_CASE("a key of a later Consul stays, as it is written") {
  const AgentView v = view("later { deep = [\"x\"] }\nacl { Later = 1 }");
  CHECK(v.faults.empty());
  CHECK(v.unknown.size() == 2);
  CHECK(v.tree == Json::parse(R"({"later": {"deep": "x"}, "acl": {"Later": 1}})"));
}

TEST_CASE("of an unknown key goes along where it stands, and nothing else") {
  const AgentView v = view(
      "later = \"secret\"\nacl { Tokens { later = 1 } }\nservices = [{ name = \"a\" }, { name = \"b\" later = 1 }]\n"
      "service { name = \"c\" check { later = 1 } }");
  std::vector<Json> alone;
  for (const AgentFault& key : v.unknown) alone.push_back(key.alone);
  CHECK(alone == std::vector<Json>{Json::parse(R"({"later": true})"),
                                   Json::parse(R"({"acl": {"tokens": {"later": true}}})"),
                                   Json::parse(R"({"services": [{"later": true}]})"),
                                   Json::parse(R"({"service": {"check": {"later": true}}})")});
}
