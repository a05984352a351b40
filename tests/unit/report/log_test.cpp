#include "report/io/log.hpp"

#include "scenario.hpp"
#include "test.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <stdlib.h>
#include <sys/stat.h>

#include <sstream>
#include <vector>

using namespace lictor;

namespace {

// The lines that `body` writes to standard error.
template <class Body>
std::vector<std::string> lines_of(const Body& body) {
  scenario::Pipe pipe;
  CHECK(scenario::in_child([&] {
          ::dup2(pipe.out, STDERR_FILENO);
          body();
          return std::string();
        }) == "");
  pipe.close_out();
  std::istringstream text(scenario::read_all(pipe.in));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// "2026-11-24T05:24:18.123Z": digits where there must be some.
bool is_time(const std::string& text) {
  const std::string form = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != form.size()) return false;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the text log has one line a message with time and level") {
  const auto lines = lines_of([] {
    log::debug("hidden");
    log::info("one", {{"pid", 7}});
    log::set_up("debug", false);
    log::debug("two\nlines {} %s");
    log::set_up("error", false);
    log::warn("hidden");
    log::error("three");
    log::agent_line("  [WARN]  as it is");
    log::complain("what: why; what to do");
  });
  REQUIRE(lines.size() == 5);
  for (size_t i = 0; i < 3; ++i) CHECK(is_time(lines[i].substr(0, 24)));
  CHECK(lines[0].substr(24) == " info  one pid=7");
  CHECK(lines[1].substr(24) == " debug two lines {} %s");
  CHECK(lines[2].substr(24) == " error three");
  CHECK(lines[3] == "  [WARN]  as it is");
  CHECK(lines[4] == "lictor: what: why; what to do");
}

TEST_CASE("lines of the agent that only repeat are held back, with a count, and none that differs is lost") {
  const auto agent = [](int second, const char* text) {
    log::agent_line(fmt::format("    2026-11-24T05:24:{:02}.123Z [WARN]  {}", second, text));
  };
  for (const bool json : {false, true}) {
    CAPTURE(json);
    const auto lines = lines_of([&] {
      log::set_up("info", json);
      for (int second = 0; second < 5; ++second) agent(second, "agent: No servers");
      log::info("of lictor's own");
      agent(5, "agent: No servers");
      agent(6, "agent: There it is");
      agent(7, "agent: No servers");
      for (const char* piece : {"panic: x", "", ""}) log::agent_line(piece);
      agent(8, "agent: No servers");
      agent(9, "agent: No servers");
      log::flush();
    });
    std::vector<std::string> said;
    for (const std::string& line : lines) {
      const auto object = json ? nlohmann::json::parse(line) : nlohmann::json::object();
      const std::string text = json ? object.at("message").get<std::string>() : line;
      const std::string times = object.value("repeated", 0) > 0 ? " repeated=" + object.at("repeated").dump() : "";
      const auto at = text.find(":24:");
      said.push_back((at == std::string::npos ? text.substr(text.rfind("  ") + 1)
                                              : text.substr(at + 4, 2) + text.substr(at + 18)) +
                     times);
    }
    CHECK(said[0] == "00  agent: No servers");
    CHECK(said[1].find("of lictor's own") != std::string::npos);
    said.erase(said.begin(), said.begin() + 2);
    CHECK(said == std::vector<std::string>{"05  agent: No servers repeated=5", "06  agent: There it is",
                                           "07  agent: No servers", "panic: x", "", "", "08  agent: No servers",
                                           "09  agent: No servers"});
  }
}

TEST_CASE("the json log has one object a line, agent lines included") {
  const std::string odd = "\"quoted\" \\ \n\t \xff";
  const std::string agent = "    2026-11-24T05:24:18.123Z [WARN]  agent: \"x\"";
  const auto lines = lines_of([&] {
    log::set_up("warn", true);
    log::info("hidden");
    log::warn(odd, {{"seconds", 0.5}});
    log::agent_line(agent);
    log::agent_line("==> no level");
    log::complain("what: why");
  });
  REQUIRE(lines.size() == 4);
  const auto first = nlohmann::json::parse(lines[0]);
  CHECK(is_time(first.at("time")));
  CHECK(first.at("level") == "warn");
  CHECK(first.at("message") == "\"quoted\" \\ \n\t \xef\xbf\xbd");
  CHECK(first.at("seconds") == 0.5);
  CHECK(first.size() == 4);
  const auto second = nlohmann::json::parse(lines[1]);
  CHECK(is_time(second.at("time")));
  CHECK(second.at("level") == "warn");
  CHECK(second.at("message") == agent);
  CHECK(second.at("source") == "agent");
  CHECK(nlohmann::json::parse(lines[2]).at("level") == "info");
  const auto last = nlohmann::json::parse(lines[3]);
  CHECK(last.at("level") == "error");
  CHECK(last.at("message") == "what: why");
}

TEST_CASE("a line that only repeats the last one is counted, and told of before the next and at the end") {
  const auto lines = lines_of([] {
    for (int i = 0; i < 5; ++i) {
      log::warn("again", {{"path", "/x"}});
      log::debug("hidden, and so nothing between them");
    }
    log::info("other");
    for (int i = 0; i < 3; ++i) log::warn("again", {{"path", "/x"}});
    log::flush();
  });
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].substr(24) == " warn  again path=/x");
  CHECK(lines[1].substr(24) == " warn  again path=/x repeated=4");
  CHECK(lines[2].substr(24) == " info  other");
  CHECK(lines[3].substr(24) == " warn  again path=/x");
  CHECK(lines[4].substr(24) == " warn  again path=/x repeated=2");
}

TEST_CASE("where standard error is the journal, each line begins with its priority") {
  const auto say = [] {
    log::set_up("debug", false);
    log::debug("own");
    log::info("own");
    log::warn("own");
    log::error("own");
    log::agent_line("    2026-11-24T05:24:18.123Z [WARN]  agent: x");
    log::agent_line("==> no level");
    log::set_up("info", true);
    log::warn("json");
    log::complain("json");
    log::agent_line("    2026-11-24T05:24:18.123Z [TRACE]  agent: x");
    log::set_up("info", false);
    log::complain("two\nlines");
  };
  const auto begins = [](const std::vector<std::string>& lines) {
    std::vector<std::string> all;
    for (const std::string& line : lines) all.push_back(line.substr(0, 3));
    return all;
  };
  const auto journal = lines_of([&] {
    struct stat file {};
    ::fstat(STDERR_FILENO, &file);
    ::setenv("JOURNAL_STREAM", (std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino)).c_str(), 1);
    say();
  });
  CHECK(begins(journal) ==
        std::vector<std::string>{"<7>", "<6>", "<4>", "<3>", "<4>", "<6>", "<4>", "<3>", "<7>", "<3>", "<3>"});
  CHECK(journal.at(6).substr(0, 11) == R"(<4>{"time":)");
  CHECK(journal.at(9) == "<3>lictor: two");
  // A program of a service, its standard error redirected.
  const auto file = lines_of([&] {
    ::setenv("JOURNAL_STREAM", "1:1", 1);
    say();
  });
  CHECK(file.size() == 11);
  for (const std::string& line : file) CHECK(line.front() != '<');
}

TEST_CASE("the last ten lines of info and above are kept, whatever is written") {
  const auto lines = lines_of([] {
    log::set_up("error", false);
    for (int i = 0; i < 12; ++i) log::info("line", {{"number", i}});
    log::debug("debug");
    log::warn("again");
    log::warn("again");
    for (const Line& line : log::recent()) log::complain(text_line(line).substr(25));
  });
  REQUIRE(lines.size() == 10);
  CHECK(lines.front() == "lictor: info  line number=3");
  CHECK(lines.at(8) == "lictor: info  line number=11");
  CHECK(lines.back() == "lictor: warn  again repeated=2");
}
