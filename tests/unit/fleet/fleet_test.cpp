// A fleet: what becomes of the servers' list of checks, in counts and line by line.
#include "fleet/fleet_text.hpp"

#include "base/json_text.hpp"
#include "test.hpp"

#include <algorithm>

using namespace lictor;
using std::chrono::minutes;

namespace {

const auto noon = std::chrono::sys_days(std::chrono::November / 30 / 2026) + std::chrono::hours(12);

NodeWords words_of(const std::string& consul = "1.8.7") {
  return {.ready = true, .phase = "serve", .lictor = "0.1.0", .consul = consul, .started = noon - minutes(300)};
}

Json check_of(const std::string& node, const char* id, const char* status, const std::string& output = "") {
  return {{"Node", node}, {"CheckID", id}, {"Status", status}, {"Output", output}, {"Notes", ""}};
}

// The checks of a cluster, in the order in which they were given.
class Cluster {
 public:
  Cluster& node(const std::string& name, const NodeWords& words, bool passing = true) {
    alive(name);
    checks.push_back(check_of(name, "lictor-node", passing ? "passing" : "critical", node_check_output(words)));
    return *this;
  }
  Cluster& alive(const std::string& name) {
    checks.push_back(check_of(name, "serfHealth", "passing"));
    return *this;
  }
  Cluster& change(const std::string& name, const char* id, const char* key, const char* value) {
    for (Json& check : checks) {
      if (check["Node"] == name && check["CheckID"] == id) check[key] = value;
    }
    return *this;
  }
  Fleet fleet() const {
    Fleet all;
    for (const Json& check : checks) all.take(check);
    for (const char* server : {"s1", "s2"}) all.is_server(server);
    return all;
  }

  std::vector<Json> checks;
};

// A bit of everything: nodes a to h, and what has no lictor.
Cluster mixed() {
  Cluster all;
  all.node("a", words_of()).node("b", words_of("1.21.4"));
  NodeWords refused = words_of();
  refused.problems = {"settings_refused", "conflict"};
  all.node("c", refused);
  NodeWords stuck = words_of("1.21.4");
  stuck.ready = false;
  stuck.phase = "register";
  stuck.problems = {"hooks_unfinished"};
  all.node("d", stuck, false);
  NodeWords restarted = words_of();
  restarted.restarts = {{noon - minutes(200), "died"}, {noon - minutes(60), "hung"}, {noon - minutes(5), "died"}};
  all.node("e", restarted);
  NodeWords gone = refused;
  gone.started = noon - minutes(10);
  all.node("f", gone).change("f", "serfHealth", "Status", "critical");
  all.node("g", refused, false)
      .change("g", "lictor-node", "Output",
              "TTL expired (last output before timeout follows): ready; phase serve; "
              "problems conflict; lictor 0.0.9; consul 1.8.7");
  all.node("h", words_of());
  all.checks.push_back(check_of("h", "_node_maintenance", "critical"));
  all.change("h", "_node_maintenance", "Notes", "a new disk");
  all.alive("s1").alive("s2").alive("z1").alive("z2").alive("z3").change("z3", "serfHealth", "Status", "critical");
  return all;
}

}  // namespace

TEST_CASE("a fleet is told in counts, and each node that is not well on a line") {
  CHECK(fleet_text(mixed().fleet(), {}, noon, {}) ==
        "nodes      8: 4 well, 1 with problems, 1 not ready, 1 silent, 1 failed, 1 in maintenance\n"
        "without    2: z1 z2\n"
        "lictor     0.1.0 7, 0.0.9 1\n"
        "consul     1.8.7 6, 1.21.4 2\n"
        "phase      serve 5, register 1\n"
        "problem    agent_failed 1, conflict 1, hooks_unfinished 1, lictor_silent 1, settings_refused 1\n"
        "restarts   in the last hour 2 of agents on 1 nodes (died 1, hung 1), 1 of lictor\n"
        "\n"
        "c  problems      settings_refused conflict, lictor 0.1.0, consul 1.8.7\n"
        "d  not ready     phase register, hooks_unfinished, lictor 0.1.0, consul 1.21.4\n"
        "f  failed        lictor 0.1.0, consul 1.8.7\n"
        "g  silent        lictor 0.0.9, consul 1.8.7\n"
        "h  well          maintenance: a new disk, lictor 0.1.0, consul 1.8.7\n");
}

TEST_CASE("the order of the checks makes no difference") {
  Cluster all = mixed();
  const std::string text = fleet_text(all.fleet(), {}, noon, {});
  std::reverse(all.checks.begin(), all.checks.end());
  CHECK(fleet_text(all.fleet(), {}, noon, {}) == text);
}

TEST_CASE("a fleet that is well takes no line for a node") {
  Cluster all;
  all.node("a", words_of()).node("b", words_of()).alive("s1");
  CHECK(fleet_text(all.fleet(), {}, noon, {}) ==
        "nodes      2: 2 well\n"
        "lictor     0.1.0 2\n"
        "consul     1.8.7 2\n"
        "phase      serve 2\n"
        "restarts   in the last hour 0 of agents, 0 of lictor\n");
  CHECK(fleet_text(Fleet(), {}, noon, {}) == "nodes      0: 0 well\n");
}

TEST_CASE("nodes are chosen by a problem, by a version, and by the servers") {
  const Fleet fleet = mixed().fleet();
  const auto chosen = [&](const FleetChoice& choice) {
    std::string names;
    const Json listed = Json::parse(fleet_json(fleet, choice, noon, true)).at("listed");
    for (const Json& node : listed) names += node.at("node").get<std::string>();
    return names;
  };
  struct Row {
    const char *problem, *version, *names;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"", "", "cdfgh"},
           {"conflict", "", "c"},  // what failed and silent nodes said before is not counted
           {"lictor_silent", "", "g"},
           {"agent_failed", "", "f"},
           {"conf", "", ""},
           {"", "1.21.4", "bd"},
           {"", "1.21", "bd"},
           {"", "1.2", ""},
           {"", "0.0.9", "g"},
           {"", "1.8.7", "acefgh"},
           {"hooks_unfinished", "1.8", ""},
           {"hooks_unfinished", "1.21", "d"},
       }) {
    CAPTURE(row.problem, row.version);
    CHECK(chosen({.problem = row.problem, .version = row.version}) == row.names);
  }
  CHECK(contains(fleet_text(fleet, {.version = "1.21.4"}, noon, {}),
                 "nodes      2: 1 well, 1 not ready\nlictor     0.1.0 2\n"));
  // Of a list that is narrowed nobody can say who is missing in it.
  CHECK_FALSE(contains(fleet_text(fleet, {.narrowed = true}, noon, {}), "without"));
}

TEST_CASE("what the servers are asked for is the checks that tell, and what else is wanted of lictor's") {
  const std::string others = R"(CheckID == "serfHealth" or CheckID == "_node_maintenance" or )";
  CHECK(fleet_filter("") == others + R"(CheckID == "lictor-node")");
  CHECK(fleet_filter("Node == \"a\" or Node == \"b\"") ==
        others + R"((CheckID == "lictor-node" and (Node == "a" or Node == "b")))");
}

TEST_CASE("a fleet as JSON is the same, whole or in a line") {
  for (const bool in_a_line : {false, true}) {
    CAPTURE(in_a_line);
    const std::string text = fleet_json(mixed().fleet(), {}, noon, in_a_line);
    CHECK((std::count(text.begin(), text.end(), '\n') == 1) == in_a_line);
    const Json all = Json::parse(text);
    CHECK(all.at("nodes") == 8);
    CHECK(all.at("states") ==
          Json::parse(R"({"failed": 1, "silent": 1, "not_ready": 1, "unwell": 1, "untold": 0, "well": 4})"));
    CHECK(all.at("restarts_last_hour") == Json::parse(R"({"died": 1, "hung": 1})"));
    CHECK(all.at("without_lictor") == Json::parse(R"(["z1", "z2"])"));
    CHECK(all.at("listed").at(0) == Json::parse(R"({"node": "c", "state": "unwell", "phase": "serve", "lictor": "0.1.0",
      "consul": "1.8.7", "problems": ["settings_refused", "conflict"], "started": "2026-11-30T07:00:00Z", "restarts": [],
      "maintenance": null})"));
    Cluster well;
    well.node("a", words_of());
    CHECK(Json::parse(fleet_json(well.fleet(), {}, noon, in_a_line)).at("listed").empty());
  }
}

TEST_CASE("words of others do nothing to the page, and a check of another shape is left out") {
  Cluster all;
  all.alive("evil\x1b[2J\nname");
  all.checks.push_back(check_of("evil\x1b[2J\nname", "lictor-node", "passing", "phase \x1b[31m; problems a\nb"));
  for (const char* other : {"null", "7", "[]", "{}", R"({"Node": 1, "CheckID": "serfHealth"})", R"({"Node": "x"})",
                            R"({"Node": "x", "CheckID": "other", "Status": "critical"})"})
    all.checks.push_back(Json::parse(other));
  const std::string text = fleet_text(all.fleet(), {}, noon, {});
  CHECK(text.find('\x1b') == text.npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 8);
  CHECK(contains(text, "nodes      1: 0 well, 1 with problems\n"));
}

TEST_CASE("a name that is too long to be a node's is left out") {
  Cluster all;
  all.alive(std::string(300, 'x')).alive("a");
  CHECK(all.fleet().nodes().size() == 1);
}

TEST_CASE("without words a node's check says nothing, and no node is left to chance") {
  Cluster all;
  all.alive("a");
  all.checks.push_back(check_of("a", "lictor-node", "passing"));
  CHECK(fleet_text(all.fleet(), {}, noon, {}) ==
        "nodes      1: 0 well, 1 says nothing\n"
        "lictor     not told 1\n"
        "consul     not told 1\n"
        "restarts   in the last hour 0 of agents, 0 of lictor\n"
        "\n"
        "a  says nothing  \n");
}

TEST_CASE("thousands without lictor are counted, and twenty named") {
  Cluster all;
  for (int i = 0; i < 3000; ++i) all.alive("n" + std::to_string(10000 + i));
  const std::string text = fleet_text(all.fleet(), {}, noon, {});
  CHECK(contains(text, "without    3000: n10000 n10001 "));
  CHECK(contains(text, " n10019 and 2980 more\n"));
}
