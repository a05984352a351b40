#include "agent_config/agent_evaluation.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

const Result<void> refused = Problem{"/bin/consul", "exit code 1", "run it by hand"};

// As both 1.8.7 and 1.21.4 write it, each line twice.
EvaluatedTemplate told(const std::string& line) {
  return evaluation_answer(refused,
                           "Config validation failed: 2 errors occurred:\n\t* " + line + "\n\t* " + line + "\n\n\n");
}

std::string value(const std::string& line) {
  const auto answer = told(line);
  const auto* const text = std::get_if<std::string>(&answer);
  return text ? *text : "none";
}

}  // namespace

TEST_CASE("what the agent's program says that a template gives") {
  CHECK(value("advertise_addr: multiple addresses found: 10.0.0.5 192.0.2.1") == "10.0.0.5");
  CHECK(value("advertise_addr: multiple addresses found: 192.0.2.1 192.0.2.1") == "192.0.2.1");
  CHECK(value("advertise_addr: multiple addresses found: /run/x.sock :: fd00::5 192.0.2.1") ==
        "unix:///run/x.sock :: fd00::5");
  CHECK(value("advertise_addr: invalid ip address: nonsense") == "nonsense");
  const auto nothing = evaluation_answer({}, "Configuration is valid!\n");
  REQUIRE(std::holds_alternative<std::string>(nothing));
  CHECK(std::get<std::string>(nothing).empty());
}

TEST_CASE("a template that the agent's program refuses, in Go's words") {
  const auto parsed = told(
      R"(advertise_addr: error parsing "{{ x }}…": unable to parse template "{{ x }}…": template: sockaddr.Parse:1: function "x" not defined)");
  REQUIRE(std::holds_alternative<TemplateRefused>(parsed));
  CHECK(std::get<TemplateRefused>(parsed).why == R"(template: sockaddr.Parse:1: function "x" not defined)");
  CHECK(std::get<TemplateRefused>(parsed).whatever_the_host);
  const auto run = told(
      R"(advertise_addr: error parsing "{{ index . 9 }}…": unable to execute sockaddr input "{{ index . 9 }}…": template: sockaddr.Parse:1:3: executing "sockaddr.Parse" at <index . 9>: error calling index: index out of range: 9)");
  REQUIRE(std::holds_alternative<TemplateRefused>(run));
  CHECK_THAT(std::get<TemplateRefused>(run).why, Contains("index out of range: 9") && !Contains("error parsing"));
  CHECK_FALSE(std::get<TemplateRefused>(run).whatever_the_host);
}

TEST_CASE("a program that says nothing of the template has not evaluated it") {
  for (const char* const line : {"", "data_dir: no such folder", "advertise_addr: multiple addresses found: 10.0.0.5",
                                 "advertise_addr: multiple addresses found: "}) {
    CAPTURE(line);
    const auto answer = told(line);
    REQUIRE(std::holds_alternative<TemplateNotEvaluated>(answer));
    CHECK(std::get<TemplateNotEvaluated>(answer).why == "exit code 1");
  }
}

TEST_CASE("the question holds the template as written, and an address that it can't touch") {
  const Json question = evaluation_question("{{- \"a\" -}} ");
  CHECK(question.at("advertise_addr") == "{{- \"a\" -}} {{\" 192.0.2.1\"}}");
  CHECK(question.size() == 3);
}

TEST_CASE("of keys that lictor does not know those are refused that the agent's program does not know either") {
  const auto key = [](const char* path, const char* alone) {
    return UnknownKey{Problem{path, "no key", "mend it"}, Json::parse(alone)};
  };
  const std::vector<UnknownKey> keys{key("later", R"({"later": true})"), key("acl.Soon", R"({"acl": {"Soon": true}})"),
                                     key("services[3].later", R"({"services": [{"later": true}]})"),
                                     key("services[4].dotted.key", R"({"services": [{"dotted.key": true}]})"),
                                     key("services[4].er", R"({"services": [{"er": true}]})")};
  CHECK(keys_question(keys) == Json::parse(R"({"later": true, "acl": {"Soon": true},
                                               "services": [{"later": true}, {"dotted.key": true}, {"er": true}]})"));
  const auto refused_of = [&](const std::string& output) {
    std::string all;
    for (const Problem& problem : refused_keys(keys, output)) all += problem.what + " ";
    return all;
  };
  const std::string begin = "Config validation failed: Error parsing /proc/self/fd/0: 2 errors occurred:\n";
  CHECK(refused_of(begin + "\t* invalid config key acl.Soon\n\t* invalid config key services[1].dotted.key\n\n") ==
        "acl.Soon services[4].dotted.key ");
  CHECK(refused_of(begin + "\t* invalid config key later\n") == "later services[3].later ");
  CHECK(refused_of("Config validation failed: data_dir cannot be empty\n").empty());
  CHECK(refused_of("").empty());
}

TEST_CASE("settings are refused only where the agent's program has come to say so") {
  CHECK(settings_refused(refused, "Config validation failed: retry_interval: invalid duration\n"));
  CHECK_FALSE(settings_refused(refused, "fork/exec: cannot allocate memory\n"));
  CHECK_FALSE(settings_refused({}, "Configuration is valid!\n"));
}
