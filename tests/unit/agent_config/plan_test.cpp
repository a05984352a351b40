#include "agent_config/plan.hpp"

#include "base/json_text.hpp"
#include "plan_parts.hpp"
#include "test.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

using namespace lictor;
using namespace plan_parts;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Golden {
  const char* name;  // tests/golden/NAME.json
  const char* user;  // /consul/config/consul.json
  std::function<void(Settings&, PlanFacts&)> more = [](Settings&, PlanFacts&) {};
  int http_port = 8500;
  const char* http_address = "127.0.0.1:8500";
};

// A DaemonSet's consul.json as people have it: template, all interfaces, its own idea of data_dir.
const char* daemon_set = R"({
  "datacenter": "dc1", "client_addr": "0.0.0.0", "bind_addr": "{{ GetInterfaceIP \"eth0\" }}",
  "data_dir": "/consul/data", "retry_interval": "20s",
  "retry_join": ["10.111.67.1", "10.111.67.2", "10.111.67.3", "10.111.67.4", "10.111.67.5"],
  "enable_local_script_checks": true, "log_file": "/var/log/", "log_level": "trace",
  "pid_file": "/var/run/consul.pid", "performance": {"raft_multiplier": 1},
  "telemetry": {"prometheus_retention_time": "300s", "disable_hostname": true}})";

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all{
      {"defaults", "{}"},
      {"daemon_set", daemon_set, [](Settings&, PlanFacts& f) { f.data_dir = "/consul/data"; }},
      {"acl", R"({"acl": {"enabled": true, "default_policy": "deny", "tokens": {"default": "d"}}})"},
      {"http_off", R"({"ports": {"http": -1, "https": 8501}, "addresses": {"http": "10.0.0.5", "https": "0.0.0.0"}})",
       [](Settings&, PlanFacts&) {}, -1, "unix:///run/lictor/agent.sock"},
      {"own_listeners", R"({"client_addr": "0.0.0.0", "ports": {"http": 8700},
                            "addresses": {"dns": "127.0.0.1", "http": "unix:///run/app/consul.sock 10.0.0.5 127.0.0.1"}})",
       [](Settings&, PlanFacts&) {}, 8700, "10.0.0.5:8700"},
      {"client_addr", R"({"client_addr": "0.0.0.0"})"},
      {"bind_literal", R"({"bind_addr": "10.0.0.6", "advertise_addr": "192.0.2.7"})",
       [](Settings&, PlanFacts& f) { f.bind.address = "10.0.0.6"; }},
      {"image_variables", R"({"log_level": "warn", "client_addr": "127.0.0.1", "retry_join": ["10.0.0.1"]})",
       [](Settings& s, PlanFacts& f) {
         s.consul_local_config = {{"log_level", "debug"}, {"retry_join", {"10.0.0.2"}}};
         f.client_address = "10.0.0.5";
       },
       8500, "10.0.0.5:8500"},
      {"unix_sockets", R"({"unix_sockets": {"mode": "0777", "user": "consul", "group": "consul"}})"},
  };
  return all;
}

}  // namespace

TEST_CASE("consul.json is what its golden file says", "[plan]") {
  for (const Golden& row : goldens()) {
    CAPTURE(row.name);
    Settings settings;
    PlanFacts f = facts();
    row.more(settings, f);
    const Plan plan = plan_of(Json::parse(row.user), settings, f);
    const std::string path = std::string(LICTOR_SOURCE_DIR "/tests/golden/") + row.name + ".json";
    CHECK(plan.consul_json.dump(2) + "\n" == read_file(path));
    CHECK(plan.http_port == row.http_port);
    CHECK(plan.http_address == row.http_address);
    for (const auto& [key, value] : plan.consul_json.items()) {
      INFO("origin of " << key);
      CHECK(plan.origins.count(key) == 1);
    }
  }
}

TEST_CASE("the user's other settings stay to the letter", "[plan]") {
  const Json user = Json::parse(R"({"services": [{"name": "a", "port": 1}], "service": {"name": "b"},
      "checks": [{"name": "c", "ttl": "1s"}], "watches": [{"type": "key", "key": "k", "args": ["x"]}],
      "node_meta": {"a": "b"}, "encrypt": "pUqJrVyVRj5jsiYEkM/tFQ==", "addresses": {"dns": "127.0.0.1"},
      "ports": {"dns": 53, "http": 8700}, "acl": {"default_policy": "deny"}, "limits": {"rpc_rate": 1.5}})");
  const Json made = plan_of(user).consul_json;
  for (const auto& [key, value] : user.items()) {
    CAPTURE(key);
    if (key == "addresses") {
      CHECK(made.at(key).at("dns") == "127.0.0.1");
    } else {
      CHECK(made.at(key) == value);
    }
  }
}

TEST_CASE("a consul.json of lictor's own is taken as it is", "[plan]") {
  for (const Golden& row : goldens()) {
    CAPTURE(row.name);
    const Plan first = plan_of(Json::parse(row.user));
    CHECK(plan_of(first.consul_json).consul_json == first.consul_json);
  }
}

TEST_CASE("where other programs find the agent", "[plan]") {
  struct Row {
    const char* user;
    int port;
    const char* address;
    const char* listeners;
  };
  const std::string own = " unix:///run/lictor/agent.sock";
  for (const Row& row : std::initializer_list<Row>{
           {R"({"client_addr": "::"})", 8500, "[::1]:8500", "::"},
           {R"({"client_addr": "fd00::5 127.0.0.1"})", 8500, "[fd00::5]:8500", "fd00::5 127.0.0.1"},
           {R"({"addresses": {"http": ""}, "client_addr": "10.0.0.9"})", 8500, "10.0.0.9:8500", "10.0.0.9"},
           {R"({"addresses": {"http": "unix:///a.sock\n10.0.0.9\t127.0.0.1"}})", 8500, "10.0.0.9:8500",
            "unix:///a.sock\n10.0.0.9\t127.0.0.1"},
           {R"({"addresses": {"http": "unix:///a.sock"}})", -1, "unix:///a.sock", "unix:///a.sock"},
           {R"({"client_addr": ""})", -1, "unix:///run/lictor/agent.sock", ""},
           {R"({"ports": {"http": 0}})", -1, "unix:///run/lictor/agent.sock", ""},
       }) {
    CAPTURE(row.user);
    const Plan plan = plan_of(Json::parse(row.user));
    CHECK(plan.http_port == row.port);
    CHECK(plan.http_address == row.address);
    CHECK(plan.consul_json.at("addresses").at("http") == (*row.listeners ? row.listeners + own : own.substr(1)));
  }
  CHECK(plan_of(Json::parse(R"({"ports": {"serf_lan": 9301}})")).serf_port == 9301);
  CHECK(plan_of(Json::object()).serf_port == 8301);
}

TEST_CASE("a value that gives way is told of, in one line", "[plan]") {
  struct Row {
    const char* user;
    const char* key;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"unix_sockets": {"mode": "0755"}})", "unix_sockets"},
           {R"({"leave_on_terminate": true})", "leave_on_terminate"},
           {R"({"skip_leave_on_interrupt": false})", "skip_leave_on_interrupt"},
           {R"({"advertise_addr": "somewhere"})", "advertise_addr"},
           {R"({"ports": {"http": -1}})", "ports.http"},
           {R"({"node_name": "another"})", "node_name"},
           {R"({"data_dir": "/another"})", "data_dir"},
       }) {
    CAPTURE(row.user);
    const auto notices = plan_of(Json::parse(row.user)).notices;
    REQUIRE(notices.size() == 1);
    CHECK(notices[0].compare(0, std::string(row.key).size(), row.key) == 0);
  }
  CHECK(plan_of(Json::object()).notices.empty());
  PlanFacts f = facts();
  f.bind.notice = "bind_addr: all addresses give way";
  f.template_notices = {"client_addr: a template"};
  CHECK(plan_of(Json::object(), {}, f).notices ==
        std::vector<std::string>{"client_addr: a template", "bind_addr: all addresses give way"});
}

TEST_CASE("the recovery token is written only where ACLs are on and the user has none", "[plan]") {
  const std::string fresh = facts().recovery_token;
  struct Row {
    const char* user;
    std::string token;
    bool written;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({})", "", false},
           {R"({"acl": {"enabled": false}})", "", false},
           {R"({"acl": {"enabled": true}})", fresh, true},
           {R"({"acl": {"enabled": true, "tokens": {"agent_master": ""}}})", fresh, true},
           {R"({"acl_datacenter": "dc1"})", fresh, true},
           {R"({"acl_datacenter": "dc1", "acl": {"enabled": false}})", fresh, true},
           {R"({"acl_datacenter": "", "acl": {"enabled": false}})", "", false},
           {R"({"acl": {"enabled": true, "tokens": {"agent_master": "m"}}})", "m", false},
           {R"({"acl": {"enabled": true, "tokens": {"agent_recovery": "r"}}})", "r", false},
           {R"({"acl": {"enabled": true}, "acl_agent_master_token": "l"})", "l", false},
       }) {
    CAPTURE(row.user);
    const Json user = Json::parse(row.user);
    const Plan plan = plan_of(user);
    CHECK(plan.token == row.token);
    CHECK((plan.consul_json.dump().find(fresh) != std::string::npos) == row.written);
    if (!row.written && user.contains("acl")) CHECK(plan.consul_json.at("acl") == user.at("acl"));
  }
}

TEST_CASE("the recovery token has the name that the agent's version knows", "[plan]") {
  const Json user{{"acl", {{"enabled", true}, {"tokens", {{"default", "d"}}}}}};
  for (const auto& [version, key] :
       std::vector<std::pair<std::optional<AgentVersion>, std::string>>{{std::nullopt, "agent_master"},
                                                                        {AgentVersion{1, 10, 12}, "agent_master"},
                                                                        {AgentVersion{1, 11, 0}, "agent_recovery"},
                                                                        {AgentVersion{1, 21, 4}, "agent_recovery"}}) {
    PlanFacts f = facts();
    f.agent_version = version;
    CHECK(plan_of(user, {}, f).consul_json.at("acl").at("tokens") == Json{{"default", "d"}, {key, f.recovery_token}});
  }
}

TEST_CASE("acl_datacenter turns ACLs on; up to 1.10 acl.enabled can turn them off again", "[plan]") {
  const Json user{{"acl_datacenter", "dc1"}, {"acl", {{"enabled", false}}}};
  PlanFacts f = facts();
  f.agent_version = AgentVersion{1, 10, 12};
  CHECK(plan_of(user, {}, f).token.empty());
  CHECK(plan_of(user, {}, f).notices.empty());
  f.agent_version = AgentVersion{1, 11, 0};
  const Plan plan = plan_of(user, {}, f);
  CHECK(plan.token == f.recovery_token);
  REQUIRE(plan.notices.size() == 1);
  CHECK_THAT(plan.notices.front(), Contains("acl_datacenter") && Contains("primary_datacenter"));
}

TEST_CASE("node metadata", "[plan]") {
  Settings settings;
  settings.node.meta = {{"rack", "${RACK}"}, {"zone", "b"}};
  PlanFacts f = facts();
  f.environment = {{"RACK", "r1"}};
  const Json user{{"node_meta", {{"zone", "a"}, {"host", "${RACK}-host"}, {"price", "$$5"}}}};
  const Plan plan = plan_of(user, settings, f);
  CHECK(plan.consul_json.at("node_meta") == Json{{"zone", "b"}, {"host", "r1-host"}, {"rack", "r1"}, {"price", "$$5"}});
  CHECK(plan.origins.at("node_meta") == "/consul/config/consul.json, node.meta");

  f.environment.clear();
  const Problems problems = problems_of(user, settings, f);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].what == "node_meta.host");
  CHECK(problems[1].what == "node.meta.rack");
  CHECK(problems[1].why.find("${RACK}") != std::string::npos);
}

TEST_CASE("what can't work is refused, all at once", "[plan]") {
  struct Row {
    const char* user;
    const char* what;
  };
  for (const Row& row : std::initializer_list<Row>{
           {R"({"server": true})", "server"},
           {R"({"bootstrap": true})", "bootstrap"},
           {R"({"bootstrap_expect": 3})", "bootstrap_expect"},
           {R"({"addresses": "0.0.0.0"})", "addresses"},
           {R"({"addresses": {"http": ["127.0.0.1"]}})", "addresses.http"},
           {R"({"client_addr": ["127.0.0.1"]})", "client_addr"},
           {R"({"ports": {"http": "8500"}})", "ports.http"},
           {R"({"acl": {"enabled": true, "tokens": "x"}})", "acl.tokens"},
           {R"({"node_meta": ["a"]})", "node_meta"},
       }) {
    CAPTURE(row.user);
    const Problems problems = problems_of(Json::parse(row.user));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].what == row.what);
    CHECK(problems[0].exit == Exit::config);
    CHECK(!problems[0].hint.empty());
  }
  CHECK(problems_of(Json::parse(R"({"server": true, "bootstrap": true, "ports": {"http": "x"}})")).size() == 3);
  plan_of(Json::parse(R"({"server": false, "bootstrap_expect": 0})"));

  for (const auto& [arg, what] : std::initializer_list<std::pair<const char*, const char*>>{
           {"-server", "server"}, {"--dev", "agent.args"}, {"-bootstrap-expect=1", "bootstrap_expect"}}) {
    CAPTURE(arg);
    Settings settings;
    settings.agent.args = {arg};
    CHECK(problems_of(Json::object(), settings).at(0).what == what);
  }
  Settings harmless;
  harmless.agent.args = {"-server=false", "-node-meta", "server:x"};
  plan_of(Json::object(), harmless);

  PlanFacts f = facts();
  f.api_socket = "/" + std::string(120, 'x');
  CHECK(problems_of(Json::object(), {}, f).at(0).what == "run_dir");
}

TEST_CASE("start_join and -join are joined like retry_join, which waits for servers", "[plan]") {
  Settings settings;
  settings.agent.args = {"-join=10.0.0.1", "--join", "10.0.0.2", "-join-wan=far", "-node=-join"};
  const Plan plan = plan_of(Json::parse(R"({"retry_join": ["a"], "start_join": ["b", "c"]})"), settings);
  CHECK(plan.consul_json.at("retry_join") == Json{"a", "b", "c"});
  CHECK_FALSE(plan.consul_json.contains("start_join"));
  CHECK(std::vector<std::string>(plan.argv.begin() + 2, plan.argv.begin() + 7) ==
        std::vector<std::string>{"-retry-join=10.0.0.1", "--retry-join", "10.0.0.2", "-join-wan=far", "-node=-join"});
  CHECK(plan.notices.size() == 4);  // and of -node
  CHECK(plan_of(Json::parse(R"({"start_join": ["b"]})")).consul_json.at("retry_join") == Json::array({"b"}));
  // What Consul refuses it is to refuse itself.
  CHECK(plan_of(Json::parse(R"({"start_join": "b"})")).consul_json.at("start_join") == "b");
}

TEST_CASE("auto_reload_config is turned off where the user has turned it on, and not mentioned elsewhere", "[plan]") {
  CHECK_FALSE(plan_of(Json::object()).consul_json.contains("auto_reload_config"));  // unknown up to Consul 1.11
  const Plan off = plan_of(Json::parse(R"({"auto_reload_config": false})"));
  CHECK(off.notices.empty());
  const Plan plan = plan_of(Json::parse(R"({"auto_reload_config": true})"));
  CHECK(plan.consul_json.at("auto_reload_config") == false);
  CHECK(plan.notices.size() == 1);
  Settings settings;
  settings.agent.args = {"-auto-reload-config"};
  const Plan by_argument = plan_of(Json::object(), settings);
  CHECK(by_argument.argv.back() == "-hcl={\"auto_reload_config\":false}");
  CHECK(by_argument.effective.merged.at("auto_reload_config") == false);
  CHECK(by_argument.notices.size() == 1);
}

TEST_CASE("argv: the user's folders, the user's arguments, lictor's file", "[plan]") {
  Settings settings;
  settings.agent.config_dirs = {"/consul/config", "/etc/consul.d"};
  settings.agent.args = {"-log-level=debug"};
  CHECK(plan_of(Json::object(), settings).argv ==
        std::vector<std::string>{"/usr/bin/consul", "agent", "-config-dir=/consul/config", "-config-dir=/etc/consul.d",
                                 "-log-level=debug", "-config-file=/run/lictor/consul.json"});
}

TEST_CASE("the agent's environment", "[plan]") {
  Settings settings;
  settings.agent.env = {{"EXTRA", "1"}, {"PATH", "/opt"}};
  PlanFacts f = facts();
  f.limits = {2, 943718400};
  f.environment = {{"PATH", "/bin"},          {"LICTOR_LOG_LEVEL", "debug"}, {"CONSUL_LOCAL_CONFIG", "{}"},
                   {"CONSUL_UID", "1"},       {"CONSUL_HTTP_TOKEN", "t"},    {"NOTIFY_SOCKET", "/run/systemd/notify"},
                   {"CONSUL_CONFIG_DIR", "x"}};
  CHECK(
      plan_of(Json::object(), settings, f).environment ==
      std::vector<std::string>{"CONSUL_HTTP_TOKEN=t", "EXTRA=1", "GOMAXPROCS=2", "GOMEMLIMIT=943718400", "PATH=/opt"});

  // Of a user that is not lictor's own the variables that tell who it is are its, unless somebody has said otherwise.
  f.user = "consul";
  f.home = "/var/lib/consul";
  f.environment = {{"HOME", "/root"}, {"USER", "root"}, {"CONSUL_ALLOW_PRIVILEGED_PORTS", ""}};
  f.limits = {};
  settings.agent.env = {{"USER", "other"}};
  CHECK(plan_of(Json::object(), settings, f).environment ==
        std::vector<std::string>{"HOME=/var/lib/consul", "LOGNAME=consul", "USER=other"});
  f.user = f.home = "";
  f.limits = {2, 943718400};

  f.environment = {{"GOMAXPROCS", "7"}};
  settings.agent.env = {{"GOMEMLIMIT", "1GiB"}};
  CHECK(plan_of(Json::object(), settings, f).environment ==
        std::vector<std::string>{"GOMAXPROCS=7", "GOMEMLIMIT=1GiB"});
}

TEST_CASE("no proxy of the agent's environment is asked for its own addresses", "[plan]") {
  Settings settings;
  PlanFacts f = facts();
  f.limits = {};
  const std::string own = f.bind.address + ",127.0.0.1";  // that, and where HTTP is by default
  struct Row {
    Environment given;
    std::string upper, lower;  // NO_PROXY and no_proxy; "-": not there
  };
  const Row rows[] = {
      {{}, "-", "-"},
      {{{"NO_PROXY", "x"}}, "x", "-"},
      {{{"HTTP_PROXY", ""}}, "-", "-"},
      {{{"HTTP_PROXY", "p"}}, own, own},
      {{{"https_proxy", "p"}, {"NO_PROXY", "x, y"}}, "x, y," + own, "-"},
      {{{"ALL_PROXY", "p"}, {"no_proxy", "x"}}, "-", "x," + own},
      {{{"all_proxy", "p"}, {"NO_PROXY", ""}, {"no_proxy", "x"}}, "", "x," + own},
      {{{"http_proxy", "p"}, {"NO_PROXY", "*"}}, "*", "-"},
      {{{"HTTPS_PROXY", "p"}, {"NO_PROXY", "x," + own}}, "x," + own, "-"},
  };
  const auto value = [](const std::vector<std::string>& variables, const std::string& name) {
    for (const std::string& variable : variables) {
      if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
    }
    return std::string("-");
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    f.environment = row.given;
    const auto variables = plan_of(Json::object(), settings, f).environment;
    CHECK(value(variables, "NO_PROXY") == row.upper);
    CHECK(value(variables, "no_proxy") == row.lower);
  }
  f.environment = {{"HTTP_PROXY", "p"}};
  const Json user{{"client_addr", "127.0.0.1 10.9.9.9 0.0.0.0"}, {"addresses", {{"https", "fd00::9"}}}};
  CHECK(value(plan_of(user, settings, f).environment, "NO_PROXY") == own + ",10.9.9.9,fd00::9");
}

TEST_CASE("variables that only look like lictor's go to the agent", "[plan]") {
  PlanFacts f = facts();
  f.limits = {};
  f.environment = {{"LICTOR_PROJECT", "$$"}, {"LICTOR_SERVICE_HOST", "h"},  {"LICTOR_GRACE", "30s"},
                   {"LICTOR_CONFIG", "x"},   {"LICTOR_CONTROL_GROUP", "g"}, {"LICTOR_NODE_ID", "i"}};
  CHECK(plan_of(Json::object(), Settings(), f).environment ==
        std::vector<std::string>{"LICTOR_PROJECT=$$", "LICTOR_SERVICE_HOST=h"});
}

TEST_CASE("origins name the source of each value", "[plan]") {
  Settings settings;
  settings.agent.config = {{"log_level", "info"}, {"retry_join", {"b"}}};
  settings.consul_local_config = {{"log_level", "debug"}};
  const AgentConfig config =
      merge_agent_config({{"a.json", {{"log_level", "warn"}, {"retry_join", {"a"}}, {"datacenter", "dc1"}}}}, settings);
  const ResultAll<Plan> plan = make_plan(settings, config, facts());
  REQUIRE(plan.has_value());
  CHECK(plan->origins.at("log_level") == "CONSUL_LOCAL_CONFIG");
  CHECK(plan->origins.at("retry_join") == "a.json, agent.config");
  CHECK(plan->origins.at("datacenter") == "a.json");
  CHECK(plan->origins.at("bind_addr") == "eth0, by bind.interface eth*");
  CHECK(plan->origins.at("unix_sockets") == "lictor");
}

TEST_CASE("no secret is shown", "[plan]") {
  const Json config = Json::parse(R"({
      "encrypt": "SECRET", "acl": {"enabled": true, "tokens": {"default": "SECRET", "agent_master": "SECRET",
      "managed_service_provider": [{"accessor_id": "SECRET", "secret_id": "SECRET"}]}},
      "acl_token": "SECRET", "acl_agent_master_token": "SECRET", "acl_datacenter": "dc1",
      "services": [{"name": "a", "token": "SECRET", "check": {"http": "http://a", "header":
        {"Authorization": ["Basic SECRET"], "X-Consul-Token": ["SECRET"], "Accept": ["text/plain"]}}}],
      "connect": {"ca_config": {"private_key": "SECRET", "token": "SECRET", "address": "https://vault"}},
      "telemetry": {"circonus_api_token": "SECRET"}, "key_file": "/k.pem", "translate_wan_addrs": true,
      "watches": [{"type": "key", "key": "shown", "token": "SECRET"}],
      "auto_encrypt": {"tls": true, "dns_san": ["shown"]},
      "checks": [{"name": "c", "http": "https://u:SECRET@host:1/a?b=c&token=SECRET&d=e",
                  "header": {"X-Odd": ["SECRET"], "X-Api-Key": ["SECRET"]}}],
      "retry_join": ["10.0.0.1", "provider=aws region=eu secret_access_key=SECRET tag_key=k",
                     "provider=os password=\"SECRET SECRET\" user_name=u"]})");
  const Json shown = without_secrets(config);
  INFO(shown.dump(2));
  CHECK(shown.dump().find("SECRET") == std::string::npos);
  CHECK(shown.at("acl").at("enabled") == true);
  CHECK(shown.at("acl").at("tokens").at("default") == "***");
  CHECK(shown.at("acl_datacenter") == "dc1");
  CHECK(shown.at("key_file") == "/k.pem");
  CHECK(shown.at("watches")[0].at("key") == "shown");
  CHECK(shown.at("services")[0].at("check").at("header").at("Accept") ==
        config.at("services")[0].at("check").at("header").at("Accept"));
  CHECK(shown.at("checks")[0].at("http") == "https://u:***@host:1/a?b=c&token=***&d=e");
  CHECK(shown.at("auto_encrypt") == config.at("auto_encrypt"));
  CHECK(shown.at("retry_join") == Json{"10.0.0.1", "provider=aws region=eu secret_access_key=*** tag_key=k",
                                       "provider=os password=*** user_name=u"});
  const Json harmless = plan_of(Json::parse(daemon_set)).consul_json;
  CHECK(without_secrets(harmless) == harmless);
  // The digest is that of what is shown, whatever the secrets are.
  for (const Json& value : {config, harmless, Json(), Json::array(), Json::object(), Json("a\"\n\xc3\xa9"), Json(1.5),
                            Json{{"a", {{"b", {}}, {"c", "\xff"}}}}}) {
    CAPTURE(value.type_name());
    CHECK(digest_without_secrets(value) == fnv1a(json_text(without_secrets(value))));
  }
}
