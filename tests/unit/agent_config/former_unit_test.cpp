// What an agent's own unit gives it, and what becomes of that under lictor: agent_config/former_unit.hpp.
#include "agent_config/former_unit.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

using Words = std::vector<std::string>;

std::optional<Words> arguments(const Words& texts, const std::map<std::string, std::string>& files = {}) {
  return unit_arguments(texts, [&](const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

// A node that keeps all, but for what a test changes.
Move move_to(const AgentSettings& settings, const Words& arguments) {
  return {.unit = "consul.service",
          .enabled = true,
          .running = true,
          .flags = read_agent_flags(arguments),
          .unread = {},
          .settings = settings,
          .data_dir = "/opt/consul",
          .name = "web1",
          .id = "an-id",
          .address = "10.0.0.5",
          .same_id = true,
          .registered = {},
          .added = {},
          .own_socket = "unix:///run/lictor/agent/http.sock"};
}

AgentSettings settings_of(const Json& content) {
  AgentSettings settings;
  settings.add({"/etc/consul.d/consul.hcl", content});
  return settings;
}

}  // namespace

TEST_CASE("a unit's arguments: behind `agent` of its last ExecStart, by systemd's rules") {
  struct Row {
    Words texts;
    std::optional<Words> arguments;
  };
  const std::vector<Row> rows{
      {{"[Service]\nExecStart=/usr/bin/consul agent -config-dir=/etc/consul.d/\n"},
       Words{"-config-dir=/etc/consul.d/"}},
      {{"ExecStart = /usr/bin/consul agent  -a \\\n  -b\n"}, Words{"-a", "-b"}},
      {{"ExecStart=/bin/consul agent \"-hcl=a = 1\" -node='x y'"}, Words{"-hcl=a = 1", "-node=x y"}},
      // A drop-in takes its place.
      {{"ExecStart=/bin/consul agent -a", "[Service]\nExecStart=\nExecStart=/bin/consul agent -b"}, Words{"-b"}},
      {{"ExecStart=/bin/consul agent -a", "ExecStart=\nExecStart=/usr/bin/lictor run"}, std::nullopt},
      {{"#ExecStart=/bin/consul agent\n;ExecStart=/bin/consul agent"}, std::nullopt},
      {{"ExecStart=/bin/consul"}, std::nullopt},
      {{""}, std::nullopt},
      {{}, std::nullopt},
      // Variables: of the unit, and of files, which come after it.
      {{"Environment=\"ARGS=-a -b\" N=1\nExecStart=/bin/consul agent $ARGS -node=${N}-${NONE}x $NONE"},
       Words{"-a", "-b", "-node=1-x"}},
      {{"Environment=ARGS=-a\nEnvironmentFile=-/etc/default/consul\nExecStart=/bin/consul agent $ARGS"},
       Words{"-data-dir=/var/lib/consul", "-ui"}},
      {{"EnvironmentFile=/none\nExecStart=/bin/consul agent $ARGS ${OPEN"}, Words{"${OPEN"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.texts);
    CHECK(arguments(row.texts, {{"/etc/default/consul", "# as it comes\nARGS=\"-data-dir=/var/lib/consul -ui\"\n"}}) ==
          row.arguments);
  }
}

TEST_CASE("a move: what is kept is told") {
  const AgentSettings settings = settings_of(Json::parse(R"({
    "client_addr": "0.0.0.0", "ports": {"grpc": 8502, "dns": 53, "https": -1},
    "addresses": {"http": "10.0.0.5 unix:///run/http.sock unix:///run/lictor/agent/http.sock"},
    "services": [{"name": "web"}, {"id": "x"}], "retry_join": ["10.0.0.1", "10.0.0.2"]})"));
  Move move = move_to(settings, {"-config-dir=/etc/consul.d", "-retry-join=10.0.0.2", "-dns-port=53"});
  move.registered = {"redis"};
  CHECK(
      told_of_move(move) ==
      Words{
          "consul.service is enabled and runs: take it out before lictor starts, with `systemctl disable --now consul`",
          "kept: node web1, id an-id, data directory /opt/consul",
          "kept: HTTP 10.0.0.5:8500, HTTP unix:///run/http.sock, DNS 127.0.0.1:53, gRPC 127.0.0.1:8502, gossip "
          "10.0.0.5:8301",
          "kept: services of files: web", "kept: services that programs have registered: redis"});
  move.enabled = move.running = false;
  CHECK(told_of_move(move).front() == "kept: node web1, id an-id, data directory /opt/consul");
}

TEST_CASE("a move: what changes is told, and no secret with it") {
  const AgentSettings settings =
      settings_of(Json::parse(R"({"data_dir": "/opt/consul", "retry_join": ["10.0.0.1"], "encrypt": "x"})"));
  Move move = move_to(settings, {"-data-dir=/var/lib/consul", "-retry-join=10.0.0.2", "-encrypt=cGFzc3dvcmQ=", "-ui"});
  move.same_id = false;
  move.unread = {"/etc/more.d"};
  move.added = {"consul-members"};
  const Words told = told_of_move(move);
  const auto has = [&](const std::string& line) { return std::find(told.begin(), told.end(), line) != told.end(); };
  CHECK(has("kept: node web1"));
  CHECK(has("changed: the node's id, as /opt/consul holds none"));
  CHECK(
      has("changed: /etc/more.d is read by consul.service and not under lictor; name it in agent.config_dirs or "
          "agent.config_files"));
  CHECK(
      has("changed: data_dir is \"/opt/consul\", and not \"/var/lib/consul\" as consul.service has it; put that into "
          "agent.config to keep it"));
  CHECK(
      has("changed: retry_join is [\"10.0.0.1\"], and not [\"10.0.0.2\"] as consul.service has it; put that into "
          "agent.config to keep it"));
  CHECK(
      has("changed: ui_config.enabled is unset, and not true as consul.service has it; put that into agent.config to "
          "keep it"));
  CHECK(has("changed: lictor registers a service of its own, consul-members, unless `services` says otherwise"));
  for (const std::string& line : told) CHECK(line.find("cGFzc3dvcmQ") == line.npos);
}

TEST_CASE("a move: the agent of a server stays without lictor") {
  const AgentSettings settings;
  CHECK(refused_moves(move_to(settings, {"-server=false", "-node=a"})).empty());
  for (const char* argument : {"-server", "-bootstrap", "-bootstrap-expect=3"}) {
    CAPTURE(argument);
    const Problems problems = refused_moves(move_to(settings, {argument}));
    REQUIRE(problems.size() == 1);
    CHECK(to_string(problems[0]).find("there makes the agent a server") != std::string::npos);
  }
}
