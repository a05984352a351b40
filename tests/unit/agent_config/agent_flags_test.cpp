// The command line of `consul agent`: agent_config/agent_flags.hpp.
#include "agent_config/agent_flags.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("agent flags: each of its type, at the path of its setting") {
  const AgentFlags flags = read_agent_flags({"-bind=10.0.0.5", "--http-port", "8555", "-rejoin", "-server=false", "-ui",
                                             "-node-meta=rack:7:b", "-node-meta", "zone:", "-retry-join=a", "-join",
                                             "b", "-recursor=8.8.8.8", "-allow-write-http-from=127.0.0.0/8"});
  CHECK(flags.values == Json::parse(R"({"bind_addr": "10.0.0.5", "ports": {"http": 8555}, "rejoin_after_leave": true,
                                        "server": false, "ui_config": {"enabled": true},
                                        "node_meta": {"rack": "7:b", "zone": ""}})"));
  CHECK(flags.lists == Json::parse(R"({"retry_join": ["a", "b"], "recursors": ["8.8.8.8"],
                                       "http_config": {"allow_write_http_from": ["127.0.0.0/8"]}})"));
  CHECK(flags.wrong.empty());
}

TEST_CASE("agent flags: files, folders, their format, fragments, in their order") {
  const AgentFlags flags = read_agent_flags(
      {"-config-dir=/d", "-hcl", "a = 1", "-config-file", "/f.hcl", "-config-format=hcl", "-hcl=b = \"=\""});
  CHECK(flags.files == std::vector<std::string>{"/d", "/f.hcl"});
  CHECK(flags.fragments == std::vector<std::string>{"a = 1", "b = \"=\""});
  CHECK(flags.format == "hcl");
  CHECK(flags.values.empty());
}

TEST_CASE("agent flags: the last one counts, and nothing behind what is no flag") {
  CHECK(read_agent_flags({"-node=a", "-node=b"}).values.at("node_name") == "b");
  for (const char* end : {"--", "word", "-", ""}) {
    CAPTURE(end);
    CHECK(read_agent_flags({"-node=a", end, "-node=b"}).values.at("node_name") == "a");
  }
  CHECK(read_agent_flags({"-node"}).values.at("node_name") == "");
  CHECK(read_agent_flags({"-rejoin", "false", "-node=a"}).values == Json{{"rejoin_after_leave", true}});
}

TEST_CASE("agent flags: of a later Consul's, nothing is taken for another") {
  CHECK(read_agent_flags({"-some-new", "value", "-node=a"}).values == Json{{"node_name", "a"}});
  CHECK(read_agent_flags({"-some-new", "-node=a"}).values == Json{{"node_name", "a"}});
}

TEST_CASE("agent flags: what ends an agent at once is told") {
  CHECK(read_agent_flags({"-http-port=x"}).wrong == std::vector<std::string>{"-http-port=x: is no whole number"});
  CHECK(read_agent_flags({"-rejoin=maybe"}).wrong.size() == 1);
}
