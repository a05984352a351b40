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

// A sound value that is not the default.
Json other_value(const SettingKey& key) {
  const std::string path = key.path;
  const Json fallback = Json::parse(key.fallback);
  if (path == "bind.cidr") return {"10.0.0.0/8"};
  if (path == "agent.capabilities") return {"net_raw", "kill"};
  if (path == "wait.mounts") return {"/srv"};
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
  CHECK(s.agent.groups.empty());
  CHECK_FALSE(s.agent.capabilities);
  CHECK_FALSE(s.agent.no_new_privs);
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
  CHECK_FALSE(s.http_check);
  CHECK(s.hooks.post_start.empty());
  CHECK(s.hooks.pre_stop.empty());
  CHECK(s.stop.policy == StopPolicy::automatic);
  CHECK_FALSE(s.stop.stay_over_reboot);
  CHECK(s.stop.linger == 1s);
  CHECK(s.stop.timeout == 25s);
  CHECK(s.restart.min == 100ms);
  CHECK(s.restart.max == 30s);
  CHECK(s.restart.spread == 10s);
  CHECK(s.restart.give_up_after == 5);
  CHECK(s.watch.hung_after == 30s);
  CHECK(s.watch.rejoin_after == 5min);
  CHECK_FALSE(s.watch.rejoin_after_leave);
  CHECK(s.watch.settings);
  CHECK(s.wait.files == 60s);
  CHECK(s.wait.mounts.empty());
  CHECK_FALSE(s.systemd.ready_by_api);
  CHECK(s.systemd.ready_within == 30s);
  CHECK(s.control.socket == "/run/lictor/lictor.sock");
  CHECK(s.control.http == "127.0.0.1:8555");
  CHECK(s.control.ready_needs_leader);
  CHECK_FALSE(s.control.group);
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
    "watch": {"on_leave": "rejoin"},
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
  CHECK(s.watch.rejoin_after_leave);
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
  CHECK(s.stop.policy == StopPolicy::stay);
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
  CHECK(find_setting("bind.interface")->environment_name() == "LICTOR_BIND_INTERFACE");
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
  SECTION("what no setting is nearly called is none of lictor's business") {
    const Settings s =
        good(read_environment({{"LICTOR_HTTP_PORT", "80"}, {"LICTOR_USER", "x"}, {"LICTOR_PROJECT", ""}}));
    CHECK(s.unknown_variables == std::vector<std::string>{"LICTOR_HTTP_PORT", "LICTOR_PROJECT",
                                                          "LICTOR_USER (did you mean LICTOR_AGENT_USER?)"});
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
        {"LICTOR_STOP_TIMEOT", "9s", {"LICTOR_STOP_TIMEOT: unknown variable", "did you mean \"LICTOR_STOP_TIMEOUT\"?"}},
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

TEST_CASE("CONSUL_ALLOW_PRIVILEGED_PORTS adds a capability by being there") {
  using Names = std::vector<std::string>;
  for (const char* value : {"", "1", "false"}) {
    CAPTURE(value);
    const Environment environment{{"CONSUL_ALLOW_PRIVILEGED_PORTS", value}};
    const Settings s = good(read_environment(environment));
    CHECK(s.agent.capabilities == Names{"net_bind_service"});
    CHECK(s.origins.at("agent.capabilities") == "CONSUL_ALLOW_PRIVILEGED_PORTS");
    CHECK(good(read(R"({"agent": {"capabilities": ["net_raw"]}})", environment)).agent.capabilities ==
          Names{"net_raw", "net_bind_service"});
    Environment own = environment;
    own["LICTOR_AGENT_CAPABILITIES"] = "CAP_CHOWN,kill";
    CHECK(good(read_environment(own)).agent.capabilities == Names{"CAP_CHOWN", "kill"});
  }
  CHECK(good(read(R"({"agent": {"capabilities": []}})")).agent.capabilities == Names{});
  const Problems wrong = bad(read(R"({"agent": {"capabilities": ["net_bind_servise", "x"]}})"));
  REQUIRE(wrong.size() == 2);
  CHECK(wrong[0].hint == "did you mean \"net_bind_service\"?");
  CHECK(wrong[1].what == "agent.capabilities[1] (" + file_name + ")");
}

TEST_CASE("NODE_NAME names the node where nothing else does") {
  const Settings s = good(read_environment({{"NODE_NAME", "k1"}}));
  CHECK(s.node.name == "k1");
  CHECK(s.origins.at("node.name") == "NODE_NAME");
  CHECK(good(read(R"({"node": {"name": "n1"}})", {{"NODE_NAME", "k1"}})).node.name == "n1");
  CHECK(good(read_environment({{"NODE_NAME", "k1"}, {"LICTOR_NODE_NAME", "n2"}})).node.name == "n2");
  CHECK_FALSE(good(read_environment({{"NODE_NAME", ""}})).node.name);
}

namespace {

// Definition by definition, whether it is the very one of `before`.
std::vector<bool> shared_with(const Settings& before, const Settings& now) {
  std::vector<bool> shared;
  for (std::size_t i = 0; i < now.services->size(); ++i)
    shared.push_back(i < before.services->size() && now.services->at(i).json.is(before.services->at(i).json));
  return shared;
}

std::string with_services(const std::string& list) {
  return R"({"stop": {"timeout": "9s"}, "services": )" + list + "}";
}

}  // namespace

TEST_CASE("definitions of services that are written as before are the same ones, and others are read") {
  const auto read = [](const std::string& list, const Settings* before = nullptr) {
    return good(read_settings(SettingsFile{"f", with_services(list)}, {}, before));
  };
  const Settings before = read(R"([{"name": "a", "port": 1}, /* , */ {"name": "b"}, // ]
      {"name": "c"}])");
  REQUIRE(before.services->size() == 3);
  CHECK(*before.services->at(0).json == Json{{"name", "a"}, {"port", 1}});
  CHECK(*before.services->at(2).json == Json{{"name", "c"}});
  const Settings now = read(R"([{"name": "a", "port": 1},{"name": "b", "tags": ["x"]}, {"name": "c"}])", &before);
  CHECK(shared_with(before, now) == std::vector<bool>{true, false, true});
  CHECK(*now.services->at(1).json == Json{{"name", "b"}, {"tags", {"x"}}});
  CHECK(now.digest != before.digest);
  CHECK(shared_with(before, read(R"([{"name": "a", "port": 1}])")) == std::vector<bool>{false});
  CHECK(shared_with(before, read("[]", &before)).empty());
  // Whichever way they are read they are the same settings.
  const std::string list = R"([{"name": "a", "port": 1}, {"name": "b"}, {"name": "c"}])";
  CHECK(read(list).digest == before.digest);
  CHECK(good(read_settings(SettingsFile{"f", R"({"stop": {"timeout": "9s"}, "servic\u0065s": )" + list + "}"}, {}))
            .digest == before.digest);
  CHECK(read(R"([{"name": "a", "port": 1}, {"name": "b", "token": "one"}])").digest ==
        read(R"([{"name": "a", "port": 1}, {"name": "b", "token": "two"}])").digest);
}

TEST_CASE("what is wrong among many services is told by its place") {
  struct Row {
    const char* list;
    const char* told;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"[{\"name\": \"a\"},\n {\"name\" \"b\"}]", "line 2"},
           {"[{\"name\": \"a\"}, {\"name\": \"b\", \"name\": \"c\"}]", "given twice"},
           {"[{\"name\": \"a\"}, 7]", "services[1]"},
           {"[{\"name\": \"a\"},]", "line 1"},
           {"[{\"name\": \"a\"}], \"services\": []", "given twice"},
           {"{\"a\": {\"name\": \"a\"}}", "services"},
       }) {
    CAPTURE(row.list);
    const auto read = read_settings(SettingsFile{"f", with_services(row.list)}, {});
    REQUIRE_FALSE(read.has_value());
    CHECK(to_string(read.error().front()).find(row.told) != std::string::npos);
  }
}
