// Settings that can't be taken: each is told, with its key.
#include "settings/settings.hpp"

#include "base/text.hpp"
#include "settings_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

using namespace lictor;
using namespace settings_parts;
using namespace std::chrono_literals;

namespace {

// A value of each JSON type.
const std::map<std::string, Json>& samples() {
  static const std::map<std::string, Json> all{
      {"null", nullptr},           {"boolean", true},          {"integer", 5},
      {"fraction", 1.5},           {"string", "abc"},          {"duration", "2s"},
      {"list", Json::array()},     {"strings", {"a", "b"}},    {"numbers", {1, 2}},
      {"objects", {{{"a", "b"}}}}, {"object", Json::object()}, {"string map", {{"a", "b"}}},
      {"number map", {{"a", 1}}}};
  return all;
}

bool may_hold(const SettingKey& key, const std::string& sample) {
  const auto any = [&](const std::vector<std::string>& good) {
    return std::find(good.begin(), good.end(), sample) != good.end();
  };
  if (sample == "null") return std::string(key.fallback) == "null";
  switch (key.type) {
    case SettingType::string:
      return any({"string", "duration"});
    case SettingType::boolean:
      return any({"boolean"});
    case SettingType::integer:
      return any({"integer"});
    case SettingType::duration:
      return any({"duration"});
    case SettingType::string_list:
      return any({"list", "strings"});
    case SettingType::string_map:
      return any({"object", "string map"});
    case SettingType::object:
      return any({"object", "string map", "number map"});
    case SettingType::object_list:
      return any({"list", "objects"});
    case SettingType::hook_list:
      return any({"list"});
  }
  return false;
}

}  // namespace

TEST_CASE("a secret in the place of its file's name is refused and not quoted") {
  for (const char* key : {"agent.tokens.agent_file", "agent.tokens.default_file", "agent.tokens.registration_file",
                          "agent.encrypt_file"}) {
    CAPTURE(key);
    CHECK(good(read(file_with(key, ""))).origins.at(key) == file_name);
    const Problems problems = bad(read(file_with(key, "SECRET")));
    CHECK_THAT(all_of(problems), Contains(key) && !Contains("SECRET"));
  }
}

TEST_CASE("what begins with a slash is the path of a secret's file, whatever else it might be") {
  // 24 and 32 bytes of base64, as gossip keys are.
  for (const char* path : {"/run/secrets/consul/tokens/agent", "/SECRETedL8GEA/QuOPXU17hItsZCNZ7CFx0bAzGJ60="}) {
    CAPTURE(path);
    CHECK(good(read(file_with("agent.tokens.agent_file", path))).agent.tokens.agent_file == path);
    CHECK(good(read(file_with("agent.encrypt_file", path))).agent.encrypt_file == path);
  }
}

TEST_CASE("a group inside a group is written as such, and its unknown keys are told") {
  CHECK(good(read(R"({"agent": {"tokens": {"default_file": "/t"}}})")).agent.tokens.default_file == "/t");
  CHECK_THAT(all_of(bad(read(R"({"agent": {"tokens": {"default": "/t"}}})"))), Contains("agent.tokens.default ("));
  CHECK_THAT(all_of(bad(read(R"({"agent": {"tokens": "/t"}})"))), Contains(R"({"agent": {"tokens": {"KEY": VALUE}}})"));
  CHECK_THAT(all_of(bad(read(R"({"agent": {"tokens.default_file": "/t"}})"))),
             Contains(R"({"agent": {"tokens": {"default_file": VALUE}}})"));
}

TEST_CASE("every wrong JSON type is a problem that names the key") {
  for (const SettingKey& key : setting_keys()) {
    for (const auto& [name, value] : samples()) {
      if (may_hold(key, name)) continue;
      CAPTURE(key.path, name);
      const Problems problems = bad(read(file_with(key.path, value)));
      for (const Problem& problem : problems) {
        CHECK(problem.what.rfind(key.path, 0) == 0);
        CHECK(std::string(" .[").find(problem.what[std::string(key.path).size()]) != std::string::npos);
        CHECK_THAT(problem.what, Catch::Matchers::EndsWith(" (" + file_name + ")"));
        CHECK_FALSE(problem.why.empty());
        CHECK_FALSE(problem.hint.empty());
        CHECK(problem.exit == Exit::config);
      }
    }
  }
}

TEST_CASE("all broken keys are reported at once") {
  Json file = Json::object();
  for (const SettingKey& key : setting_keys()) {
    std::string pointer = "/" + std::string(key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    file[Json::json_pointer(pointer)] = 1.5;
  }
  file["bogus"] = 1;
  const Problems problems =
      bad(read(file.dump(), {{"LICTOR_BIND_WAIT", "soon"}, {"LICTOR_LOG_LEVL", "1"}, {"CONSUL_LOCAL_CONFIG", "{"}}));
  CHECK(problems.size() == setting_keys().size() + 4);
  const std::string text = all_of(problems);
  for (const SettingKey& key : setting_keys()) CHECK_THAT(text, Contains(key.path + (" (" + file_name + "): ")));
  CHECK_THAT(text, Contains("bogus (" + file_name + "): unknown key"));
  CHECK_THAT(text, Contains("bind.wait (LICTOR_BIND_WAIT): \"soon\""));
  CHECK_THAT(text, Contains("LICTOR_LOG_LEVL: unknown variable"));
  CHECK_THAT(text, Contains("CONSUL_LOCAL_CONFIG: line 1, column 2: "));
}

TEST_CASE("impossible values of the file") {
  struct Row {
    const char* file;
    std::vector<const char*> expected;
  };
  const std::string long_run_dir = R"({"run_dir": "/)" + std::string(91, 'x') + "\"}";
  const std::string long_socket = R"({"control": {"socket": "/)" + std::string(107, 'x') + "\"}}";
  const Row rows[] = {
      {R"({"restart": {"min": "40s"}})", {"restart.min (/etc", "40s", "restart.max 30s (default)", "at most"}},
      {R"({"restart": {"max": "50ms"}})", {"restart.max (/etc", "50ms", "restart.min 100ms (default)"}},
      {R"({"restart": {"min": "0s"}})", {"restart.min", "more than zero"}},
      {R"({"restart": {"give_up_after": 0}})", {"restart.give_up_after", "0 is not between"}},
      {R"({"restart": {"give_up_after": -3}})", {"restart.give_up_after", "-3 is not between"}},
      {R"({"restart": {"give_up_after": 2147483648}})", {"restart.give_up_after", "2147483648 is not between"}},
      {R"({"restart": {"give_up_after": 18446744073709551615}})", {"restart.give_up_after", "is not between"}},
      {R"({"stop": {"linger": "25s"}})", {"stop.linger (/etc", "stop.timeout 25s (default)", "shorter than"}},
      {R"({"stop": {"timeout": "500ms"}})", {"stop.timeout (/etc", "500ms", "stop.linger 1s (default)"}},
      {R"({"stop": {"linger": "-1s"}})", {"stop.linger", "negative"}},
      {R"({"watch": {"hung_after": "0"}})", {"watch.hung_after", "more than zero"}},
      {R"({"bind": {"cidr": ["10.0.0.0/8", "10.0.0.0/33"]}})", {"bind.cidr[1]", "10.0.0.0/33"}},
      {R"({"bind": {"cidr": ["fd00::/8"]}})", {"bind.cidr", "ipv4"}},
      {R"({"bind": {"interface": []}})", {"bind.interface", "no interface"}},
      {R"({"bind": {"interface": ["eth0", ""]}})", {"bind.interface[1]", "empty"}},
      {R"({"bind": {"family": "ipv5"}})", {"bind.family", "\"ipv5\" is none of \"ipv4\", \"ipv6\"", "did you mean"}},
      {R"({"log": {"level": "loud"}})", {"log.level", "\"loud\"", "warn"}},
      {R"({"log": {"level": "debg"}})", {"log.level", "did you mean \"debug\"?"}},
      {R"({"control": {"http": "localhost:8555"}})", {"control.http", "localhost:8555"}},
      {R"({"control": {"http": "127.0.0.1"}})", {"control.http"}},
      {R"({"control": {"http": "127.0.0.1:"}})", {"control.http"}},
      {R"({"control": {"http": "127.0.0.1:0"}})", {"control.http"}},
      {R"({"control": {"http": "127.0.0.1:65536"}})", {"control.http"}},
      {R"({"control": {"http": "127.0.0.1:http"}})", {"control.http"}},
      {R"({"control": {"http": ":8555"}})", {"control.http", "0.0.0.0:8555"}},
      {R"({"control": {"http": "::1:8555"}})", {"control.http", "[::1]:8555"}},
      {R"({"control": {"http": "[127.0.0.1]:8555"}})", {"control.http"}},
      {R"({"control": {"socket": "lictor.sock"}})", {"control.socket", "absolute"}},
      {R"({"run_dir": "run"})", {"run_dir", "absolute"}},
      {R"({"wait": {"mounts": ["srv"]}})", {"wait.mounts[0]", "absolute"}},
      {R"({"run_dir": ""})", {"run_dir", "empty"}},
      {long_socket.c_str(), {"control.socket", "108 bytes"}},
      {long_run_dir.c_str(), {"run_dir", "108 bytes"}},
      {R"({"agent": {"binary": ""}})", {"agent.binary", "empty"}},
      {R"({"agent": {"env": {"A=B": "c"}}})", {"agent.env.A=B", "name"}},
      {R"({"agent": {"env": {"PORT": 1}}})", {"agent.env.PORT", "number instead of a string"}},
      {R"({"services": [{"name": "web"}, "db"]})", {"services[1]", "string instead of an object"}},
      {R"({"hooks": {"pre_stop": [["/bin/true"]]}})", {"hooks.pre_stop[0]", "array instead of a hook"}},
      {R"({"hooks": {"pre_stop": [{}]}})", {"hooks.pre_stop[0]", "no command"}},
      {R"({"hooks": {"pre_stop": [{"command": []}]}})", {"hooks.pre_stop[0].command", "no program"}},
      {R"({"hooks": {"pre_stop": [{"command": [""]}]}})", {"hooks.pre_stop[0].command", "no program"}},
      {R"({"hooks": {"pre_stop": [{"command": "ls"}]}})", {"hooks.pre_stop[0].command", "string instead of a list"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a", 1]}]}})", {"hooks.pre_stop[0].command[1]", "number"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a"], "timout": "1s"}]}})",
       {"hooks.pre_stop[0].timout", "\"timeout\"?"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a"], "timeout": "0"}]}})", {"hooks.pre_stop[0].timeout", "zero"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a"], "timeout": 5}]}})", {"hooks.pre_stop[0].timeout", "a duration"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a"], "on_failure": "x"}]}})",
       {"hooks.pre_stop[0].on_failure", "\"x\""}},
      {R"({"bind": {"interfce": "eth0"}})", {"bind.interfce", "unknown key", "did you mean \"bind.interface\"?"}},
      {R"({"bnid": {"interface": "eth0"}})", {"bnid (", "unknown key", "did you mean \"bind\"?"}},
      {R"({"interface": "eth0"})", {"interface (", "did you mean \"bind.interface\"?"}},
      {R"({"bind.interface": ["eth0"]})", {"bind.interface (", "unknown key", R"({"bind": {"interface": VALUE}})"}},
      {R"({"retry_join": []})", {"retry_join", "unknown key", "agent.config"}},
      {R"({"bind": "eth0"})", {"bind (", "string instead of an object"}},
      {R"([])", {"/etc/lictor/lictor.json: array instead of an object"}},
      {R"({"bind": {"wait": "1s"}, "bind": {"family": "ipv4"}})", {"bind (/etc/lictor/lictor.json): given twice"}},
      {R"({"hooks": {"pre_stop": [{"command": ["a"], "command": ["b"]}]}})", {"hooks.pre_stop.command (", "twice"}},
      {R"({"log": {"level": "info"}, "run_dir": "/a", "run_dir": "/b"})", {"run_dir (", "twice"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const Problems problems = bad(read(row.file));
    CHECK(problems.size() == 1);
    CHECK_THAT(to_string(problems.front()), Catch::Matchers::StartsWith(row.expected.front()));
    for (const char* part : row.expected) CHECK_THAT(to_string(problems.front()), Contains(part));
    CHECK_THAT(to_string(problems.front()), Contains(file_name));
  }
}

TEST_CASE("values at the edge of what is possible") {
  for (const std::string file : {
           R"({"restart": {"min": "30s", "max": "30s", "give_up_after": 1}})",
           R"({"restart": {"give_up_after": 2147483647}})",
           R"({"stop": {"linger": "0s"}, "bind": {"wait": "0"}})",
           R"({"stop": {"linger": "24.999s"}})",
           R"({"control": {"http": "0.0.0.0:1"}})",
           R"({"control": {"http": "[::]:65535"}})",
           R"({"agent": {"args": [""]}})",
           R"({"services": null, "node": {"name": null}})",
           R"({})",
       }) {
    CAPTURE(file);
    good(read(file));
  }
  const std::string run_dir = "/" + std::string(90, 'x');  // 91 + 16 of "/agent/http.sock"
  CHECK(good(read(file_with("run_dir", run_dir))).run_dir == run_dir);
  const std::string socket = "/" + std::string(106, 'x');
  CHECK(good(read(file_with("control.socket", socket))).control.socket == socket);
}

TEST_CASE("syntax errors name file, line and column, and quote nothing") {
  struct Row {
    const char* text;
    const char* position;
  };
  const Row rows[] = {
      {"", "line 1, column 1"},
      {"{\n  \"bind\": {,}\n}", "line 2, column 12"},
      {"{\n  \"agent\": {\"config\": {\"encrypt\": \"s3cret\n", "line 2, column 42"},
      {"{\"a\": \"s3cret\" \"b\"}", "line 1, column 18"},
      {"{}\n{", "line 2, column 1"},
      {"{\"a\": s3cret}", "line 1, column 7"},
      {"{\"a\": \"s3cret\xff\"}", "line 1, column 14"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Problems problems = bad(read(row.text));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].what == file_name);
    CHECK_THAT(problems[0].why, Contains(std::string(row.position) + ": ") && !Contains("s3cret"));
    CHECK_THAT(problems[0].why, !Contains("json.exception"));
  }
}
