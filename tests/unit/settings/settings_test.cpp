#include "settings/settings.hpp"

#include "base/text.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

using namespace lictor;
using namespace std::chrono_literals;

namespace {

const std::string file_name = "/etc/lictor/lictor.json";

std::string source_path(const std::string& name) { return std::string(LICTOR_SOURCE_DIR) + "/" + name; }

std::string content_of(const std::string& name) {
  std::ifstream in(source_path(name));
  INFO("reading " << name);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Offset and length of what stands between the two marks.
// The pages that hold something made from the table of keys, between two marks.
struct Page {
  const char *path, *begin, *end;
  std::string made;

  std::pair<std::size_t, std::size_t> place(const std::string& text) const {
    const auto from = text.find(begin), to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    return {from + std::string(begin).size(), to - from - std::string(begin).size()};
  }
};

std::vector<Page> made_pages() {
  return {{"docs/configuration.md", "<!-- settings table -->\n", "<!-- end of settings table -->\n", settings_table()},
          {"docs/lictor.json.5", ".\\\" settings table\n", ".\\\" end of settings table\n", settings_manual()}};
}

ResultAll<Settings> read(const std::string& text, const Environment& environment = {}) {
  return read_settings(SettingsFile{file_name, text}, environment);
}

ResultAll<Settings> read_environment(const Environment& environment) { return read_settings({}, environment); }

std::string all_of(const Problems& problems) {
  std::string out;
  for (const Problem& problem : problems) out += to_string(problem) + "\n";
  return out;
}

Settings good(const ResultAll<Settings>& result) {
  if (!result) FAIL(all_of(result.error()));
  return *result;
}

Problems bad(const ResultAll<Settings>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

// {"bind": {"wait": value}} for "bind.wait".
std::string file_with(const std::string& path, const Json& value) {
  std::string pointer = "/" + path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  Json file = Json::object();
  file[Json::json_pointer(pointer)] = value;
  return file.dump();
}

Json shown(const std::vector<Hook>& hooks) {
  Json out = Json::array();
  for (const Hook& hook : hooks) out.push_back({hook.command, hook.timeout.count(), static_cast<int>(hook.on_failure)});
  return out;
}

Json shown(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

// Everything but the origins, to compare and to look at.
Json shown(const Settings& s) {
  return {
      {"agent",
       {s.agent.binary, s.agent.config, s.agent.config_files, s.agent.config_files_named, s.agent.config_dirs,
        shown(s.agent.user), shown(s.agent.group), s.agent.env, s.agent.args, s.agent.tokens.agent_file,
        s.agent.tokens.default_file, s.agent.tokens.registration_file, s.agent.encrypt_file}},
      {"bind", {s.bind.interface, s.bind.ipv6, s.bind.cidr, s.bind.wait.count(), s.bind.restart_on_change}},
      {"node",
       {shown(s.node.name), shown(s.node.data_dir), s.node.keep_name, s.node.refuse_clone, s.node.heal, s.node.meta}},
      {"services", s.services ? *s.services : Json()},
      {"hooks", {shown(s.hooks.post_start), shown(s.hooks.pre_stop)}},
      {"stop", {s.stop.leave, s.stop.linger.count(), s.stop.timeout.count()}},
      {"restart", {s.restart.min.count(), s.restart.max.count(), s.restart.give_up_after}},
      {"watch", {s.watch.hung_after.count(), s.watch.rejoin_after.count(), s.watch.settings}},
      {"control", {s.control.socket, s.control.http}},
      {"run_dir", s.run_dir},
      {"log", {s.log.level, s.log.json}},
      {"consul", {s.consul_local_config, shown(s.client_interface)}},
  };
}

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

// A sound value that is not the default.
Json other_value(const SettingKey& key) {
  const std::string path = key.path;
  const Json fallback = Json::parse(key.fallback);
  if (path == "bind.cidr") return {"10.0.0.0/8"};
  if (path == "bind.family") return "ipv6";
  if (path == "control.http") return "[::1]:9000";
  if (path.ends_with("_file")) return "/tmp/secret";
  if (path == "run_dir" || path == "control.socket") return "/tmp/elsewhere";
  if (!key.values.empty()) return Json(key.values[0]) == fallback ? key.values[1] : key.values[0];
  switch (key.type) {
    case SettingType::boolean:
      return !fallback.get<bool>();
    case SettingType::integer:
      return 7;
    case SettingType::duration:
      return "2s";
    case SettingType::string_list:
      return {"x", "y"};
    case SettingType::string_map:
    case SettingType::object:
      return {{"x", "y"}};
    case SettingType::object_list:
      return {{{"name", "web"}}};
    case SettingType::hook_list:
      return {{{"command", {"/bin/true"}}}};
    default:
      return "x";
  }
}

std::string as_variable(const Json& value) {
  if (value.is_array()) return join(value.get<std::vector<std::string>>(), ",");
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

TEST_CASE("without a file and variables every setting has its default") {
  const Settings s = good(read_settings({}, {}));
  CHECK(s.agent.binary == "consul");
  CHECK(s.agent.config == Json::object());
  CHECK(s.agent.config_files == std::vector<std::string>{"/consul/config/consul.json"});
  CHECK_FALSE(s.agent.config_files_named);
  CHECK(s.agent.config_dirs.empty());
  CHECK_FALSE(s.agent.user);
  CHECK_FALSE(s.agent.group);
  CHECK(s.agent.env.empty());
  CHECK(s.agent.args.empty());
  CHECK(s.bind.interface == std::vector<std::string>{"eth*", "em*"});
  CHECK_FALSE(s.bind.ipv6);
  CHECK(s.bind.cidr.empty());
  CHECK(s.bind.wait == 60s);
  CHECK(s.bind.restart_on_change);
  CHECK_FALSE(s.node.name);
  CHECK_FALSE(s.node.data_dir);
  CHECK_FALSE(s.node.keep_name);
  CHECK_FALSE(s.node.refuse_clone);
  CHECK(s.node.heal);
  CHECK(s.node.meta.empty());
  CHECK_FALSE(s.services);
  CHECK(s.hooks.post_start.empty());
  CHECK(s.hooks.pre_stop.empty());
  CHECK(s.stop.leave);
  CHECK(s.stop.linger == 1s);
  CHECK(s.stop.timeout == 25s);
  CHECK(s.restart.min == 100ms);
  CHECK(s.restart.max == 30s);
  CHECK(s.restart.give_up_after == 5);
  CHECK(s.watch.hung_after == 30s);
  CHECK(s.watch.rejoin_after == 5min);
  CHECK(s.watch.settings);
  CHECK(s.control.socket == "/run/lictor/lictor.sock");
  CHECK(s.control.http == "127.0.0.1:8555");
  CHECK(s.run_dir == "/run/lictor");
  CHECK(s.log.level == "info");
  CHECK_FALSE(s.log.json);
  CHECK(s.consul_local_config == Json::object());
  CHECK_FALSE(s.client_interface);
  CHECK(s.origins.size() == setting_keys().size());
  for (const SettingKey& key : setting_keys()) CHECK(s.origins.at(key.path) == "default");
}

TEST_CASE("the file decides what it names") {
  const Settings s = good(read(R"({
    // Comments of both kinds are allowed.
    "agent": {"config": {"retry_join": ["10.0.0.1"]}, "config_files": ["/a.json"], "user": "1000", "env": {"A": "b"}},
    "bind": {"family": "ipv6", "cidr": ["fd00::/8", "10.0.0.0/8"], "on_change": "ignore"}, /* like this */
    "node": {"on_rename": "keep", "on_clone": "refuse", "heal": false, "meta": {"rack": "${RACK}"}},
    "services": [],
    "hooks": {"post_start": [{"command": ["/bin/x", ""]},
                             {"command": ["y"], "timeout": "1m30s", "on_failure": "ignore"},
                             {"command": ["z"], "on_failure": "fail"}]},
    "stop": {"policy": "stay", "timeout": "40s"},
    "control": {"http": ""},
    "log": {"level": "trace", "format": "json"}
  })"));
  CHECK(s.agent.config["retry_join"][0] == "10.0.0.1");
  CHECK(s.agent.config_files == std::vector<std::string>{"/a.json"});
  CHECK(s.agent.config_files_named);
  CHECK(s.agent.user == "1000");
  CHECK(s.agent.env == std::map<std::string, std::string>{{"A", "b"}});
  CHECK(s.bind.ipv6);
  CHECK(s.bind.cidr == std::vector<std::string>{"fd00::/8", "10.0.0.0/8"});
  CHECK_FALSE(s.bind.restart_on_change);
  CHECK(s.node.keep_name);
  CHECK(s.node.refuse_clone);
  CHECK_FALSE(s.node.heal);
  CHECK(s.node.meta.at("rack") == "${RACK}");
  REQUIRE(s.services);
  CHECK(s.services->empty());
  REQUIRE(s.hooks.post_start.size() == 3);
  CHECK(s.hooks.post_start[0].command == std::vector<std::string>{"/bin/x", ""});
  CHECK(s.hooks.post_start[0].timeout == 30s);
  CHECK(s.hooks.post_start[0].on_failure == OnFailure::retry);
  CHECK(s.hooks.post_start[1].timeout == 90s);
  CHECK(s.hooks.post_start[1].on_failure == OnFailure::ignore);
  CHECK(s.hooks.post_start[2].on_failure == OnFailure::fail);
  CHECK_FALSE(s.stop.leave);
  CHECK(s.stop.timeout == 40s);
  CHECK(s.control.http.empty());
  CHECK(s.log.level == "trace");
  CHECK(s.log.json);
  CHECK(s.origins.at("bind.family") == file_name);
  CHECK(s.origins.at("bind.wait") == "default");
}

TEST_CASE("every key can be set, by the file and where it is a scalar or a list by its variable") {
  const Json defaults = shown(good(read_settings({}, {})));
  for (const SettingKey& key : setting_keys()) {
    CAPTURE(key.path);
    const Json value = other_value(key);
    const Settings from_file = good(read(file_with(key.path, value)));
    CHECK(shown(from_file) != defaults);
    CHECK(from_file.origins.at(key.path) == file_name);

    const std::string variable = key.environment_name();
    if (!key.settable_by_environment()) {
      const Problems problems = bad(read_environment({{variable, "x"}}));
      CHECK_THAT(all_of(problems), Contains(key.path) && Contains(variable));
      continue;
    }
    const Settings from_environment = good(read_environment({{variable, as_variable(value)}}));
    CHECK(shown(from_environment) == shown(from_file));
    CHECK(from_environment.origins.at(key.path) == variable);

    const Settings both = good(read(file_with(key.path, Json::parse(key.fallback)), {{variable, as_variable(value)}}));
    CHECK(shown(both) == shown(from_file));
    CHECK(both.origins.at(key.path) == variable);
  }
  CHECK(setting_keys()[12].environment_name() == "LICTOR_BIND_INTERFACE");
}

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
      bad(read(file.dump(), {{"LICTOR_BIND_WAIT", "soon"}, {"LICTOR_BOGUS", "1"}, {"CONSUL_LOCAL_CONFIG", "{"}}));
  CHECK(problems.size() == setting_keys().size() + 4);
  const std::string text = all_of(problems);
  for (const SettingKey& key : setting_keys()) CHECK_THAT(text, Contains(key.path + (" (" + file_name + "): ")));
  CHECK_THAT(text, Contains("bogus (" + file_name + "): unknown key"));
  CHECK_THAT(text, Contains("bind.wait (LICTOR_BIND_WAIT): \"soon\""));
  CHECK_THAT(text, Contains("LICTOR_BOGUS: unknown variable"));
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

TEST_CASE("what LICTOR_* variables mean") {
  SECTION("lists are separated by commas, and may be empty") {
    const Settings s =
        good(read_environment({{"LICTOR_BIND_INTERFACE", "en*, wlan0"}, {"LICTOR_AGENT_CONFIG_FILES", ""}}));
    CHECK(s.bind.interface == std::vector<std::string>{"en*", "wlan0"});
    CHECK(s.agent.config_files.empty());
    CHECK(s.agent.config_files_named);
  }
  SECTION("an empty value stands for a default that is worked out") {
    const Settings s = good(read(R"({"node": {"name": "n1"}, "agent": {"user": "u"}})",
                                 {{"LICTOR_NODE_NAME", ""}, {"LICTOR_AGENT_USER", ""}}));
    CHECK_FALSE(s.node.name);
    CHECK_FALSE(s.agent.user);
    CHECK(s.origins.at("agent.user") == "default");
  }
  SECTION("what is not a setting") {
    good(read_environment({{"LICTOR_CONFIG", "/x"},
                           {"LICTOR_GRACE", "30s"},
                           {"LICTOR_ADDRESS", "10.0.0.1"},
                           {"LICTOR_NODE_ID", "x"},
                           {"LICTOR_NODE_NAME", "n1"},
                           {"LICTOR_SERVICE_HOST", "10.0.0.9"},
                           {"LICTOR_SERVICE_PORT_METRICS", "8555"},
                           {"LICTOR_METRICS_PORT", "tcp://10.0.0.9:8555"},
                           {"LICTOR_PORT_8555_TCP_ADDR", "10.0.0.9"},
                           {"LICTORIAN", "x"},
                           {"PATH", "/bin"}}));
  }
  SECTION("problems name the variable") {
    struct Row {
      const char* name;
      const char* value;
      std::vector<const char*> expected;
    };
    const Row rows[] = {
        {"LICTOR_BIND_INTERFCE",
         "x",
         {"LICTOR_BIND_INTERFCE: unknown variable", "did you mean \"LICTOR_BIND_INTERFACE\"?"}},
        {"LICTOR_HTTP_PORT", "80", {"LICTOR_HTTP_PORT: unknown variable"}},
        {"LICTOR_NODE_HEAL", "yes", {"node.heal (LICTOR_NODE_HEAL): \"yes\" instead of a boolean", "true"}},
        {"LICTOR_NODE_HEAL", "", {"node.heal (LICTOR_NODE_HEAL)"}},
        {"LICTOR_RESTART_GIVE_UP_AFTER", "5x", {"restart.give_up_after (LICTOR_RESTART_GIVE_UP_AFTER): \"5x\""}},
        {"LICTOR_RESTART_GIVE_UP_AFTER", "0", {"0 is not between"}},
        {"LICTOR_BIND_WAIT", "20", {"bind.wait (LICTOR_BIND_WAIT): \"20\" lacks a unit"}},
        {"LICTOR_BIND_INTERFACE", "", {"bind.interface (LICTOR_BIND_INTERFACE)"}},
        {"LICTOR_BIND_CIDR", "10.0.0.0/8,oops", {"bind.cidr[1] (LICTOR_BIND_CIDR): \"oops\""}},
        {"LICTOR_LOG_LEVEL", "INFO", {"log.level (LICTOR_LOG_LEVEL): \"INFO\""}},
        {"LICTOR_STOP_TIMEOUT", "1s", {"stop.timeout (LICTOR_STOP_TIMEOUT): 1s", "stop.linger 1s (default)"}},
        {"LICTOR_NODE_META", "a=b", {"node.meta (LICTOR_NODE_META)", "settings file"}},
        {"LICTOR_NODE_NAME", "n\xff", {"node.name (LICTOR_NODE_NAME): is not UTF-8"}},
        {"NODE_NAME", "n\xff", {"NODE_NAME: is not UTF-8"}},
        {"CONSUL_BIND_INTERFACE", "\xff", {"CONSUL_BIND_INTERFACE: is not UTF-8"}},
        {"CONSUL_LOCAL_CONFIG", "[]", {"CONSUL_LOCAL_CONFIG: array instead of an object"}},
        {"CONSUL_LOCAL_CONFIG", "{\"a\": 1,\n \"a\": 2}", {"a (CONSUL_LOCAL_CONFIG): given twice"}},
    };
    for (const Row& row : rows) {
      CAPTURE(row.name, row.value);
      const Problems problems = bad(read_environment({{row.name, row.value}}));
      CHECK(problems.size() == 1);
      for (const char* part : row.expected) CHECK_THAT(to_string(problems.front()), Contains(part));
    }
  }
  SECTION("a broken value of the file is reported even where a variable covers it") {
    CHECK(bad(read(R"({"bind": {"wait": 5}})", {{"LICTOR_BIND_WAIT", "5s"}})).size() == 1);
  }
  SECTION("a broken value is not blamed twice") {
    CHECK(bad(read(R"({"stop": {"timeout": 60, "linger": "30s"}})")).size() == 1);
  }
}

TEST_CASE("the variables of the official image stand between the file and LICTOR_*") {
  const Environment consul{{"CONSUL_BIND_INTERFACE", "bond0"},
                           {"CONSUL_CLIENT_INTERFACE", "lo"},
                           {"CONSUL_LOCAL_CONFIG", R"({"datacenter": "dc7"})"},
                           {"CONSUL_DATA_DIR", "/d"},
                           {"CONSUL_CONFIG_DIR", "/c,d"},
                           {"CONSUL_UID", "100"},
                           {"CONSUL_GID", "1000"}};
  const std::map<std::string, std::string> keys{{"bind.interface", "CONSUL_BIND_INTERFACE"},
                                                {"node.data_dir", "CONSUL_DATA_DIR"},
                                                {"agent.config_dirs", "CONSUL_CONFIG_DIR"},
                                                {"agent.user", "CONSUL_UID"},
                                                {"agent.group", "CONSUL_GID"}};
  const std::string file = R"({"bind": {"interface": ["x"]}, "node": {"data_dir": "/x"},
                               "agent": {"config_dirs": ["/x"], "user": "x", "group": "x"}})";
  SECTION("they beat the file") {
    const Settings s = good(read(file, consul));
    CHECK(s.bind.interface == std::vector<std::string>{"bond0"});
    CHECK(s.client_interface == "lo");
    CHECK(s.consul_local_config == Json{{"datacenter", "dc7"}});
    CHECK(s.node.data_dir == "/d");
    CHECK(s.agent.config_dirs == std::vector<std::string>{"/c,d"});
    CHECK(s.agent.user == "100");
    CHECK(s.agent.group == "1000");
    for (const auto& [key, variable] : keys) CHECK(s.origins.at(key) == variable);
  }
  SECTION("they lose to lictor's own") {
    Environment environment = consul;
    for (const auto& [key, variable] : keys) environment[find_setting(key)->environment_name()] = "own";
    const Settings s = good(read(file, environment));
    CHECK(s.bind.interface == std::vector<std::string>{"own"});
    CHECK(s.node.data_dir == "own");
    CHECK(s.agent.config_dirs == std::vector<std::string>{"own"});
    CHECK(s.agent.user == "own");
    CHECK(s.agent.group == "own");
    for (const auto& [key, variable] : keys) CHECK(s.origins.at(key) == find_setting(key)->environment_name());
  }
  SECTION("empty ones count as absent") {
    Environment environment = consul;
    for (auto& [name, value] : environment) value.clear();
    CHECK(shown(good(read(file, environment))) == shown(good(read(file))));
  }
}

TEST_CASE("NODE_NAME names the node where nothing else does") {
  const Settings s = good(read_environment({{"NODE_NAME", "k1"}}));
  CHECK(s.node.name == "k1");
  CHECK(s.origins.at("node.name") == "NODE_NAME");
  CHECK(good(read(R"({"node": {"name": "n1"}})", {{"NODE_NAME", "k1"}})).node.name == "n1");
  CHECK(good(read_environment({{"NODE_NAME", "k1"}, {"LICTOR_NODE_NAME", "n2"}})).node.name == "n2");
  CHECK_FALSE(good(read_environment({{"NODE_NAME", ""}})).node.name);
}

TEST_CASE("config/lictor.json holds every key at its default, and changes nothing") {
  const std::string text = content_of("config/lictor.json");
  CHECK(text == default_settings_text());
  const Settings s = good(read(text));
  CHECK(shown(s) == shown(good(read_settings({}, {}))));

  std::string comments;
  for (const std::string& line : split_list(text, '\n')) {
    CHECK(line.size() <= 110);
    if (line.rfind("// ", 0) == 0) comments += line.substr(2);
    if (line.rfind("// ", 0) != 0) comments += " ";
  }
  const Json file = Json::parse(text, nullptr, true, true);
  for (const SettingKey& key : setting_keys()) {
    CAPTURE(key.path);
    std::string pointer = "/" + std::string(key.path);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    REQUIRE(file.contains(Json::json_pointer(pointer)));
    CHECK(file[Json::json_pointer(pointer)] == Json::parse(key.fallback));
    CHECK_THAT(comments, Contains(" " + std::string(key.meaning) + " "));
  }
}

TEST_CASE("config/lictor.schema.json holds every key with its type") {
  const std::string text = content_of("config/lictor.schema.json");
  CHECK(text == settings_schema().dump(2) + "\n");
  const Json schema = Json::parse(text);
  const std::map<SettingType, std::string> types{
      {SettingType::string, "string"},   {SettingType::boolean, "boolean"},   {SettingType::integer, "integer"},
      {SettingType::duration, "string"}, {SettingType::string_list, "array"}, {SettingType::string_map, "object"},
      {SettingType::object, "object"},   {SettingType::object_list, "array"}, {SettingType::hook_list, "array"}};
  CHECK(schema["additionalProperties"] == false);
  const std::function<std::size_t(const Json&)> keys_in = [&](const Json& group) {
    std::size_t found = 0;
    for (const auto& property : group.at("properties"))
      found += property.contains("properties") ? keys_in(property) : 1;
    return found;
  };
  CHECK(keys_in(schema) == setting_keys().size());
  for (const SettingKey& key : setting_keys()) {
    CAPTURE(key.path);
    Json at = schema;
    for (const std::string& name : split_list(key.path, '.')) {
      CHECK(at["additionalProperties"] == false);
      at = Json(at.at("properties").at(name));
    }
    const Json fallback = Json::parse(key.fallback);
    CHECK(at["type"] == (fallback.is_null() ? Json{types.at(key.type), "null"} : Json(types.at(key.type))));
    CHECK(at["default"] == fallback);
    CHECK(at["description"] == key.meaning);
    CHECK(at.value("enum", std::vector<std::string>{}) == key.values);
  }
}

TEST_CASE("the pages that list the keys list those of the table") {
  for (const SettingKey& key : setting_keys()) {
    CHECK_THAT(settings_table(), Contains("\n| `" + std::string(key.path) + "` | "));
    CHECK_THAT("\n" + settings_manual(), Contains("\n.It Cm " + std::string(key.path) + "\n"));
    for (const std::string& value : key.values) CHECK_THAT(key.meaning, Contains("`" + value + "`"));
  }
  for (const Page& page : made_pages()) {
    CAPTURE(page.path);
    const std::string text = content_of(page.path);
    const auto [from, length] = page.place(text);
    CHECK(text.substr(from, length) == page.made);
  }
}

TEST_CASE("write the files that are made from the table", "[.regenerate]") {
  std::ofstream(source_path("config/lictor.json")) << default_settings_text();
  std::ofstream(source_path("config/lictor.schema.json")) << settings_schema().dump(2) << "\n";
  for (const Page& page : made_pages()) {
    std::string text = content_of(page.path);
    const auto [from, length] = page.place(text);
    std::ofstream(source_path(page.path)) << text.replace(from, length, page.made);
  }
}
