#include "agent_api/maintenance.hpp"

#include "test.hpp"

#include <string>

using namespace lictor;

TEST_CASE("a reason is one line of bounded UTF-8; none is one that names lictor") {
  struct Row {
    const char* name;
    std::string text, why;  // why: a piece of it; empty: taken as it is
  };
  for (const Row& row : std::initializer_list<Row>{
           {"plain", "a new disk", ""},
           {"any character that prints", "\"ä\" % & \\n 保", ""},
           {"as long as may be", std::string(reason_limit, 'x'), ""},
           {"longer", std::string(reason_limit + 1, 'x'), "501 bytes"},
           {"two lines", "a\nb", "line break"},
           {"an escape", "\x1b[31m", "control character"},
           {"delete", "\x7f", "control character"},
           {"zero", std::string("a\0b", 3), "control character"},
           {"bytes", "\xff\xfe", "UTF-8"},
           {"half a character", "a\xc3", "UTF-8"},
       }) {
    CAPTURE(row.name);
    const auto reason = maintenance_reason(row.text);
    CHECK(reason.has_value() == row.why.empty());
    if (reason) CHECK(*reason == row.text);
    if (!reason) CHECK(reason.error().why.find(row.why) != std::string::npos);
    if (!reason) CHECK(reason.error().exit == Exit::usage);
  }
  CHECK(maintenance_reason("")->find("lictor maint on") != std::string::npos);
}

TEST_CASE("an order about maintenance says on or off, and at most why") {
  const auto taken = parse_maintenance_order(R"({"on": true, "reason": "why"})");
  REQUIRE(taken.has_value());
  CHECK((taken->on && taken->reason == "why"));
  CHECK_FALSE(parse_maintenance_order(R"({"on": false})")->on);
  for (const char* bad : {"", "null", "[]", "{}", R"({"on": 1})", R"({"on": true, "reason": 1})",
                          R"({"on": true, "reason": "a\nb"})", "{\"on\": true, \"reason\": \"\xff\"}"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_maintenance_order(bad).has_value());
  }
}

TEST_CASE("the reason among checks is shown as one harmless line") {
  const auto checks = [](const std::string& notes) {
    return Json{{"a", {{"CheckID", "service:web"}, {"Notes", "no"}}},
                {"b", {{"CheckID", "_node_maintenance"}, {"Notes", notes}}}};
  };
  CHECK(maintenance_in(checks("why")) == "why");
  CHECK(maintenance_in(checks("a\nb\x1b[0m")) == "a b [0m");
  CHECK(maintenance_in(checks("")) == "");
  const std::string one = "x", umlauts = [] {
    std::string text;
    while (text.size() < 2 * reason_limit) text += "ä";
    return text;
  }();
  CHECK(maintenance_in(checks(umlauts))->size() == reason_limit + 3);
  CHECK(maintenance_in(checks(one + umlauts))->size() == reason_limit - 1 + 3);
  for (const char* none : {"{}", "[]", "null", "1", R"([{"CheckID": "serfHealth"}, 1, null])", R"([{"CheckID": 1}])"}) {
    CAPTURE(none);
    CHECK_FALSE(maintenance_in(Json::parse(none)).has_value());
  }
}

TEST_CASE("an order is done when the servers show it, or may not be asked") {
  const MaintenanceOrder on{true, "why"}, off{false, "why"};
  struct Row {
    const char* name;
    MaintenanceOrder order;
    std::optional<std::string> seen;
    ServersSay servers;
    Exit exit;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"on", on, "why", ServersSay::as_ordered, Exit::ok, "the node is in maintenance: why"},
           {"off", off, std::nullopt, ServersSay::as_ordered, Exit::ok, "the node is not in maintenance"},
           {"an earlier reason", on, "before", ServersSay::as_ordered, Exit::ok, "maintenance: before (as before"},
           {"no permission to look", on, "why", ServersSay::unreadable, Exit::ok, "node:read"},
           {"no server", on, "why", ServersSay::nothing, Exit::incomplete, "no server"},
           {"servers that show it not", off, std::nullopt, ServersSay::otherwise, Exit::incomplete, "do not show it"},
           {"undone meanwhile", on, std::nullopt, ServersSay::as_ordered, Exit::incomplete, "opposite"},
       }) {
    CAPTURE(row.name);
    const Outcome outcome = maintenance_outcome(row.order, row.seen, row.servers);
    CHECK(outcome.exit == row.exit);
    CHECK(outcome.text.find(row.said) != std::string::npos);
  }
}
