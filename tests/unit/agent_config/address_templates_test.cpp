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

Evaluated evaluated(Json config) {
  const auto interfaces = host();
  auto bound = evaluate_bind_addr(config, {interfaces});
  auto done = bound ? evaluate_other_addresses(config, {interfaces}) : Result<TemplatesEvaluated>(bound.error());
  return {std::move(config), std::move(done)};
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
  CHECK(well->left.empty());
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

TEST_CASE("a template that is not evaluated stays, and is told of where the agent evaluates it") {
  const Json config = {{"bind_addr", "{{ unknown }}"},
                       {"client_addr", "{{ unknown }}"},
                       {"addresses", {{"dns", "{{ unknown }}"}}},
                       {"retry_join", {"{{ unknown }}", "a"}}};
  const auto [left, done] = evaluated(config);
  CHECK(left == config);
  REQUIRE(done.has_value());
  REQUIRE(done->left.size() == 3);
  CHECK(done->left.front() ==
        "client_addr: {{ unknown }} is left to the agent: lictor does not evaluate the function unknown");
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
    const auto done = evaluate_other_addresses(config, {interfaces}, in_use);
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
