#include "agent_api/services.hpp"

#include "agent_api/agent_list.hpp"
#include "agent_api/catalog_entry.hpp"

#include "services_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace lictor;
using namespace services_parts;

namespace {

// Every field of a service and its checks in the words of Consul's configuration.
const char* full_definitions = R"([
  {"name": "web", "id": "web1", "address": "${address}", "port": "${http_port}", "tags": ["a", "${ZONE}"],
   "meta": {"some_key": "v"}, "enable_tag_override": false, "weights": {"passing": 3, "warning": 2}, "token": "t",
   "tagged_addresses": {"lan": {"address": "10.0.0.5", "port": 8700}, "my_net": {"address": "192.0.2.4", "port": 80}},
   "check": {"id": "web-main", "name": "main", "http": "http://${address}:${http_port}/", "method": "GET",
     "header": {"x-some_thing": ["1"]}, "body": "b", "interval": "10s", "timeout": "2s", "tls_skip_verify": true,
     "status": "passing", "notes": "n", "deregister_critical_service_after": "90m", "success_before_passing": 2,
     "failures_before_critical": 3, "output_max_size": 1000},
   "checks": [{"tcp": "127.0.0.1:8700", "interval": "5s"}, {"args": ["/bin/true"], "interval": "30s"},
     {"docker_container_id": "c", "shell": "/bin/sh", "args": ["true"], "interval": "30s"},
     {"ttl": "30s"}, {"alias_service": "db", "alias_node": "other"},
     {"grpc": "127.0.0.1:1", "grpc_use_tls": true, "interval": "1m"}],
   "connect": {"native": true}},
  {"name": "web-proxy", "kind": "connect-proxy", "port": 20000,
   "proxy": {"destination_service_name": "web", "destination_service_id": "web1", "local_service_address": "127.0.0.1",
     "local_service_port": 8700, "config": {"local_connect_timeout_ms": 5}, "mesh_gateway": {"mode": "local"},
     "expose": {"checks": false, "paths": [{"path": "/m", "local_path_port": 1, "listener_port": 2, "protocol": "http"}]},
     "upstreams": [{"destination_type": "prepared_query", "destination_name": "db", "datacenter": "dc1",
       "local_bind_address": "127.0.0.2", "local_bind_port": 9191, "config": {"connect_timeout_ms": 6}}]}},
  {"name": "side", "port": 81, "connect": {"sidecar_service": {"port": 20001,
     "proxy": {"upstreams": [{"destination_name": "db", "local_bind_port": 9192}]}}}},
  {"name": "plain"}
])";

// The same in the API's words.
const char* full_bodies = R"([
  {"Name": "web", "ID": "web1", "Address": "10.0.0.5", "Port": 8700, "Tags": ["a", "b"],
   "Meta": {"some_key": "v", "managed-by": "lictor"}, "EnableTagOverride": false,
   "Weights": {"Passing": 3, "Warning": 2}, "Token": "t",
   "TaggedAddresses": {"lan": {"Address": "10.0.0.5", "Port": 8700}, "my_net": {"Address": "192.0.2.4", "Port": 80}},
   "Check": {"CheckID": "web-main", "Name": "main", "HTTP": "http://10.0.0.5:8700/", "Method": "GET",
     "Header": {"x-some_thing": ["1"]}, "Body": "b", "Interval": "10s", "Timeout": "2s", "TLSSkipVerify": true,
     "Status": "passing", "Notes": "n", "DeregisterCriticalServiceAfter": "90m", "SuccessBeforePassing": 2,
     "FailuresBeforeCritical": 3, "OutputMaxSize": 1000},
   "Checks": [{"TCP": "127.0.0.1:8700", "Interval": "5s"}, {"Args": ["/bin/true"], "Interval": "30s"},
     {"DockerContainerID": "c", "Shell": "/bin/sh", "Args": ["true"], "Interval": "30s"},
     {"TTL": "30s"}, {"AliasService": "db", "AliasNode": "other"},
     {"GRPC": "127.0.0.1:1", "GRPCUseTLS": true, "Interval": "1m"}],
   "Connect": {"Native": true}},
  {"Name": "web-proxy", "ID": "web-proxy", "Kind": "connect-proxy", "Port": 20000, "Meta": {"managed-by": "lictor"},
   "Proxy": {"DestinationServiceName": "web", "DestinationServiceID": "web1", "LocalServiceAddress": "127.0.0.1",
     "LocalServicePort": 8700, "Config": {"local_connect_timeout_ms": 5}, "MeshGateway": {"Mode": "local"},
     "Expose": {"Checks": false, "Paths": [{"Path": "/m", "LocalPathPort": 1, "ListenerPort": 2, "Protocol": "http"}]},
     "Upstreams": [{"DestinationType": "prepared_query", "DestinationName": "db", "Datacenter": "dc1",
       "LocalBindAddress": "127.0.0.2", "LocalBindPort": 9191, "Config": {"connect_timeout_ms": 6}}]}},
  {"Name": "side", "ID": "side", "Port": 81, "Meta": {"managed-by": "lictor"},
   "Connect": {"SidecarService": {"Port": 20001,
     "Proxy": {"Upstreams": [{"DestinationName": "db", "LocalBindPort": 9192}]}}}},
  {"Name": "plain", "ID": "plain", "Meta": {"managed-by": "lictor"}}
])";

}  // namespace

TEST_CASE("definitions become bodies in the API's words", "[services]") {
  const auto bodies = desired(Json::parse(full_definitions));
  const Json expected = Json::parse(full_bodies);
  REQUIRE(bodies.size() == expected.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) CHECK(*bodies[i] == expected[i]);
  // What is in the API's words already stays.
  for (std::size_t i = 0; i < bodies.size(); ++i) CHECK(*desired(expected)[i] == expected[i]);
}

TEST_CASE("the mark is lictor's own, the rest of the metadata the user's", "[services]") {
  const Json body =
      desired(Json::parse(R"([{"name": "a", "meta": {"managed-by": "me", "http_x": "${node_name}"}}])"))[0];
  CHECK(body.at("Meta") == Json{{"managed-by", "lictor"}, {"http_x", "node-1"}});
}

TEST_CASE("numbers may be written as strings", "[services]") {
  const Json body = desired(Json::parse(R"([{"name": "a", "port": "8${ZERO}", "weights": {"passing": "2"},
      "meta": {"port": "1"}, "tags": ["5"], "proxy": {"config": {"Port": "7"}, "local_service_port": "9"}}])"),
                            [] {
                              ServiceFacts f = facts();
                              f.environment["ZERO"] = "0";
                              return f;
                            }())[0];
  CHECK(body.at("Port") == 80);
  CHECK(body.at("Weights").at("Passing") == 2);
  CHECK(body.at("Meta").at("port") == "1");
  CHECK(body.at("Tags") == Json{"5"});
  CHECK(body.at("Proxy") == Json::parse(R"({"Config": {"Port": "7"}, "LocalServicePort": 9})"));
}

TEST_CASE("what a check runs is as it is written, but for the documented names", "[services]") {
  ServiceFacts f = facts();
  f.environment = {{"x", "theirs"}, {"ZONE", "z"}};
  const auto args = [&](const char* words, const char* key = "args") {
    const Json service = {{"name", "a"}, {"checks", {{{key, Json::parse(words)}, {"interval", "10s"}}}}};
    const Json body = desired_services(Json::array({service}), f).value()[0];
    return body.at("Checks").at(0).at(std::string(key) == "args" ? "Args" : "ScriptArgs");
  };
  // A shell's: what lictor does not know better is its own, the environment too.
  const char* line =
      R"(["/bin/sh", "-c", "echo x > /tmp/probe-$$; x=1; echo $1 ${x} ${1:-2} $(date) $ ${node_name}", "$$"])";
  CHECK(args(line) == Json::parse(R"(["/bin/sh", "-c",
      "echo x > /tmp/probe-$$; x=1; echo $1 ${x} ${1:-2} $(date) $ node-1", "$$"])"));
  CHECK(args(R"(["bash", "-c", "echo $${x} ${x"])", "script_args") ==
        Json::parse(R"(["bash", "-c", "echo $${x} ${x"])"));
  // Another program has no other way to the environment.
  CHECK(args(R"(["/check", "$$", "${ZONE}", "${NOPE}", "$${node_name}", 5])") ==
        Json::parse(R"(["/check", "$$", "z", "${NOPE}", "$node-1", 5])"));
  // Elsewhere "$${" is the text "${", and a lone "$" is one.
  const auto tags =
      desired_services(Json::parse(R"x([{"name": "a", "tags": ["$${ZONE}", "$$", "5$", "$(x)", "$ZONE"]}])x"), f);
  CHECK(tags.value()[0]->at("Tags") == Json::parse(R"x(["${ZONE}", "$$", "5$", "$(x)", "$ZONE"])x"));
}

TEST_CASE("definitions that can't be registered", "[services]") {
  struct Row {
    const char* definitions;
    const char* what;
    const char* why;  // a part of it
  };
  ServiceFacts f = facts();
  f.http_port = -1;
  for (const Row& row : std::initializer_list<Row>{
           {R"([{"port": 1}])", "services[0]", "name"},
           {R"([{"name": ""}])", "services[0]", "name"},
           {R"([{"name": 5}])", "services[0]", "name"},
           {R"(["a"])", "services[0]", "object"},
           {R"([{"name": "a"}, {"name": "a"}])", "services[1]", "services[0]"},
           {R"([{"name": "a"}, {"name": "b", "id": "a"}])", "services[1]", "\"a\""},
           {R"([{"name": "a", "checks": [{"http": "http://${NOPE}/"}]}])", "services[0].checks[0].http", "${NOPE}"},
           {R"([{"name": "a", "port": "${http_port}"}])", "services[0].port", "no plain HTTP"},
           {R"([{"name": "a", "check": {"args": ["sh", "-c", "nc ${http_port}"]}}])", "services[0].check.args",
            "no plain HTTP"},
           {R"([{"name": "a", "port": "http"}])", "services[0].port", "\"http\""},
           {R"([{"name": "a", "port": "80x"}])", "services[0].port", "\"80x\""},
           {R"([{"name": "a", "meta": ["x"]}])", "services[0].meta", "array"},
       }) {
    CAPTURE(row.definitions);
    const auto services = desired_services(Json::parse(row.definitions), f);
    REQUIRE(!services.has_value());
    const Problems problems = services.error();
    REQUIRE(problems.size() == 1);
    const Problem& problem = problems[0];
    CHECK(problem.what == row.what);
    CHECK(problem.why.find(row.why) != std::string::npos);
    CHECK(!problem.hint.empty());
  }
  const auto many = desired_services(Json::parse(R"([{"port": 1}, {"name": "a", "address": "${X} ${Y}"}])"), f);
  REQUIRE(!many.has_value());
  CHECK(many.error().size() == 3);
}

TEST_CASE("the default service is checked where the agent listens", "[services]") {
  struct Row {
    const char* name;
    const char* address;
    const char* bind_address;
    int http_port;
    const char* http_address;
    const char* body;
  };
  for (
      const Row& row : std::initializer_list<Row>{
          {"HTTP on loopback", "10.0.0.5", "10.0.0.5", 8500, "127.0.0.1:8500",
           R"({"Address": "10.0.0.5", "Port": 8500,
                "Check": {"HTTP": "http://127.0.0.1:8500/v1/status/leader", "Interval": "10s", "Status": "passing"}})"},
          {"HTTP elsewhere", "fd00::5", "fd00::5", 8700, "[fd00::5]:8700",
           R"({"Address": "fd00::5", "Port": 8700,
                "Check": {"HTTP": "http://[fd00::5]:8700/v1/status/leader", "Interval": "10s", "Status": "passing"}})"},
          {"no HTTP, behind a router", "203.0.113.9", "10.0.0.5", -1, "unix:///s",
           R"({"Address": "203.0.113.9", "Port": 9301, "Check": {"TCP": "10.0.0.5:9301", "Interval": "10s", "Status": "passing"}})"},
          {"no HTTP, IPv6", "fd00::5", "fd00::5", -1, "unix:///s",
           R"({"Address": "fd00::5", "Port": 9301, "Check": {"TCP": "[fd00::5]:9301", "Interval": "10s", "Status": "passing"}})"},
      }) {
    CAPTURE(row.name);
    ServiceFacts f = facts();
    f.address = row.address;
    f.bind_address = row.bind_address;
    f.http_port = row.http_port;
    f.http_address = row.http_address;
    f.serf_port = 9301;
    Json expected = Json::parse(row.body);
    Json own = expected;
    own["Check"] = {{"CheckID", "lictor-node"}, {"Name", "lictor"}, {"TTL", "28s"}, {"Status", "passing"}};
    for (Json* body : {&expected, &own})
      body->update({{"Name", "consul-members"}, {"ID", "consul-members"}, {"Meta", {{"managed-by", "lictor"}}}});
    CHECK(desired(default_services(f, true), f) == shared({expected}));
    CHECK(desired(default_services(f, false), f) == shared({own}));
  }
}

namespace {

// GET /v1/agent/services of Consul 1.8.7 after it had taken full_bodies (without the check on another node, which
// makes that version crash where there is no such node).
const char* reported_by_consul = R"({
  "plain": {"ID": "plain", "Service": "plain", "Tags": [], "Meta": {"managed-by": "lictor"}, "Port": 0, "Address": "",
    "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false},
  "side": {"ID": "side", "Service": "side", "Tags": [], "Meta": {"managed-by": "lictor"}, "Port": 81, "Address": "",
    "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false},
  "side-sidecar-proxy": {"Kind": "connect-proxy", "ID": "side-sidecar-proxy", "Service": "side-sidecar-proxy",
    "Tags": [], "Meta": {"managed-by": "lictor"}, "Port": 20001, "Address": "",
    "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false,
    "Proxy": {"DestinationServiceName": "side", "DestinationServiceID": "side", "LocalServiceAddress": "127.0.0.1",
      "LocalServicePort": 81, "Upstreams": [{"DestinationType": "service", "DestinationName": "db",
      "LocalBindPort": 9192, "MeshGateway": {}}], "MeshGateway": {}, "Expose": {}}},
  "web-proxy": {"Kind": "connect-proxy", "ID": "web-proxy", "Service": "web-proxy", "Tags": [],
    "Meta": {"managed-by": "lictor"}, "Port": 20000, "Address": "", "Weights": {"Passing": 1, "Warning": 1},
    "EnableTagOverride": false,
    "Proxy": {"DestinationServiceName": "web", "DestinationServiceID": "web1", "LocalServiceAddress": "127.0.0.1",
      "LocalServicePort": 8700, "Config": {"local_connect_timeout_ms": 5},
      "Upstreams": [{"DestinationType": "prepared_query", "DestinationName": "db", "Datacenter": "dc1",
        "LocalBindAddress": "127.0.0.2", "LocalBindPort": 9191, "Config": {"connect_timeout_ms": 6},
        "MeshGateway": {}}],
      "MeshGateway": {"Mode": "local"}, "Expose": {"Paths": [{"ListenerPort": 2, "Path": "/m", "LocalPathPort": 1,
        "Protocol": "http", "ParsedFromCheck": false}]}}},
  "web1": {"ID": "web1", "Service": "web", "Tags": ["a", "b"], "Meta": {"managed-by": "lictor", "some_key": "v"},
    "Port": 8700, "Address": "10.0.0.5",
    "TaggedAddresses": {"lan": {"Address": "10.0.0.5", "Port": 8700}, "lan_ipv4": {"Address": "10.0.0.5", "Port": 8700},
      "my_net": {"Address": "192.0.2.4", "Port": 80}, "wan_ipv4": {"Address": "10.0.0.5", "Port": 8700}},
    "Weights": {"Passing": 3, "Warning": 2}, "EnableTagOverride": false, "Connect": {"Native": true}}
})";

std::vector<std::string> ids(const Services& services) {
  std::vector<std::string> out;
  for (const SharedJson& service : services) out.push_back(service.id());
  return out;
}

}  // namespace

TEST_CASE("what a real agent reports of what it was given is no difference", "[services]") {
  const auto services = desired(Json::parse(full_definitions));
  CHECK(service_changes(services, Json::parse(reported_by_consul), all_sent(services)).empty());
}

TEST_CASE("any field that the agent reports counts", "[services]") {
  const auto services = desired(Json::parse(full_definitions));
  struct Row {
    const char* path;
    Json value;
    const char* id;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"/web1/Service", "other", "web1"},
           {"/web1/Tags", Json{"a"}, "web1"},
           {"/web1/Meta/some_key", "w", "web1"},
           {"/web1/Meta/more", "w", "web1"},
           {"/plain/Meta", Json::object(), "plain"},
           {"/web1/Port", 1, "web1"},
           {"/plain/Port", 1, "plain"},
           {"/web1/Address", "", "web1"},
           {"/web1/TaggedAddresses/lan/Address", "10.0.0.9", "web1"},
           {"/plain/TaggedAddresses/wan", {{"Address", "a"}, {"Port", 1}}, "plain"},
           {"/web1/Weights/Passing", 1, "web1"},
           {"/plain/Weights/Warning", 2, "plain"},
           {"/plain/EnableTagOverride", true, "plain"},
           {"/web1/Connect/Native", false, "web1"},
           {"/web-proxy/Kind", "mesh-gateway", "web-proxy"},
           {"/web-proxy/Proxy/Upstreams/0/LocalBindPort", 1, "web-proxy"},
           {"/web-proxy/Proxy/Config/local_connect_timeout_ms", 1, "web-proxy"},
           {"/web-proxy/Proxy/Upstreams", Json::array(), "web-proxy"},
           {"/web1", nullptr, "web1"},
           {"/side-sidecar-proxy", nullptr, "side"},
       }) {
    CAPTURE(row.path);
    Json reported = Json::parse(reported_by_consul);
    reported[Json::json_pointer(row.path)] = row.value;
    for (auto it = reported.begin(); it != reported.end();) it = it->is_null() ? reported.erase(it) : std::next(it);
    const ServiceChanges changes = service_changes(services, reported, all_sent(services));
    CHECK(ids(changes.put) == std::vector<std::string>{row.id});
    CHECK(changes.remove.empty());
  }
}

TEST_CASE("tags that others may change are left to them", "[services]") {
  const auto services = desired(Json::parse(R"([{"name": "a", "tags": ["x"], "enable_tag_override": true}])"));
  const Json reported = Json::parse(R"({"a": {"ID": "a", "Service": "a", "Tags": ["y"], "EnableTagOverride": true,
      "Meta": {"managed-by": "lictor"}, "Port": 0, "Address": "", "Weights": {"Passing": 1, "Warning": 1}}})");
  CHECK(service_changes(services, reported, all_sent(services)).empty());
}

TEST_CASE("a service with several ports is passed on, and what an agent makes of it is no difference", "[services]") {
  // Consul 1.22 and later.
  const auto services = desired(Json::parse(
      R"([{"name": "a", "ports": [{"name": "http", "port": "${http_port}", "default": true}, {"name": "grpc", "port": 9}]}])"));
  const Json ports = Json::parse(R"([{"Name": "http", "Port": 8700, "Default": true}, {"Name": "grpc", "Port": 9}])");
  CHECK(services.front()->at("Ports") == ports);
  CHECK_FALSE(services.front()->contains("Port"));

  const Json base = Json::parse(
      R"({"ID": "a", "Service": "a", "Meta": {"managed-by": "lictor"}, "Weights": {"Passing": 1, "Warning": 1}})");
  const auto changes = [&](const Json& more) {
    Json reported = base;
    reported.update(more);
    return service_changes(services, {{"a", reported}}, all_sent(services)).put.size();
  };
  Json filled = ports, other = ports;
  filled[1]["Default"] = false;
  other[1]["Port"] = 10;
  CHECK(changes({{"Ports", ports}, {"Port", 0}}) == 0);
  CHECK(changes({{"Ports", filled}, {"Port", 8700}}) == 0);
  CHECK(changes({{"Port", 0}}) == 0);  // an agent that knows nothing of them
  CHECK(changes({{"Ports", other}, {"Port", 0}}) == 1);
  CHECK(changes({{"Ports", Json::array()}, {"Port", 0}}) == 1);
}

TEST_CASE("what was sent is remembered, for the agent does not report checks", "[services]") {
  const auto services = desired(Json::parse(full_definitions));
  const Json reported = Json::parse(reported_by_consul);
  CHECK(ids(service_changes(services, reported, {}).put) ==
        std::vector<std::string>{"web1", "web-proxy", "side", "plain"});
  auto sent = all_sent(services);
  Json changed = sent.at("web1");
  changed["Check"]["Interval"] = "20s";
  sent.insert_or_assign("web1", SharedJson(changed));
  CHECK(ids(service_changes(services, reported, sent).put) == std::vector<std::string>{"web1"});
}

TEST_CASE("only what is marked is removed", "[services]") {
  const Json reported = Json::parse(reported_by_consul);
  CHECK(service_changes({}, reported, {}).remove ==
        std::vector<std::string>{"plain", "side", "side-sidecar-proxy", "web-proxy", "web1"});
  // A sidecar that is no longer wanted goes, the agent keeps it when its parent is registered without one.
  const auto side = desired(Json::parse(R"([{"name": "side", "port": 81}])"));
  CHECK(service_changes(side, Json{{"side-sidecar-proxy", reported.at("side-sidecar-proxy")}}, {}).remove ==
        std::vector<std::string>{"side-sidecar-proxy"});
  for (const char* other : {R"({"a": {"ID": "a", "Meta": {}}})", R"({"a": {"ID": "a", "Meta": {"managed-by": "me"}}})",
                            R"({"a": {"ID": "a", "Meta": null}})", R"({"a": {"ID": "a"}})", "{}", "null"}) {
    CAPTURE(other);
    CHECK(service_changes({}, Json::parse(other), {}).empty());
  }
}

TEST_CASE("registered means seen in the catalog", "[services]") {
  const auto services = desired(Json::parse(R"([{"name": "a"}, {"name": "b", "id": "b1"}])"));
  struct Row {
    const char* node;
    bool registered;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"Node": {"ID": "i"}, "Services": {"a": {}, "b1": {}, "c": {}}})", true},
           {R"({"Node": {"ID": "i"}, "Services": {"a": {}, "b": {}}})", false},
           {R"({"Node": {"ID": "i"}, "Services": null})", false},
           {R"({"Node": {"ID": "j"}, "Services": {"a": {}, "b1": {}}})", false},
           {R"({"Services": {"a": {}, "b1": {}}})", false},
           {"null", false},
       }) {
    CAPTURE(row.node);
    const Json node = Json::parse(row.node);
    CHECK((of_this_node("i", node) && lacking_in_catalog(services, node).empty()) == row.registered);
  }
  const Json node = Json::parse(R"({"Node": {"ID": "i"}, "Services": {"a": {}}})");
  CHECK(lacking_in_catalog({}, node).empty());
  CHECK(lacking_in_catalog(services, node) == std::vector<std::string>{"b1"});
}

TEST_CASE("the checks that name an initial status are known by their ids") {
  struct Row {
    const char* name;
    const char* checks;
    std::vector<std::string> ids;
  };
  for (
      const Row& row : std::initializer_list<Row>{
          {"no check", R"({})", {}},
          {"no status: Consul's own way", R"({"Check": {"TTL": "5s"}})", {}},
          {"one", R"({"Check": {"TTL": "5s", "Status": "passing"}})", {"service:web"}},
          {"one in a list", R"({"Checks": [{"TTL": "5s", "Status": "warning"}]})", {"service:web"}},
          {"several are numbered, the single one first",
           R"({"Check": {"TTL": "5s", "Status": "passing"}, "Checks": [{"TTL": "5s"}, {"TTL": "5s", "Status": "passing"}]})",
           {"service:web:1", "service:web:3"}},
          {"an id of its own", R"({"Check": {"CheckID": "mine", "TTL": "5s", "Status": "passing"}})", {"mine"}},
          {"an empty one is none", R"({"Check": {"CheckID": "", "TTL": "5s", "Status": "passing"}})", {"service:web"}},
          {"not a list: the agent says so", R"({"Checks": "x"})", {}},
      }) {
    CAPTURE(row.name);
    Json service = Json::parse(row.checks);
    service["ID"] = service["Name"] = "web";
    CHECK(checks_with_status(shared({service})) == row.ids);
  }
  const Json one = {{"ID", "a"}, {"Check", {{"Status", "passing"}}}};
  const Json other = {{"ID", "b"}, {"Check", {{"Status", "passing"}}}};
  CHECK(checks_with_status(shared({one, other})) == std::vector<std::string>{"service:a", "service:b"});
}

TEST_CASE("what comes of a definition is kept while it and what it is expanded with are the same", "[services]") {
  const auto definition = [](const Json& json) { return Definition{SharedJson(json), 0}; };
  std::vector<Definition> definitions{definition({{"name", "a"}, {"address", "${address}"}}),
                                      definition({{"name", "b"}})};
  const Services first = desired_services(definitions, facts()).value();
  const auto again = [&](const ServiceFacts& f) {
    return desired_services(definitions, f, ServicesBefore{definitions, first, facts()}).value();
  };
  CHECK(again(facts())[0].is(first[0]));
  ServiceFacts moved = facts();
  moved.address = "10.0.0.6";
  CHECK(again(moved)[0]->at("Address") == "10.0.0.6");
  // One is another, one is new, and the order is another one.
  const std::vector<Definition> others{definition({{"name", "c"}}), definitions[0],
                                       definition({{"name", "b"}, {"port", 1}})};
  const auto now = desired_services(others, facts(), ServicesBefore{definitions, first, facts()}).value();
  CHECK(ids(now) == std::vector<std::string>{"c", "a", "b"});
  CHECK(now[1].is(first[0]));
  CHECK(now[2]->at("Port") == 1);
  const std::vector<Definition> twice{definitions[0], definitions[0]};
  const auto refused = desired_services(twice, facts(), ServicesBefore{definitions, first, facts()});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().front().what == "services[1]");
}

TEST_CASE("of the catalog's entry no more is kept than what is asked of it", "[services]") {
  const auto services = desired(Json::parse(R"([{"name": "a"}, {"name": "b", "connect": {"sidecar_service": {}}}])"));
  const auto entry = [&](const char* body) { return catalog_entry(body, services); };
  CHECK(entry(R"({"Node": {"ID": "i", "Meta": null}, "Services": {"a": {"ID": "a", "Meta": {"managed-by": "lictor"}},
      "b-sidecar-proxy": {"Port": 1}, "c\u0026d": {"Meta": {"managed-by": "lictor"}, "Port": 1}, "e": {}}, "More": [1]})") ==
        Json::parse(R"({"Node": {"ID": "i", "Meta": null}, "Services": {"a": {}, "b-sidecar-proxy": {},
            "c&d": {"Meta": {"managed-by": "lictor"}}, "e": {"Meta": null}}})"));
  CHECK(entry(R"({"Node": {}, "Services": null})") == Json{{"Node", Json::object()}, {"Services", Json::object()}});
  CHECK(entry(" null\n").is_null());
  for (const char* body :
       {"", "[]", "7", "{\"Node\": {", "{\"Node\": {\"ID\" 1}}", "{\"Services\": {\"x\": {\"Meta\": }}}"})
    CHECK(entry(body).is_discarded());
}
