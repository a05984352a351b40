// The status page: what stands on it, and that it fits.
#include "report/status_text.hpp"

#include "test.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace lictor;
using nlohmann::json;

namespace {

const auto noon = std::chrono::sys_days(std::chrono::November / 25 / 2026) + std::chrono::hours(12);

json serving() {
  return json::parse(R"({
    "running": true, "phase": "serve", "state": "registered", "ready": true, "registered": true, "since": 61.2,
    "node_name": "n1", "node_id": "4022684b-d6da-50ba-0b72-0fb699dcb6ce",
    "address": "10.0.0.11", "address_origin": "eth0, by bind.interface eth*",
    "agent": {"running": true, "pid": 30, "uptime": 62, "version": "1.8.7", "restarts": 2,
              "last_restart": {"reason": "hung", "ago": 7322}},
    "leader": true, "server": "10.0.0.1:8300", "servers": 3, "members": 12,
    "services": ["api", "web"], "settings": {"hash": "00ff", "age": 62}, "problems": [],
    "events": [{"time": "2026-11-25T11:58:58.500Z", "level": "info", "message": "registered"},
               {"time": "2026-11-25T11:59:59.999Z", "level": "warn", "message": "something happened"}]})");
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

}  // namespace

TEST_CASE("a serving node's page") {
  CHECK(status_text(serving(), noon, {}) ==
        "phase      serve, ready, since 11-25 11:58:58Z (1m1s)\n"
        "node       n1, 4022684b-d6da-50ba-0b72-0fb699dcb6ce\n"
        "address    10.0.0.11 (eth0, by bind.interface eth*)\n"
        "agent      Consul 1.8.7, pid 30, up 1m2s, 2 restarts, the last 2h2m ago: hung\n"
        "leader     10.0.0.1:8300, 3 live servers, 12 members\n"
        "services   api web, registered\n"
        "settings   hash 00ff, taken 1m2s ago\n"
        "event      11-25 11:58:58Z registered\n"
        "event      11-25 11:59:59Z warn: something happened\n");
}

TEST_CASE("what is not as it should be stands on the page") {
  json s = serving();
  s["phase"] = "join";
  s["state"] = "no leader known";
  s["ready"] = s["registered"] = s["leader"] = false;
  s["servers"] = 0;
  s["maintenance"] = "new disk";
  s["problems"] = {"a: b; c", "d"};
  const std::string text = status_text(s, noon, {});
  for (const char* line :
       {"phase      join, not ready: no leader known, since", "leader     none known, 12 members\n",
        "services   api web, not registered\n", "maint      new disk\n", "problem    a: b; c\nproblem    d\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("what others have named does nothing to the page") {
  json s = serving();
  s["server"] = "10.0.0.1\x1b[2J\nproblem    none";
  s["maintenance"] = "down\u009b31m\u202e";
  const std::string text = status_text(s, noon, {});
  CHECK(text.find("leader     10.0.0.1\uFFFD[2J problem    none, 3 live") != std::string::npos);
  CHECK(text.find("maint      down\uFFFD31m\uFFFD\n") != std::string::npos);
}

TEST_CASE("without a lictor: what the settings tell, and no word about an agent") {
  const json s = json::parse(R"({"running": false, "address": "10.0.0.11", "services": [], "problems": ["x"]})");
  CHECK(status_text(s, noon, {}) == "phase      not running\naddress    10.0.0.11\nservices   none\nproblem    x\n");
}

TEST_CASE("lines fit any width, lose nothing, and go on behind the label") {
  json s = serving();
  for (int i = 0; i < 40; ++i) s["services"].push_back("service-" + std::to_string(i));
  s["problems"] = {std::string(300, 'x') + " and more", "a b c"};
  const auto words = [](const std::string& text) {
    std::istringstream in(text);
    return std::vector<std::string>(std::istream_iterator<std::string>(in), {});
  };
  const std::string whole = status_text(s, noon, {});
  for (const std::size_t width : {40U, 60U, 80U, 200U}) {
    CAPTURE(width);
    const std::string text = status_text(s, noon, {.width = width});
    CHECK(words(text) == words(whole));
    for (const std::string& line : lines(text)) {
      const bool one_word = words(line).size() <= 2;
      CHECK((line.size() <= width || one_word));
      CHECK((line[0] != ' ' || line.substr(0, 11) == std::string(11, ' ')));
    }
  }
  // A terminal that is no wider than the labels gets them unwrapped.
  CHECK(status_text(s, noon, {.width = 12}) == whole);
}

TEST_CASE("colour is for what needs a look, and for ready") {
  json s = serving();
  s["problems"] = {"bad"};
  const std::string text = status_text(s, noon, {.colour = true});
  CHECK(text.find("\x1b[32mserve, ready\x1b[0m, since") != std::string::npos);
  CHECK(text.find("\x1b[31mbad\x1b[0m\n") != std::string::npos);
  CHECK(text.find("\x1b[33m11-25 11:59:59Z warn: \x1b[0msomething") != std::string::npos);
  CHECK(text.find("event      11-25 11:58:58Z registered\n") != std::string::npos);
}

TEST_CASE("anything at all makes a page") {
  for (const char* text : {"null", "[]", "3", "{}", R"({"running": true})", R"({"running": true, "agent": [1],
       "since": "x", "problems": {"a": 1}, "events": [1, {}, {"time": "now"}], "services": [1], "settings": 3})",
                           R"({"running": true, "since": -1e300, "agent": {"uptime": 1e300, "last_restart": {}}})"}) {
    CAPTURE(text);
    const json s = json::parse(text);
    CHECK_NOTHROW(status_text(s, noon, {.width = 80, .colour = true}));
    CHECK_NOTHROW(without_ages(s));
  }
}

TEST_CASE("ages alone are no change") {
  json a = serving(), b = serving();
  b["since"] = 70;
  b["agent"]["uptime"] = 71;
  b["agent"]["last_restart"]["ago"] = 7400;
  b["settings"]["age"] = 71;
  CHECK(without_ages(a) == without_ages(b));
  for (const char* pointer : {"/ready", "/agent/pid", "/agent/last_restart/reason", "/settings/hash"}) {
    CAPTURE(pointer);
    json c = b;
    c[json::json_pointer(pointer)] = "another";
    CHECK(without_ages(a) != without_ages(c));
  }
}

TEST_CASE("a stop is told of with what it does and by what") {
  json s = {{"running", true}, {"phase", "leave"}, {"stop", {{"policy", "auto"}, {"budget", 1.8}}}};
  const auto text = [&s] { return status_text(s, {}, {}); };
  CHECK(text().find("stop       finding out why, policy auto\n") != std::string::npos);
  s["stop"]["decision"] = "leave";
  s["stop"]["evidence"] = "the node is deleted";
  CHECK(text().find("stop       leave, policy auto: the node is deleted\n") != std::string::npos);
}

TEST_CASE("lengths of time in two units") {
  for (const auto& [seconds, text] : std::vector<std::pair<double, const char*>>{{0, "0.0s"},
                                                                                 {-1, "0.0s"},
                                                                                 {0.44, "0.4s"},
                                                                                 {9.94, "9.9s"},
                                                                                 {9.96, "10s"},
                                                                                 {59.4, "59s"},
                                                                                 {59.6, "1m"},
                                                                                 {61, "1m1s"},
                                                                                 {3600, "1h"},
                                                                                 {3719, "1h1m"},
                                                                                 {86400 * 12 + 3600 * 4, "12d4h"}}) {
    CAPTURE(seconds);
    CHECK(rough_duration(seconds) == text);
  }
}
