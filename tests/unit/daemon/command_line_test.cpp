#include "command_line.hpp"

#include "test.hpp"

using namespace lictor;

namespace {

std::string too_short(const std::string& text) { return text.size() < 2 ? "too short" : ""; }

Program program() {
  const auto done = [](const Arguments&) { return Exit::ok; };
  return {.name = "p",
          .what = "what it is",
          .footer = "the end",
          .options = {{.name = "config", .letter = 'c', .value = "FILE", .what = "a file"}},
          .commands = {{.name = "look",
                        .what = "look at it",
                        .exits = {{0, "seen"}},
                        .example = "p look",
                        .options = {{.name = "json", .what = "as JSON"},
                                    {.name = "text", .what = "as text", .excludes = "json"},
                                    {.name = "name", .value = "NAME", .what = "whose", .fault = too_short}},
                        .run = done},
                       {.name = "turn",
                        .what = "turn it",
                        .exits = {{0, "turned"}, {1, "not turned"}},
                        .example = "p turn on --for a",
                        .options = {{.name = "for", .value = "{a,b}", .what = "whom", .required = true}},
                        .operand = {{.name = "state", .value = "{on,off}", .what = "how"}},
                        .fault =
                            [](const Arguments& given) {
                              return given.value("state") == "off" && given.value("for") == "b" ? "not both"
                                                                                                : std::string();
                            },
                        .run = done}}};
}

std::variant<Invocation, Help, Problem> read(const Program& of, std::vector<std::string> words) {
  words.insert(words.begin(), "p");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return read_command_line(of, pointers);
}

// "why; hint"; "": it was understood.
std::string wrong(const std::vector<std::string>& words) {
  const Program of = program();
  const auto answer = read(of, words);
  const auto* problem = std::get_if<Problem>(&answer);
  if (problem == nullptr) return "";
  CHECK(problem->exit == Exit::usage);
  return problem->why + "; " + problem->hint;
}

std::string help(const std::vector<std::string>& words) {
  const Program of = program();
  const auto answer = read(of, words);
  const auto* told = std::get_if<Help>(&answer);
  return told == nullptr ? "" : told->text;
}

}  // namespace

TEST_CASE("a command line: options stand before and behind commands and operands") {
  const Program of = program();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"-c", "x", "turn", "on", "--for", "a"},
                                             {"-cx", "turn", "--for=a", "on"},
                                             {"turn", "--for", "a", "-c", "x", "on"},
                                             {"--config=x", "turn", "--for", "a", "--", "on"}}) {
    const auto answer = read(of, words);
    REQUIRE(std::holds_alternative<Invocation>(answer));
    const auto& [command, given] = std::get<Invocation>(answer);
    CHECK(command == &of.commands[1]);
    CHECK(given.value("config") == "x");
    CHECK(given.value("for") == "a");
    CHECK(given.value("state") == "on");
    CHECK_FALSE(given.has("help"));
  }
  const auto flags = read(of, {"look", "--json", "--json"});
  REQUIRE(std::holds_alternative<Invocation>(flags));
  CHECK(std::get<Invocation>(flags).arguments.has("json"));
  CHECK_FALSE(std::get<Invocation>(flags).arguments.value("name"));
}

TEST_CASE("a command line: wrong use is told, and asking for help hides no unknown word") {
  const std::string see = "see `p -h`", look = "see `p look -h`", turn = "see `p turn -h`";
  CHECK(wrong({}) == "no command is given; " + see);
  CHECK(wrong({"lok"}) == "unknown command \"lok\"; did you mean \"look\"?");
  CHECK(wrong({"-h", "nonsense"}) == "unknown command \"nonsense\"; " + see);
  CHECK(wrong({"-c"}) == "--config needs a value (FILE); " + see);
  CHECK(wrong({"look", "-x"}) == "unknown option \"-x\"; " + look);
  CHECK(wrong({"look", "-hx"}) == "unknown option \"-x\"; " + look);
  CHECK(wrong({"look", "--jsno", "-h"}) == "unknown option \"--jsno\"; did you mean \"--json\"?");
  CHECK(wrong({"look", "--js"}) == "unknown option \"--js\"; did you mean \"--json\"?");
  CHECK(wrong({"look", "--json=1"}) == "--json takes no value; " + look);
  CHECK(wrong({"look", "--name", "ab", "--name", "cd"}) == "--name is given twice; " + look);
  CHECK(wrong({"look", "--name", "a"}) == "--name: too short; " + look);
  CHECK(wrong({"look", "--json", "--text"}) == "--text and --json exclude each other; " + look);
  CHECK(wrong({"look", "more", "-h"}) == "unexpected argument \"more\"; " + look);
  CHECK(wrong({"turn", "on"}) == "--for is required; " + turn);
  CHECK(wrong({"turn", "on", "--for", "c"}) == "--for: \"c\" is none of a, b; " + turn);
  CHECK(wrong({"turn", "--for", "a"}) == "state is required: {on,off}; " + turn);
  CHECK(wrong({"turn", "--for", "a", "in"}) == "state: \"in\" is none of on, off; " + turn);
  CHECK(wrong({"turn", "--for", "a", "on", "off"}) == "unexpected argument \"off\"; " + turn);
  CHECK(wrong({"turn", "--for", "b", "off"}) == "not both; " + turn);
}

TEST_CASE("a command line: help of the program, and of a command wherever it is asked for") {
  CHECK(help({"-h"}) ==
        "what it is\nUsage: p [OPTIONS] SUBCOMMAND\n\nOptions:\n"
        "  -h,--help             show this help\n  -c,--config FILE      a file\n\n"
        "Subcommands:\n  look      look at it\n  turn      turn it\n\nthe end\n");
  const std::string turn =
      "turn it\nUsage: p turn [OPTIONS] state\n\nPositionals:\n  state {on,off}        how\n\nOptions:\n"
      "  -h,--help             show this help\n  -c,--config FILE      a file\n  --for {a,b}           whom\n\n"
      "Exit codes:\n  0     turned\n  1     not turned\n  64    wrong use\n\nExample:\n  p turn on --for a\n";
  CHECK(help({"turn", "--help"}) == turn);
  CHECK(help({"-h", "turn"}) == turn);
  CHECK(help({"turn", "-h", "--for", "c"}) == turn);
}
