// Agent settings from files: read, and merged as Consul merges them.
#include "agent_config/plan.hpp"

#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

using namespace lictor;

TEST_CASE("merging: two single services are two services", "[plan]") {
  const AgentConfig config = merge_agent_config(
      {{"a", {{"service", {{"name", "a"}}}}}, {"b", {{"service", {{"name", "b"}}}, {"services", {{{"name", "c"}}}}}}},
      {});
  const AgentSettings& given = config.given;
  CHECK(given.merged == Json::parse(R"({"services": [{"name": "a"}, {"name": "c"}], "service": {"name": "b"}})"));
  CHECK(given.origins == std::map<std::string, std::string>{{"service", "b"}, {"services", "a, b"}});
}

namespace {

// Random agent settings in which each key keeps its type, as Consul's do: s* scalars, l* lists, o* objects.
Json random_settings(std::mt19937& random, int depth = 0) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Json out = Json::object();
  for (int i = pick(5); i > 0; --i) {
    const std::string number = std::to_string(pick(3));
    switch (pick(depth < 2 ? 4 : 3)) {
      case 0:
        out["s" + number] = pick(4) ? Json(pick(100)) : Json("text" + number);
        break;
      case 1:
        out["l" + number] = std::vector<int>(static_cast<std::size_t>(pick(3)), pick(100));
        break;
      case 2:
        out["s" + number] = nullptr;
        break;
      default:
        out["o" + number] = random_settings(random, depth + 1);
    }
  }
  return out;
}

Json merge(const std::vector<Json>& sources) {
  std::vector<AgentConfigFile> files;
  for (const Json& source : sources) files.push_back({"file", source});
  return merge_agent_config(files, {}).given.merged;
}

void check_merge(const Json& a, const Json& b, const Json& both) {
  for (const auto& [key, value] : b.items()) {
    if (value.is_null()) continue;
    if (key[0] == 's' || !a.contains(key)) {
      CHECK(both.at(key) == value);
    } else if (key[0] == 'l') {
      CHECK(both.at(key).size() == a.at(key).size() + value.size());
      CHECK(std::equal(value.rbegin(), value.rend(), both.at(key).rbegin()));
    } else {
      check_merge(a.at(key), value, both.at(key));
    }
  }
  for (const auto& [key, value] : a.items()) {
    if (!value.is_null() && (!b.contains(key) || b.at(key).is_null())) CHECK(both.at(key) == value);
  }
}

}  // namespace

TEST_CASE("merging: the later scalar wins, lists append, objects merge, grouping does not matter", "[plan]") {
  std::mt19937 random(20);
  for (int round = 0; round < 500; ++round) {
    const Json a = merge({random_settings(random)}), b = random_settings(random), c = random_settings(random);
    CAPTURE(round, a.dump(), b.dump(), c.dump());
    check_merge(a, b, merge({a, b}));
    CHECK(merge({a, b, c}) == merge({merge({a, b}), c}));
    CHECK(merge({a, b, c}) == merge({a, merge({b, c})}));
    CHECK(merge({a, Json::object()}) == a);
    CHECK(merge({Json::object(), a}) == a);
  }
}

TEST_CASE("agent settings files", "[plan]") {
  const auto good = parse_agent_config("/c.json", "{ // why\n \"a\": 1 /* b */ }");
  REQUIRE(good.has_value());
  CHECK(good->content == Json{{"a", 1}});
  REQUIRE(good->unknown.size() == 1);
  CHECK(to_string(good->unknown[0].problem).starts_with("/c.json: a: no key of the agent's configuration"));
  const auto bad = parse_agent_config("/c.json", "{\n  \"a\": tru\n}");
  REQUIRE(!bad.has_value());
  CHECK(bad.error().what.find("/c.json") == 0);
  CHECK(to_string(bad.error()).find("line 2") != std::string::npos);
  CHECK(!parse_agent_config("/c.json", "[1]").has_value());
  CHECK(!parse_agent_config("/c.json", "").has_value());
}

TEST_CASE(
    "what the agent would refuse is a problem with its place, in JSON as in HCL; with comments, and of agent.config, "
    "without",
    "[plan]") {
  const auto why = [](const Result<AgentConfigFile>& file) { return file ? "taken" : to_string(file.error()); };
  CHECK_THAT(why(parse_agent_config("/c.json", "{\n \"ports\": {\"http\": \"80\"}}")),
             Contains("/c.json:2:12: ports.http: not a number"));
  CHECK_THAT(why(parse_agent_config("/c.hcl", "ports { http = \"80\" }")),
             Contains("/c.hcl:1:9: ports.http: not a number"));
  CHECK_THAT(why(parse_agent_config("/c.json", "{ // why\n \"ports\": {\"http\": \"80\"}}")),
             Contains("/c.json: ports.http: not a number"));
  CHECK_THAT(why(look_at_agent_json("agent.config (/l.json)", {{"ports", {{"http", "80"}}}})),
             Contains("agent.config (/l.json): ports.http: not a number"));
  const Json fine{{"Node_Name", "n"}, {"ports", {{"http", 80}}}, {"service", {{"name", "web"}}}};
  const auto taken = look_at_agent_json("agent.config", fine);
  REQUIRE(taken.has_value());
  CHECK(taken->content == fine);
  CHECK(taken->unknown.empty());
}

TEST_CASE("keys that lictor does not know are kept of all that the agent reads, each with its place", "[plan]") {
  const auto read = [](const char* path, const char* text) { return *parse_for_agent(path, text, ""); };
  AgentReads reads;
  reads.files = {read("/a.hcl", "acl {\n  later = 1\n}"), read("/b.json", "{\"fine\": 1}")};
  reads.fragments = {*parse_for_agent("agent.args -hcl", "more = 1", "hcl")};
  const AgentConfig config = merge_agent_config({*parse_agent_config("/c.json", "{\"own\": 1}")}, {}, reads);
  std::vector<std::string> told;
  for (const UnknownKey& key : config.unknown) told.push_back(key.problem.what + " " + key.problem.why);
  const std::string no_key = ": no key of the agent's configuration";
  CHECK(told == std::vector<std::string>{"/a.hcl:2:3 acl.later" + no_key, "/b.json:1:2 fine" + no_key,
                                         "/c.json:1:2 own" + no_key, "agent.args -hcl:1:1 more" + no_key});
}
