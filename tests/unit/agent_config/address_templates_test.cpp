#include "agent_config/address_templates.hpp"

#include <net/if.h>

#include "test.hpp"

using namespace lictor;

namespace {

std::vector<Interface> host() {
  std::vector<Interface> out(2);
  const auto at = [](const char* address, int prefix) {
    InterfaceAddress a;
    a.address = address;
    a.prefix = prefix;
    return a;
  };
  for (Interface& each : out) each.flags = IFF_UP;
  out[0].name = "eth0";
  out[0].default_via = 1;
  out[0].addresses = {at("203.0.113.5", 24)};
  out[1].name = "eth1";
  out[1].addresses = {at("10.111.67.11", 24), at("10.111.67.12", 24)};
  return out;
}

struct Evaluated {
  Json config;
  Result<TemplatesEvaluated> done;
};

// bind_addr first, and what is told of both.
Evaluated evaluated(Json config, const AgentAnswers& by_agent = {}) {
  const auto interfaces = host();
  auto bound = evaluate_bind_addr(config, {{interfaces}, by_agent});
  if (!bound) return {std::move(config), bound.error()};
  auto done = evaluate_other_addresses(config, {{interfaces}, by_agent});
  if (done) done->notices.insert(done->notices.begin(), bound->notices.begin(), bound->notices.end());
  return {std::move(config), std::move(done)};
}

std::vector<std::string> for_agent(const Json& config, const TemplateValues& in_use = {}) {
  const auto interfaces = host();
  return templates_for_agent(config, {interfaces}, {in_use});
}

}  // namespace

TEST_CASE("addresses take the place of templates, wherever the agent takes one") {
  const auto [config, done] =
      evaluated({{"bind_addr", "{{ GetPrivateIP }}"},
                 {"advertise_addr", "{{ GetInterfaceIP \"eth0\" }} "},
                 {"serf_lan", "{{ GetPublicIP }}"},
                 {"client_addr", "127.0.0.1\n{{ GetInterfaceIPs \"eth1\" }}"},
                 {"addresses", {{"http", "unix:///run/x {{ GetPrivateIP }}"}, {"dns", "{{ GetPublicIP }}"}}},
                 {"retry_join", {"a", "{{ GetPrivateIPs }}", "{{ GetPublicIP }}", "b"}},
                 {"node_name", "{{ GetPrivateIP }}"}});
  CHECK_FALSE(done.has_value());  // advertise_addr: no address of a network for documentation is forwardable
  CHECK(done.error().exit == Exit::retry);

  const auto [other, well] =
      evaluated({{"bind_addr", " {{ GetPrivateIP }}"},
                 {"serf_lan", "{{ GetPublicIP }}"},
                 {"client_addr", "127.0.0.1\n{{ GetInterfaceIPs \"eth1\" }}"},
                 {"addresses", {{"http", "unix:///run/x {{ GetPrivateIP }}"}, {"dns", "{{ GetPublicIP }}"}}},
                 {"retry_join", {"a", "{{ GetPrivateIPs }}", "{{ GetPublicIP }}", "b"}},
                 {"node_name", "{{ GetPrivateIP }}"}});
  REQUIRE(well.has_value());
  CHECK(well->notices.empty());
  CHECK(other == Json{{"bind_addr", "10.111.67.11"},
                      {"serf_lan", ""},
                      {"client_addr", "127.0.0.1 10.111.67.11 10.111.67.12"},
                      {"addresses", {{"http", "unix:///run/x 10.111.67.11"}, {"dns", ""}}},
                      {"retry_join", {"a", "10.111.67.11", "10.111.67.12", "b"}},
                      {"node_name", "{{ GetPrivateIP }}"}});
}

TEST_CASE("what a template may not give is told, and whether waiting may help") {
  struct Row {
    const char* key;
    const char* text;
    Exit exit;
    const char* why;
  };
  const Row rows[] = {
      {"bind_addr", "{{ GetPublicIP }}", Exit::retry, "gives no address"},
      {"bind_addr", "{{ GetPrivateIPs }}", Exit::config, "gives several addresses: 10.111.67.11, 10.111.67.12"},
      {"bind_addr", "{{ \"x\" }}", Exit::config, "gives \"x\", which is no address"},
      {"bind_addr", "{{ end }}", Exit::config, "is refused"},
      {"bind_addr", "{{ index . 9 | attr \"address\" }}", Exit::retry, "is refused"},
      {"advertise_addr", "{{ GetPublicIP }}", Exit::retry, "gives no address"},
      {"advertise_addr", "{{ GetPrivateIPs }}", Exit::config, "gives several addresses"},
      {"client_addr", "{{ GetPublicIP }}", Exit::retry, "gives no address"},
      {"serf_lan", "{{ GetPrivateIPs }}", Exit::config, "gives several addresses"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.key, row.text);
    const auto done = evaluated({{row.key, row.text}}).done;
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().what == row.key);
    CHECK(done.error().exit == row.exit);
    CHECK_THAT(done.error().why, Contains(row.why));
  }
  const auto joined = evaluated({{"retry_join", {"{{ end }}"}}}).done;
  REQUIRE_FALSE(joined.has_value());
  CHECK(joined.error().what == "retry_join");
}

TEST_CASE("what lictor does not evaluate is what the agent makes of it, and told") {
  const Json config = {{"bind_addr", "{{ one }}"},
                       {"advertise_addr", "{{ one }}"},
                       {"client_addr", "127.0.0.1 {{ some }}"},
                       {"serf_lan", "{{ none }}"},
                       {"addresses", {{"dns", "{{ some }}"}, {"grpc", "{{ GetPrivateIP }}"}}},
                       {"retry_join", {"{{ unknown }}", "a"}}};
  CHECK(for_agent(config) == std::vector<std::string>{"{{ one }}", "{{ none }}", "127.0.0.1 {{ some }}", "{{ some }}"});
  const auto [by_agent, done] = evaluated(config, {{"{{ one }}", "10.111.67.12"},
                                                   {"{{ some }}", "10.111.67.11 unix:///a"},
                                                   {"{{ none }}", ""},
                                                   {"127.0.0.1 {{ some }}", "127.0.0.1 10.111.67.11"}});
  REQUIRE(done.has_value());
  CHECK(by_agent == Json{{"bind_addr", "10.111.67.12"},
                         {"advertise_addr", "10.111.67.12"},
                         {"client_addr", "127.0.0.1 10.111.67.11"},
                         {"serf_lan", ""},
                         {"addresses", {{"dns", "10.111.67.11 unix:///a"}, {"grpc", "10.111.67.11"}}},
                         {"retry_join", {"{{ unknown }}", "a"}}});
  const std::string why = ": lictor does not evaluate the function ";
  CHECK(done->notices ==
        std::vector<std::string>{
            "bind_addr: {{ one }} is evaluated by the agent, to 10.111.67.12" + why + "one",
            "advertise_addr: {{ one }} is evaluated by the agent, to 10.111.67.12" + why + "one",
            "serf_lan: {{ none }} is evaluated by the agent" + why + "none",
            "client_addr: 127.0.0.1 {{ some }} is evaluated by the agent, to 127.0.0.1 10.111.67.11" + why + "some",
            "addresses.dns: {{ some }} is evaluated by the agent, to 10.111.67.11 unix:///a" + why + "some",
            "retry_join: {{ unknown }} is left to the agent" + why + "unknown"});
}

TEST_CASE("no address of lictor's own takes the place of what the agent does not give") {
  struct Row {
    EvaluatedTemplate answer;
    Exit exit;
    const char* why;
  };
  for (const char* const key : {"bind_addr", "advertise_addr", "client_addr"}) {
    for (const Row& row : {Row{"", Exit::retry, "{{ x }} gives no address on this host"},
                           Row{"x", Exit::config, "{{ x }} gives \"x\", which is no address"},
                           Row{TemplateRefused{"no x", true}, Exit::config, "{{ x }} is refused: no x"},
                           Row{TemplateRefused{"no x yet", false}, Exit::retry, "{{ x }} is refused: no x yet"},
                           Row{TemplateNotEvaluated{"exit code 3"}, Exit::retry, "and that did not: exit code 3"}}) {
      CAPTURE(key, row.why);
      const auto done = evaluated({{key, "{{ x }}"}}, {{"{{ x }}", row.answer}}).done;
      REQUIRE_FALSE(done.has_value());
      CHECK(done.error().what == key);
      CHECK(done.error().exit == row.exit);
      CHECK_THAT(done.error().why, Contains(row.why));
    }
    const auto unasked = evaluated({{key, "{{ x }}"}}).done;
    REQUIRE_FALSE(unasked.has_value());
    CHECK(unasked.error().exit == Exit::retry);
  }
}

TEST_CASE("the agent is not asked for what is kept") {
  const Json config = {{"bind_addr", "{{ x }}"}, {"client_addr", "{{ y }}"}};
  CHECK(for_agent(config, {{"{{ x }}", "10.111.67.12"}}) == std::vector<std::string>{"{{ y }}"});
  CHECK(for_agent(config, {{"{{ x }}", "10.9.9.9"}, {"{{ y }}", "10.111.67.12 unix:///a"}}) ==
        std::vector<std::string>{"{{ x }}"});
}

TEST_CASE("settings of other kinds are nobody's templates") {
  for (const Json& config : {Json{{"bind_addr", 7}}, Json{{"addresses", "{{ x }}"}}, Json{{"retry_join", "{{ x }}"}},
                             Json{{"client_addr", "127.0.0.1"}}, Json::object()}) {
    CHECK_FALSE(has_address_templates(config));
    const auto [same, done] = evaluated(config);
    CHECK(done.has_value());
    CHECK(same == config);
  }
  CHECK(has_address_templates({{"retry_join", {"a", "{{ x }}"}}}));
  CHECK(has_address_templates({{"addresses", {{"dns", "{{ x }}"}}}}));
}

TEST_CASE("what a template gave is kept while the host has it") {
  const char* const text = "{{ GetPrivateIPs }}";
  const auto now = [&](const TemplatesInUse& in_use) {
    const auto interfaces = host();
    Json config = {{"client_addr", text}, {"retry_join", {text}}};
    const auto done = evaluate_other_addresses(config, {{interfaces}, AgentAnswers()}, in_use);
    REQUIRE(done.has_value());
    CHECK(config["client_addr"] == done->values.at(text));
    CHECK(config["retry_join"] == Json{"10.111.67.11", "10.111.67.12"});
    return done->values.at(text);
  };
  const TemplateValues none, less{{text, "10.111.67.12"}}, gone{{text, "10.111.67.12 10.9.9.9"}};
  CHECK(now({none}) == "10.111.67.11 10.111.67.12");
  CHECK(now({less}) == "10.111.67.12");
  CHECK(now({gone}) == "10.111.67.11 10.111.67.12");
  CHECK(now({gone, true}) == gone.at(text));
}
