#include "act/log.hpp"

#include "scenario.hpp"
#include "test.hpp"

#include <nlohmann/json.hpp>

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
    log::info("one");
    log::set_up("debug", false);
    log::debug("two\nlines {} %s");
    log::set_up("error", false);
    log::warn("hidden");
    log::error("three");
    log::agent_line("  [WARN]  as it is");
  });
  REQUIRE(lines.size() == 4);
  for (size_t i = 0; i < 3; ++i) CHECK(is_time(lines[i].substr(0, 24)));
  CHECK(lines[0].substr(24) == " info  one");
  CHECK(lines[1].substr(24) == " debug two lines {} %s");
  CHECK(lines[2].substr(24) == " error three");
  CHECK(lines[3] == "  [WARN]  as it is");
}

TEST_CASE("the json log has one object a line, agent lines included") {
  const std::string odd = "\"quoted\" \\ \n\t \xff";
  const std::string agent = "    2026-11-24T05:24:18.123Z [WARN]  agent: \"x\"";
  const auto lines = lines_of([&] {
    log::set_up("warn", true);
    log::info("hidden");
    log::warn(odd);
    log::agent_line(agent);
    log::agent_line("==> no level");
  });
  REQUIRE(lines.size() == 3);
  const auto first = nlohmann::json::parse(lines[0]);
  CHECK(is_time(first.at("time")));
  CHECK(first.at("level") == "warn");
  CHECK(first.at("message") == "\"quoted\" \\ \n\t \xef\xbf\xbd");
  CHECK(first.size() == 3);
  const auto second = nlohmann::json::parse(lines[1]);
  CHECK(is_time(second.at("time")));
  CHECK(second.at("level") == "warn");
  CHECK(second.at("message") == agent);
  CHECK(second.at("source") == "agent");
  CHECK(nlohmann::json::parse(lines[2]).at("level") == "info");
}

TEST_CASE("the level of an agent's line is recognised") {
  using log::Level;
  struct Row {
    std::string line;
    Level level;
  };
  const Row rows[] = {
      {"    2026-11-24T05:24:18.123Z [TRACE] agent: x", Level::trace},
      {"    2026-11-24T05:24:18.123Z [DEBUG] agent: x [ERROR]", Level::debug},
      {"    2026-11-24T05:24:18.123Z [INFO]  agent: x", Level::info},
      {"2026/11/24 05:24:18 [WARN] agent: x", Level::warn},
      {"2026/11/24 05:24:18 [ERR] agent: x", Level::error},
      {"    2026-11-24T05:24:18.123Z [ERROR] agent: x", Level::error},
      {R"({"@level":"error","@message":"[INFO]","@module":"agent"})", Level::error},
      {"==> Starting Consul agent...", Level::info},
      {"           Version: '1.8.7'", Level::info},
      {"[", Level::info},
      {"", Level::info},
      {"[::1]:8301 is down", Level::info},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    CHECK(log::agent_level(row.line) == row.level);
  }
}
