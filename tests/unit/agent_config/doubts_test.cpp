// What an agent starts with all the same: agent_config/doubts.hpp.
#include "agent_config/doubts.hpp"

#include "agent_config/plan.hpp"

#include "test.hpp"

#include <string>
#include <vector>

using namespace lictor;

namespace {

AgentConfigFile file(const std::string& path, const std::string& text) {
  auto read = parse_for_agent(path, text, "hcl");
  REQUIRE(read.has_value());
  return *read;
}

using Files = std::vector<std::pair<std::string, std::string>>;

// `read`: by the agent itself; `given`: agent.config_files.
AgentSettings settings(const Files& read, const Files& given = {}, std::vector<std::string> args = {}) {
  Settings of;
  of.agent.args = std::move(args);
  AgentReads reads;
  for (const auto& [path, text] : read) reads.files.push_back(file(path, text));
  std::vector<AgentConfigFile> files;
  for (const auto& [path, text] : given) files.push_back(file(path, text));
  return merge_agent_config(files, of, reads).effective();
}

std::vector<SharedJson> services(const Json& list) {
  std::vector<SharedJson> all;
  for (const Json& service : list) all.emplace_back(service);
  return all;
}
std::vector<SharedJson> services(const char* json) { return services(Json::parse(json)); }

std::string subjects(const Problems& problems) {
  std::string all;
  for (const Problem& problem : problems) {
    CHECK(problem.exit == Exit::config);
    CHECK_FALSE(problem.hint.empty());
    all += (all.empty() ? "" : ", ") + problem.what;
  }
  return all;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lictor's own services: what the agent answers with a refusal is told of beforehand") {
  struct Row {
    const char* services;
    const char* subjects;
  };
  for (const Row& row : {
           Row{R"([{"Name": "a", "Check": {"HTTP": "http://10.0.0.5/"}}])", "services[0].check"},
           Row{R"([{"Name": "a"}, {"Name": "b", "Checks": [{"TTL": "9s"}, {"TCP": "a:1"}]}])", "services[1].checks[1]"},
           Row{R"([{"Name": "a", "Check": {"Args": ["/bin/true"], "Interval": "9s"}}])", "services[0].check"},
           Row{R"([{"Name": "a", "Check": {"HTTP": "http://10.0.0.5/", "Interval": "9s"}}])", ""},
           Row{R"([{"Name": "a", "Check": {}}])", ""},
       }) {
    CAPTURE(row.services);
    CHECK(subjects(service_faults(services(row.services), AgentSettings{}, std::nullopt)) == row.subjects);
  }
  const auto script = services(R"([{"Name": "a", "Check": {"Args": ["/bin/true"], "Interval": "9s"}}])");
  CHECK(service_faults(script, settings({{"/a.hcl", "enable_script_checks = true"}}), std::nullopt).empty());
  // Those alone that stand in its files.
  CHECK_FALSE(
      service_faults(script, settings({{"/a.hcl", "enable_local_script_checks = true"}}), std::nullopt).empty());

  const auto large = services(Json{{{"Name", "a"}, {"Meta", {{"text", std::string(512 * 1024, 'x')}}}}});
  CHECK(service_faults(large, {}, AgentVersion{2, 0, 2}).empty());
  CHECK(service_faults(large, {}, std::nullopt).empty());
  CHECK(subjects(service_faults(large, {}, AgentVersion{2, 0, 3})) == "services[0]");
}

TEST_CASE("lictor's own services: keys that the agent passes over") {
  CHECK(unknown_service_keys(Json::parse(R"([{"ID": "a", "Name": "a", "EnableTagOverride": true, "Chek": {}},
                                          {"Name": "b", "Checks": [{"TTL": "9s", "Intervall": "9s"}]}])")) ==
        Lines{"services[0].Chek: no key of Consul's, and the agent passes over it; correct it, or take it out",
              "services[1].checks[0].Intervall: no key of Consul's, and the agent passes over it; correct it, or take "
              "it out"});
}

TEST_CASE("ids that stand twice, in the agent's files and among lictor's own") {
  const AgentSettings agent =
      settings({{"/a.hcl", "service { name = \"web\" }"},
                {"/b.hcl", "service {\n  name = \"w\"\n  id = \"web\"\n}\nservices { name = \"db\" }"}});
  const Lines lines = ids_twice(agent, services(R"([{"ID": "x", "Name": "web"}, {"Name": "db"}])"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("services (/a.hcl, /b.hcl): the id \"web\" stands 2 times"));
  CHECK(lines[1].starts_with("services[1]: the id \"db\" stands in the agent's settings, too (/a.hcl, /b.hcl)"));
  CHECK(ids_twice(settings({{"/a.hcl", "service { name = \"web\" }"}}), services(R"([{"Name": "db"}])")).empty());
}

TEST_CASE("files that contradict each other are told of with both places; the same said twice is none, nor a list") {
  const auto told = [](const AgentSettings& agent) {
    Lines lines;
    for (const std::string& line : contradicting_files(agent)) lines.push_back(line.substr(0, line.find(',')));
    return lines;
  };
  CHECK(told(settings({{"/a.hcl", "datacenter = \"a\"\nports {\n  http = 1\n  dns = 2\n}\nretry_join = [\"a\"]"},
                       {"/b.hcl", "datacenter = \"b\"\nports {\n  http = 1\n  dns = 3\n}\nretry_join = [\"b\"]"}})) ==
        Lines{"datacenter: /b.hcl:1 says otherwise than /a.hcl:1", "ports.dns: /b.hcl:4 says otherwise than /a.hcl:4"});
  // Between what the agent reads by itself and what lictor's file is made of, and within that.
  CHECK(
      told(settings({{"/a.hcl", "datacenter = \"a\""}},
                    {{"/c.hcl", "\ndatacenter = \"c\""}, {"/d.hcl", "\n\ndatacenter = \"d\""}})) ==
      Lines{"datacenter: /d.hcl:3 says otherwise than /a.hcl:1", "datacenter: /d.hcl:3 says otherwise than /c.hcl:2"});
  // An argument is there to beat files.
  CHECK(told(settings({{"/a.hcl", "datacenter = \"a\""}}, {}, {"-datacenter=b", "-hcl=datacenter = \"c\""})).empty());
}

TEST_CASE("nobody to join: no list of servers, and no member that the agent remembers") {
  const std::string known = "coordinate: {}\nalive: server 10.0.0.1:8301\nclock: 5\n",
                    unknown = "clock: 5\nnot-alive: s\n";
  CHECK(nobody_to_join({}, "n1", ""));
  CHECK(nobody_to_join({}, "n1", unknown));
  CHECK_FALSE(nobody_to_join({}, "n1", known));
  for (const char* text :
       {"retry_join = [\"10.0.0.1\"]", "start_join = [\"10.0.0.1\"]", "retry_join = [\"provider=aws tag_key=consul\"]",
        "auto_config {\n  enabled = true\n  server_addresses = [\"10.0.0.1\"]\n}"}) {
    CAPTURE(text);
    CHECK_FALSE(nobody_to_join(settings({{"/a.hcl", text}}), "n1", ""));
  }
  CHECK(nobody_to_join(settings({{"/a.hcl", "retry_join = []"}}), "n1", ""));
  CHECK_FALSE(nobody_to_join(settings({}, {}, {"-retry-join", "10.0.0.1"}), "n1", ""));
}

// serf/snapshot.go, replay.
TEST_CASE("nobody to join: of the members remembered the last news counts, a leave forgets them, and oneself is none") {
  const std::string own = "alive: n1 10.0.0.5:8301\n", other = "alive: a server 10.0.0.1:8301\n";
  struct Row {
    std::string snapshot;
    bool nobody, nobody_when_rejoining;
  };
  for (const auto& [snapshot, nobody, nobody_when_rejoining] : std::initializer_list<Row>{
           {own, true, true},
           {own + other, false, false},
           {own + other + "not-alive: a server\n", true, true},
           {other + "not-alive: a server\n" + other, false, false},
           {own + other + "leave\nclock: 1\n", true, false},
           {other + "leave\n" + other, false, false},
           {"alive: unparsable\n", true, true},
       }) {
    CAPTURE(snapshot);
    CHECK(nobody_to_join({}, "n1", snapshot) == nobody);
    CHECK(nobody_to_join(settings({{"/a.hcl", "rejoin_after_leave = true"}}), "n1", snapshot) == nobody_when_rejoining);
  }
}
