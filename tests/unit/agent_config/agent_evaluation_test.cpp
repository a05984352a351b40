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
