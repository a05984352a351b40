#include "agent_config/start_faults.hpp"

#include "agent_config/outlived_settings.hpp"
#include "agent_config/plan.hpp"

#include "test.hpp"

#include <string>
#include <vector>

using namespace lictor;

namespace {

const std::string no_certificate = "x";

AgentSettings settings(const char* json, std::vector<std::string> args = {}) {
  Settings of;
  of.agent.args = std::move(args);
  return merge_agent_config({{"a.json", Json::parse(json)}}, of).effective();
}

// Of a host with 10.0.0.5, where a folder /log and a file /file that holds no certificate are all there is.
StartFacts host() {
  StartFacts facts;
  facts.addresses = {"10.0.0.5", "fd00::5"};
  for (const char* path : {"/gone", "/gone/x", "/also/gone"}) facts.files[path] = {};
  facts.files["/log"] = {FileLook::folder, "", true, true};
  facts.files["/closed"] = {FileLook::folder, "", false, false};
  facts.files["/file"] = {FileLook::file, no_certificate, false, false};
  facts.files["/secret"] = {FileLook::unreadable, "", false, false};
  facts.files["/ca"] = {FileLook::file, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", false, false};
  return facts;
}

// The subjects of what is found.
std::string found(const AgentSettings& all, const StartFacts& facts = host()) {
  std::string subjects;
  for (const Problem& problem : start_faults(all, facts)) {
    const bool of_tls = problem.what.find("_file (") != std::string::npos || problem.what.starts_with("ca_path");
    const bool missing = problem.why.find("gone: no such ") != std::string::npos || problem.why.ends_with("is empty");
    const bool may_come = missing && of_tls && !problem.what.starts_with("log_file");
    CHECK(problem.exit == (may_come ? Exit::retry : Exit::config));
    CHECK_FALSE(problem.hint.empty());
    subjects += (subjects.empty() ? "" : ", ") + problem.what;
  }
  return subjects;
}

}  // namespace

TEST_CASE(
    "files of TLS that are missing or empty may yet come; what is there and wrong, and what is not TLS, is none of "
    "them") {
  const auto missing = [](const char* text) {
    std::string subjects;
    const StartFacts facts = host();
    for (const Problem& problem : tls_files_missing(settings(text), facts.files)) subjects += problem.what + "; ";
    return subjects;
  };
  CHECK(missing(R"({"ca_file": "/gone", "log_file": "/gone/x"})") == "ca_file (a.json); ");
  CHECK(missing(R"({"cert_file": "/gone", "key_file": "/also/gone"})") == "cert_file (a.json); key_file (a.json); ");
  CHECK(missing(R"({"cert_file": "/gone"})").empty());  // without a key it is not read
  CHECK(missing(R"({"ca_path": "/log"})") == "ca_path (a.json); ");
  CHECK(missing(R"({"ca_file": "/file"})").empty());
  CHECK(missing(R"({"ca_file": "/secret"})").empty());
  CHECK(tls_paths(settings(R"({"tls": {"https": {"key_file": "/k"}}, "log_file": "/log/x"})")) ==
        std::vector<std::string>{"/k"});
}

TEST_CASE("start faults: ports that need a right which the agent's user lacks") {
  StartFacts facts = host();
  const char* low = R"({"ports": {"dns": 53, "http": 80, "https": 8443, "grpc": -1, "server": 300}})";
  CHECK(found(settings(low), facts).empty());
  facts.unprivileged_from = 1024;
  CHECK(found(settings(low), facts) == "ports.dns (a.json), ports.http (a.json)");
  facts.unprivileged_from = 80;
  CHECK(found(settings(low), facts) == "ports.dns (a.json)");
  // The port of a socket is none.
  facts.unprivileged_from = 1024;
  CHECK(found(settings(R"({"ports": {"https": 443}, "addresses": {"https": "unix:///log/x"}})"), facts).empty());
}

TEST_CASE("start faults: what a start does not survive is found, with its key and where that is from") {
  const std::vector<std::pair<const char*, const char*>> rows{
      {R"({"log_level": "warning"})", "log_level (a.json)"},
      {R"({"log_level": ""})", "log_level (a.json)"},
      {R"({"encrypt": "YWJj"})", "encrypt (a.json)"},
      {R"({"ca_file": "/gone"})", "ca_file (a.json)"},
      {R"({"ca_file": "/secret"})", "ca_file (a.json)"},
      {R"({"ca_file": "/log"})", "ca_file (a.json)"},
      {R"({"ca_file": "/file"})", "ca_file (a.json)"},
      {R"({"ca_path": "/gone"})", "ca_path (a.json)"},
      {R"({"ca_path": "/log"})", "ca_path (a.json)"},
      {R"({"cert_file": "/gone", "key_file": "/also/gone"})", "cert_file (a.json), key_file (a.json)"},
      {R"({"cert_file": "/ca", "key_file": "/file"})", "key_file (a.json)"},
      {R"({"tls": {"defaults": {"ca_file": "/gone"}}})", "tls.defaults.ca_file (a.json)"},
      {R"({"tls": {"defaults": {"ca_file": "/ca"}, "https": {"ca_file": "/gone"}}})", "tls.https.ca_file (a.json)"},
      {R"({"verify_outgoing": true})", "verify_outgoing (a.json)"},
      {R"({"verify_server_hostname": true})", "verify_server_hostname (a.json)"},
      {R"({"verify_outgoing": true, "auto_encrypt": {"tls": true}})", "verify_outgoing (a.json)"},
      {R"({"tls": {"internal_rpc": {"verify_outgoing": true}}})", "tls.internal_rpc.verify_outgoing (a.json)"},
      {R"({"verify_incoming": true})", "verify_incoming (a.json)"},
      {R"({"verify_incoming_https": true})", "verify_incoming_https (a.json)"},
      {R"({"verify_incoming": true, "ca_file": "/ca"})", "verify_incoming (a.json)"},
      {R"({"log_file": "/gone/consul.log"})", "log_file (a.json)"},
      {R"({"log_file": "/gone/"})", "log_file (a.json)"},
      {R"({"log_file": "/closed/consul.log"})", "log_file (a.json)"},
      {R"({"addresses": {"http": "unix:///gone/http.sock"}})", "addresses.http (a.json)"},
      {R"({"client_addr": "10.0.0.5 10.9.9.9"})", "client_addr (a.json)"},
      {R"({"client_addr": "10.9.9.9", "addresses": {"http": "10.9.9.9"}})", "client_addr (a.json)"},
      {R"({"addresses": {"dns": "10.9.9.9"}})", "addresses.dns (a.json)"},
      {R"({"addresses": {"https": "fd00::6"}, "ports": {"https": 8501}})", "addresses.https (a.json)"},
      {R"({"serf_lan": "10.9.9.9"})", "serf_lan (a.json)"},
      {R"({"recursors": ["8.8.8.8:x"]})", "recursors (a.json)"},
      {R"({"recursors": ["not an address"]})", "recursors (a.json)"},
      {R"({"services": [{"port": 80}]})", "services[0] (a.json)"},
      {R"({"service": {"id": "web"}})", "service (a.json)"},
      {R"({"checks": [{"id": "a", "args": ["/bin/true"], "interval": "9s"}]})", "checks[0] (a.json)"},
      {R"({"services": [{"name": "w", "check": {"ScriptArgs": ["/bin/true"], "interval": "9s"}}]})",
       "services[0].check (a.json)"},
      {R"({"check": {"id": "a"}})", "check (a.json)"},
      {R"({"checks": [{"id": "a", "http": "http://x/"}]})", "checks[0] (a.json)"},
      {R"({"checks": [{"id": "a", "tcp": "x:1", "interval": "0s"}]})", "checks[0] (a.json)"},
      {R"({"checks": [{"id": "a", "ttl": "9s", "interval": "9s"}]})", "checks[0] (a.json)"},
      {R"({"watches": [{"type": "node", "args": ["/bin/true"]}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"args": ["/bin/true"]}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "connect_roots", "args": ["/bin/true"]}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "nodes"}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "nodes", "handler": "x", "args": ["/bin/true"]}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "nodes", "handler_type": "htp"}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "nodes", "handler_type": "http", "http_handler_config": {}}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "key", "args": ["/bin/true"]}]})", "watches[0] (a.json)"},
      {R"({"watches": [{"type": "checks", "service": "a", "state": "passing", "args": ["/x"]}]})",
       "watches[0] (a.json)"},
  };
  for (const auto& [json, subjects] : rows) {
    INFO(json);
    CHECK(found(settings(json)) == subjects);
  }
}

TEST_CASE("start faults: nothing is said of what an agent starts with") {
  for (const char* json : {
           R"({})",
           R"({"log_level": "ERR"})",
           R"({"encrypt": "pUqJrVyVRj5jsiYEkM/tFQ=="})",
           R"({"ca_file": "/ca", "verify_outgoing": true, "verify_server_hostname": true})",
           R"({"ca_file": "/ca", "verify_incoming": true, "auto_encrypt": {"tls": true}})",
           R"({"ca_file": "/ca", "ca_path": "/gone"})",
           R"({"cert_file": "/gone"})",
           R"({"key_file": "/gone"})",
           R"({"log_file": "consul.log"})",
           R"({"log_file": "/log/consul.log"})",
           R"({"client_addr": "0.0.0.0 127.0.0.2 ::1 FD00:0::5"})",
           R"({"client_addr": "{{ GetInterfaceIP \"eth9\" }}"})",
           R"({"client_addr": "{{ GetPrivateIP }} 10.9.9.9"})",
           R"({"addresses": {"https": "10.9.9.9", "grpc": "10.9.9.9"}})",
           R"({"client_addr": "10.9.9.9", "ports": {"dns": -1, "http": -1}})",
           R"({"recursors": ["8.8.8.8", "8.8.8.8:53", "::1", "[::1]:53", "dns.example", "{{ GetPrivateIP }}", ""]})",
           R"({"enable_local_script_checks": true, "checks": [{"id": "a", "args": ["/x"], "interval": "9s"}]})",
           R"({"checks": [{"id": "a", "alias_node": "x"}, {"id": "b", "ttl": "9s"}, {}]})",
           R"({"checks": [{"id": "a", "of_a_kind_to_come": "x", "interval": "9s"}]})",
           R"({"watches": [{"type": "nodes", "args": []}, {"type": "event", "handler": "/x"}]})",
           R"({"watches": [{"type": "keyprefix", "prefix": "a", "args": ["/x"]}]})",
           R"({"watches": [{"type": "nodes", "handler_type": "http", "http_handler_config": {"path": "http://x"}}]})",
           R"({"log_level": 3, "services": "x", "checks": {"a": 1}, "watches": 7, "tls": [], "recursors": "x"})",
       }) {
    INFO(json);
    CHECK(found(settings(json)) == "");
  }
}

TEST_CASE("start faults: flags count, and beat the settings") {
  CHECK(found(settings(R"({"log_level": "bogus"})", {"-log-level=debug"})) == "");
  CHECK(found(settings(R"({"log_level": "debug"})", {"--log-level", "bogus"})) == "log_level (agent.args -log-level)");
  CHECK(found(settings("{}", {"-log-file=/gone/x.log"})) == "log_file (agent.args -log-file)");
  const char* script = R"({"checks": [{"id": "a", "args": ["/bin/true"], "interval": "9s"}]})";
  CHECK(found(settings(script, {"-enable-local-script-checks"})) == "");
  CHECK(found(settings(script, {"-enable-script-checks=false"})) == "checks[0] (a.json)");
  CHECK(found(settings(R"({"client_addr": "10.9.9.9"})", {"-client=0.0.0.0"})) == "");
}

TEST_CASE("start faults: what is not looked at is not judged") {
  StartFacts facts = host();
  facts.keyring = true;
  CHECK(found(settings(R"({"encrypt": "YWJj"})"), facts) == "");
  facts.any_address = true;
  CHECK(found(settings(R"({"client_addr": "10.9.9.9"})"), facts) == "");
  CHECK(found(settings(R"({"ca_file": "/not/looked/at", "log_file": "/nor/here/x"})")) == "");
}

TEST_CASE("start faults: no secret is shown") {
  for (const Problem& problem : start_faults(settings(R"({"encrypt": "bm90IGEga2V5"})"), host()))
    CHECK(to_string(problem).find("bm90") == std::string::npos);
}

TEST_CASE("outlived settings: by version, each with what takes its place") {
  const auto outlived = [](const char* json, AgentVersion version) {
    std::string lines;
    for (const Problem& problem : outlived_settings(settings(json), version, "X")) lines += to_string(problem) + "\n";
    return lines;
  };
  const struct {
    const char *json, *key;
    AgentVersion last, first;
  } rows[] = {
      {R"({"connect": {"proxy_defaults": {}}})", "connect.proxy_defaults", {1, 5, 3}, {1, 6, 0}},
      {R"({"raft_protocol": 2})", "raft_protocol", {1, 8, 19}, {1, 9, 0}},
      {R"({"acl": {"disabled_ttl": "1s"}})", "acl.disabled_ttl", {1, 10, 12}, {1, 11, 0}},
      {R"({"telemetry": {"disable_compat_1.9": true}})", "telemetry.disable_compat_1.9", {1, 12, 9}, {1, 13, 0}},
      {R"({"ports": {"grpc": 8502}, "cert_file": "c", "key_file": "k"})", "ports.grpc", {1, 13, 9}, {1, 14, 0}},
      {R"({"ports": {"grpc": 8502}, "auto_encrypt": {"tls": true}, "tls": {"grpc": {"use_auto_cert": true}}})",
       "ports.grpc",
       {1, 13, 9},
       {1, 14, 0}},
      {R"({"connect": {"enable_serverless_plugin": true}})",
       "connect.enable_serverless_plugin",
       {1, 14, 11},
       {1, 15, 0}},
  };
  for (const auto& row : rows) {
    INFO(row.json);
    CHECK(outlived(row.json, row.last) == "");
    CHECK(outlived(row.json, row.first).starts_with(std::string(row.key) + " (a.json): "));
    CHECK(outlived(row.json, {2, 1, 0}).starts_with(std::string(row.key) + " (a.json): "));
  }
  CHECK(
      outlived(R"({"ports": {"grpc": 8502}, "cert_file": "c"})", {1, 21, 4}).find(R"("grpc": -1, "grpc_tls": 8502)") !=
      std::string::npos);
  CHECK(outlived(R"({"ports": {"grpc": 8502, "grpc_tls": -1}, "cert_file": "c"})", {1, 21, 4}) == "");
  CHECK(outlived(R"({"ports": {"grpc": 8502}})", {1, 21, 4}) == "");
  CHECK(outlived(R"({"raft_protocol": 3, "acl": {"enabled": true}})", {1, 21, 4}) == "");
}
