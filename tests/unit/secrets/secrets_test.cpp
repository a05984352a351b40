#include "secrets/secrets.hpp"

#include "agent_config/plan.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

const std::string key_a = "qSNAdpfedL8GEA/QuOPXU17hItsZCNZ7CFx0bAzGJ60=";
const std::string key_b = "krZy0NoCbR8vTd/++J33Pr+1clE5xcNemyU584kFQUQ=";

std::string list(const std::vector<std::string>& keys) { return Json(keys).dump(); }

}  // namespace

TEST_CASE("what a file with a secret may hold", "[secrets]") {
  struct Row {
    const char* setting;
    std::string text;
    std::string secret;  // empty: a problem
  };
  for (const Row& row : std::initializer_list<Row>{
           {"agent.tokens.agent_file", "token", "token"},
           {"agent.tokens.agent_file", " \n token\r\n", "token"},
           {"agent.tokens.agent_file", "", ""},
           {"agent.tokens.agent_file", " \n\t", ""},
           {"agent.tokens.agent_file", "SECRET\nX-Header: SECRET", ""},
           {"agent.tokens.agent_file", "SECRET SECRET", ""},
           {"agent.tokens.agent_file", std::string("SECRET\0", 7), ""},
           {"agent.tokens.agent_file", "SECR\xc3\xa9T", ""},
           {"agent.encrypt_file", key_a + "\n", key_a},
           {"agent.encrypt_file", "SECRET", ""},
       }) {
    CAPTURE(row.text);
    const auto secret = parse_secret(row.setting, "/run/secret", row.text);
    CHECK(secret.has_value() == !row.secret.empty());
    if (secret) {
      CHECK(*secret == row.secret);
    } else {
      CHECK(secret.error().what == row.setting);
      CHECK(secret.error().why.find("/run/secret") == 0);
      CHECK(to_string(secret.error()).find("SECR") == std::string::npos);
    }
  }
}

TEST_CASE("gossip keys are 16, 24 or 32 bytes in base64", "[secrets]") {
  for (const char* good : {"AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", key_a.c_str()}) {
    CAPTURE(good);
    CHECK(valid_gossip_key(good));
  }
  for (const char* bad : {"", "=", "====", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA===",
                          "AAAAAAAAAAAAAAAAAAAAAA=A", "AAAAAAAAAAAAAAAAAAAA-_==", "/run/secrets/gossip"}) {
    CAPTURE(bad);
    CHECK(!valid_gossip_key(bad));
  }
}

// Consul 1.8.7 ends with exit code 1 on each of the bad ones.
TEST_CASE("keyrings that an agent starts with", "[secrets]") {
  CHECK(parse_keyring("/k", list({key_a, key_b})).value() == std::vector{key_a, key_b});
  for (const std::string& bad : {std::string(), std::string("not json"), std::string("{}"), std::string("[]"),
                                 std::string(R"(["SECRET"])"), std::string("[1]")}) {
    CAPTURE(bad);
    const auto keys = parse_keyring("/k", bad);
    REQUIRE(!keys.has_value());
    CHECK(keys.error().what == "/k");
    CHECK(to_string(keys.error()).find("SECRET") == std::string::npos);
  }
}

TEST_CASE("a keyring that disagrees with the configured key is named, its keys are not", "[secrets]") {
  CHECK(!keyring_disagreement("/k", {key_a}, key_a));
  CHECK(!keyring_disagreement("/k", {key_a, key_b}, key_a));
  for (const auto& [keys, words] :
       {std::pair(std::vector{key_b, key_a}, "not the first"), std::pair(std::vector{key_b}, "not in this keyring"),
        std::pair(std::vector<std::string>{}, "not in this keyring")}) {
    const auto problem = keyring_disagreement("/k", keys, key_a);
    REQUIRE(problem);
    CHECK(problem->what == "/k");
    CHECK(problem->why.find(words) != std::string::npos);
    CHECK(!problem->hint.empty());
    CHECK(to_string(*problem).find(key_a) == std::string::npos);
    CHECK(to_string(*problem).find(key_b) == std::string::npos);
  }
}

TEST_CASE("names that tell of secrets", "[secrets]") {
  for (const char* secret : {"CONSUL_HTTP_TOKEN", "AWS_SECRET_ACCESS_KEY", "token", "tokens", "encrypt", "X-Api-Key",
                             "CONSUL_HTTP_AUTH", "db_password", "private_key", "Authorization"}) {
    CAPTURE(secret);
    CHECK(names_a_secret(secret));
  }
  for (const char* plain : {"PATH", "auto_encrypt", "encrypt_verify_incoming", "key_file", "intro_token_file", "key",
                            "token_ttl", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_ADDR"}) {
    CAPTURE(plain);
    CHECK(!names_a_secret(plain));
  }
}

TEST_CASE("a hook gets no variable with a secret unless it asks", "[secrets]") {
  Plan plan;
  plan.consul_json = Json::parse(R"({"acl": {"tokens": {"default": "a-long-token"}}, "encrypt": "short",
                                     "watches": [{"type": "key", "token": "watch-token"}]})");
  plan.registration_token = "registration-token";
  plan.environment = {"PATH=/bin",
                      "CONSUL_HTTP_TOKEN=x",
                      "OTHER=<a-long-token>",
                      "WATCH=watch-token",
                      "WORD=a short day",
                      "HERE=registration-token",
                      "PROXY=http://u:pw@proxy:80",
                      "EMPTY=",
                      "MY_PASSWORD=y",
                      "URL=http://host:80/?token=",
                      "NOTHING"};
  CHECK(hook_environment(plan, {}) == std::vector<std::string>{"PATH=/bin", "WORD=a short day", "EMPTY=", "NOTHING"});
  Hook hook;
  hook.environment = {"CONSUL_HTTP_TOKEN", "OTHER", "NOT_SET"};
  CHECK(hook_environment(plan, hook) == std::vector<std::string>{"PATH=/bin", "CONSUL_HTTP_TOKEN=x",
                                                                 "OTHER=<a-long-token>", "WORD=a short day",
                                                                 "EMPTY=", "NOTHING"});
}

TEST_CASE("a secret is known in the agent's JSON, too") {
  const std::string plain = "plain-secret", odd = R"(a&b<c>"d"\)";
  CHECK(as_said_in_json({plain, odd}) == std::vector<std::string>{plain, odd, R"(a\u0026b\u003cc\u003e\"d\"\\)"});
}
