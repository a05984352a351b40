#include "agent_api/join.hpp"

#include "network/io/reach.hpp"
#include "test.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

using namespace lictor;
using boost::asio::ip::tcp;

TEST_CASE("whom an agent can be told to join: addresses with their port, names as they are, no cloud provider") {
  struct Row {
    const char* consul_json;
    std::vector<std::string> addresses, names, args = {};
    int serf_port = 8301;
  };
  const std::vector<Row> rows{
      {R"({})", {}, {}},
      {R"({"retry_join": "10.0.0.1"})", {}, {}},
      {R"({"retry_join": ["10.0.0.1", "10.0.0.2:9301"]})", {"10.0.0.1:8301", "10.0.0.2:9301"}, {}},
      {R"({"retry_join": ["10.0.0.1"]})", {"10.0.0.1:9301"}, {}, {}, 9301},
      {R"({"retry_join": ["fd00::1", "[fd00::2]:9301"]})", {"[fd00::1]:8301", "[fd00::2]:9301"}, {}},
      {R"({"retry_join": ["consul.example.com", "consul:9301"]})", {}, {"consul.example.com", "consul:9301"}},
      {R"({"retry_join": ["provider=aws tag_key=a tag_value=b", "", 7, "{{ GetPrivateIP }}", "10.0.0.1"]})",
       {"10.0.0.1:8301"},
       {}},
      {R"({"retry_join": ["10.0.0.3", "three"]})",
       {"10.0.0.1:8301", "10.0.0.2:9301", "10.0.0.3:8301"},
       {"two", "three"},
       {"-retry-join=10.0.0.1", "--retry-join", "10.0.0.2:9301", "-retry-join=two", "-retry-join-wan=far",
        "-node=-retry-join"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.consul_json);
    Plan plan;
    Settings settings;
    settings.agent.args = row.args;
    plan.effective = merge_agent_config({{"a", Json::parse(row.consul_json)}}, settings).effective();
    plan.serf_port = row.serf_port;
    const JoinTargets targets = join_targets(plan);
    CHECK(targets.addresses == row.addresses);
    CHECK(targets.names == row.names);
    CHECK(targets.others == (std::string(row.consul_json).find("provider") != std::string::npos));
  }
}

TEST_CASE("how often an agent tries to join by itself is what its settings say, and else what Consul has") {
  const auto interval = [](const Json& settings) {
    Plan plan;
    plan.effective.merged = settings;
    return join_targets(plan).retry_interval;
  };
  CHECK(interval({{"retry_interval", "5m"}}) == std::chrono::minutes(5));
  for (const Json& none : {Json::object(), Json{{"retry_interval", ""}}, Json{{"retry_interval", "soon"}},
                           Json{{"retry_interval", "0s"}}, Json{{"retry_interval", 7}}})
    CHECK(interval(none) == std::chrono::seconds(30));
}

TEST_CASE("the first address that takes a connection is found; where none does, that is told") {
  boost::asio::io_context io;
  tcp::acceptor open(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const std::string listening = "127.0.0.1:" + std::to_string(open.local_endpoint().port());
  std::string refusing;
  {
    tcp::acceptor closed(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
    refusing = "127.0.0.1:" + std::to_string(closed.local_endpoint().port());
  }
  const auto found = [&io](const std::vector<std::string>& peers) {
    std::optional<std::optional<std::string>> answer;
    const Reach reach(io.get_executor(), peers, std::chrono::seconds(20), [&](auto peer) { answer = std::move(peer); });
    io.restart();
    io.run_for(std::chrono::seconds(30));
    REQUIRE(answer.has_value());
    return answer->value_or("none");
  };
  CHECK(found({refusing, listening}) == listening);
  CHECK(found({refusing}) == "none");
  CHECK(found({}) == "none");
  CHECK(found({"nonsense", "10.0.0.1", ":1"}) == "none");
  SECTION("and once it is destroyed nobody is told") {
    bool told = false;
    {
      const Reach reach(io.get_executor(), {listening}, std::chrono::seconds(20), [&](const auto&) { told = true; });
    }
    io.restart();
    io.run_for(std::chrono::seconds(30));
    CHECK_FALSE(told);
  }
}
