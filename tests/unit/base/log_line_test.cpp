#include "base/log_line.hpp"

#include "test.hpp"

#include <nlohmann/json.hpp>

#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// 2026-11-24T05:24:18.123Z and later.
WallTime at(milliseconds later) { return WallTime(milliseconds(1795497858123) + later); }

Line line(const std::string& message, Fields fields = {}, Level level = Level::info, milliseconds later = {}) {
  return {at(later), level, message, std::move(fields)};
}

}  // namespace

TEST_CASE("a line is written in text and in json") {
  struct Row {
    Line line;
    std::string text, json;  // behind time and level
  };
  const Row rows[] = {
      {line("agent started"), "agent started", R"("message":"agent started")"},
      {line("agent started", {{"launch", 1}, {"pid", 4711}}), "agent started launch=1 pid=4711",
       R"("message":"agent started","launch":1,"pid":4711)"},
      {line("registered", {{"seconds", 0.104}}), "registered seconds=0.104",
       R"("message":"registered","seconds":0.104)"},
      {line("x", {{"a", "10.0.0.1:8300"}, {"b", "two words"}}), R"(x a=10.0.0.1:8300 b="two words")",
       R"("message":"x","a":"10.0.0.1:8300","b":"two words")"},
      // What a reader of key=value would trip over stands in quotes.
      {line("x", {{"a", ""}, {"b", "c=d"}, {"c", "say \"x\""}, {"d", "\\"}, {"e", "é"}}),
       R"(x a="" b="c=d" c="say \"x\"" d="\\" e="é")",
       R"("message":"x","a":"","b":"c=d","c":"say \"x\"","d":"\\","e":"é")"},
      {line("n\x1b[2J\u202e", {{"a", "b\u009bc"}}), "n\uFFFD[2J\uFFFD a=\"b\uFFFDc\"",
       "\"message\":\"n\\u001b[2J\u202e\",\"a\":\"b\u009bc\""},
      {line("two\nlines", {{"a", "b\nc\xff"}}), "two lines a=\"b\\nc\xef\xbf\xbd\"",
       "\"message\":\"two\\nlines\",\"a\":\"b\\nc\xef\xbf\xbd\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(text_line(row.line) == "2026-11-24T05:24:18.123Z info  " + row.text);
    CHECK(json_line(row.line) == R"({"time":"2026-11-24T05:24:18.123Z","level":"info",)" + row.json + "}");
    CHECK_FALSE(nlohmann::json::parse(json_line(row.line), nullptr, false).is_discarded());
  }
  Line often = line("x", {{"a", 1}}, Level::error);
  often.times = 37;
  CHECK(text_line(often) == "2026-11-24T05:24:18.123Z error x a=1 repeated=37");
  CHECK(json_line(often) == R"({"time":"2026-11-24T05:24:18.123Z","level":"error","message":"x","a":1,"repeated":37})");
}

TEST_CASE("a line that says nothing new is held back for a minute, and counted") {
  const Line a = line("a"), b = line("b"), a_warns = line("a", {}, Level::warn), a_1 = line("a", {{"pid", 1}}),
             a_2 = line("a", {{"pid", 2}});
  struct Said {
    seconds when;
    Line line;
    std::vector<std::string> written;  // message, level where it is not info, fields, times
  };
  struct Row {
    const char* what;
    std::vector<Said> said;
    std::vector<std::string> rest = {};
  };
  const Row rows[] = {
      {"once", {{seconds(0), a, {"a"}}}},
      {"again within the minute, then the end", {{seconds(0), a, {"a"}}, {seconds(59), a, {}}}, {"a @59"}},
      {"often, then the end",
       {{seconds(0), a, {"a"}}, {seconds(1), a, {}}, {seconds(2), a, {}}, {seconds(3), a, {}}},
       {"a *3 @3"}},
      {"often, then another line",
       {{seconds(0), a, {"a"}}, {seconds(1), a, {}}, {seconds(2), a, {}}, {seconds(9), b, {"a *2 @2", "b @9"}}}},
      {"again after the minute", {{seconds(0), a, {"a"}}, {seconds(60), a, {"a @60"}}}},
      {"often, and after the minute, which begins anew",
       {{seconds(0), a, {"a"}},
        {seconds(30), a, {}},
        {seconds(59), a, {}},
        {seconds(61), a, {"a *3 @61"}},
        {seconds(90), a, {}},
        {seconds(121), a, {"a *2 @121"}}}},
      // Each of these tells of a change.
      {"there and back",
       {{seconds(0), a, {"a"}}, {seconds(1), b, {"b @1"}}, {seconds(2), a, {"a @2"}}, {seconds(3), b, {"b @3"}}}},
      {"there and back, with what was held back before its change",
       {{seconds(0), a, {"a"}}, {seconds(1), a, {}}, {seconds(2), b, {"a @1", "b @2"}}, {seconds(3), a, {"a @3"}}}},
      {"other fields, another level",
       {{seconds(0), a, {"a"}},
        {seconds(0), a_1, {"a pid=1"}},
        {seconds(0), a_2, {"a pid=2"}},
        {seconds(0), a_2, {}},
        {seconds(0), a_warns, {"a pid=2", "warn a"}}}},
      {"a clock that is put back", {{seconds(90), a, {"a @90"}}, {seconds(10), a, {"a @10"}}}},
  };
  const auto shown = [](const std::vector<Line>& lines) {
    std::vector<std::string> all;
    for (const Line& each : lines) {
      std::string text = each.level == Level::info ? "" : std::string(to_string(each.level)) + " ";
      text += each.message;
      for (const Field& field : each.fields) text += " pid=" + std::to_string(std::get<std::int64_t>(field.value));
      if (each.times != 1) text += " *" + std::to_string(each.times);
      const auto later = std::chrono::duration_cast<seconds>(each.at - at({})).count();
      if (later != 0) text += " @" + std::to_string(later);
      all.push_back(text);
    }
    return all;
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Repeats repeats;
    for (const Said& said : row.said) {
      Line now = said.line;
      now.at = at(said.when);
      CHECK(shown(repeats.take(now)) == said.written);
    }
    const auto rest = repeats.rest();
    CHECK(shown(rest ? std::vector{*rest} : std::vector<Line>{}) == row.rest);
    CHECK_FALSE(repeats.rest());
  }
}

TEST_CASE("the level of an agent's line is recognised") {
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
    CHECK(agent_level(row.line) == row.level);
  }
}

TEST_CASE("an agent's line that is JSON gives its fields to lictor's") {
  const auto wrapped = [](std::string_view line) {
    return nlohmann::json::parse(json_line(ForeignLine{WallTime{} + std::chrono::milliseconds(7), std::string(line)}));
  };
  const auto line =
      wrapped(R"({"@level":"warn","@message":"Synced \"x\"","@module":"agent","@timestamp":"2026-11-24T05:24:18.1Z",)"
              R"("service":"web","tries":3,"more":{"a":[1]},"level":"theirs","time":1,"repeated":2})");
  const nlohmann::json expected = {{"time", "1970-01-01T00:00:00.007Z"},
                                   {"level", "warn"},
                                   {"message", "Synced \"x\""},
                                   {"source", "agent"},
                                   {"@module", "agent"},
                                   {"@timestamp", "2026-11-24T05:24:18.1Z"},
                                   {"service", "web"},
                                   {"tries", 3},
                                   {"more", {{"a", {1}}}},
                                   {"@level", "theirs"},
                                   {"@time", 1},
                                   {"@repeated", 2}};
  CHECK(line == expected);

  for (const char* whole : {"==> Starting Consul agent...", R"({"@level":"info"})", R"({"@message":7})",
                            R"(["@message"])", R"({"@message":"cut)", ""}) {
    const auto kept = wrapped(whole);
    CHECK(kept.at("message") == whole);
    CHECK(kept.at("source") == "agent");
    CHECK(kept.size() == 4);
  }
}

TEST_CASE("lines of an agent say the same where they differ in their time alone, and each tells one") {
  struct Row {
    const char *one, *other;
    bool same;
  };
  const Row rows[] = {
      {"    2026-11-24T05:24:18.123Z [WARN]  agent: x", "    2026-11-25T06:00:00.001Z [WARN]  agent: x", true},
      {"2026-11-24T05:24:18.123+0100 [WARN]  agent: x", "2026-11-24T05:24:19.456+0100 [WARN]  agent: x", true},
      {"2026-11-24T05:24:18.123Z [WARN]  agent: x", "2026-11-24T05:24:18.123Z [ERROR] agent: x", false},
      {"2026-11-24T05:24:18.123Z [WARN]  agent: x=1", "2026-11-24T05:24:18.123Z [WARN]  agent: x=2", false},
      {"2026-11-24T05:24:18.123Z [WARN]  agent: x", "    2026-11-24T05:24:18.123Z [WARN]  agent: x", false},
      {R"({"@level":"warn","@message":"x","@timestamp":"2026-11-24T05:24:18.1Z","n":1})",
       R"({"@level":"warn","@message":"x","@timestamp":"2026-11-24T05:24:19.2Z","n":1})", true},
      {R"({"@level":"warn","@message":"x","@timestamp":"2026-11-24T05:24:18.1Z","n":1})",
       R"({"@level":"warn","@message":"x","@timestamp":"2026-11-24T05:24:18.1Z","n":2})", false},
      // No time: a piece of something longer.
      {"", "", false},
      {"    ", "    ", false},
      {"\t* Failed to join 10.0.0.1", "\t* Failed to join 10.0.0.1", false},
      {"goroutine 1 [running]:", "goroutine 1 [running]:", false},
      {R"({"@message":"x"})", R"({"@message":"x"})", false},
      {R"({"@timestamp":"20)", R"({"@timestamp":"20)", false},
      {"2026-11-24T05:24:18.123Z", "2026-11-24T05:24:18.123Z", false},
      {"2026-11-24", "2026-11-24", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.one, row.other);
    CHECK(same_words(ForeignLine{{}, row.one}, ForeignLine{{}, row.other}) == row.same);
    CHECK_FALSE(same_words(ForeignLine{{}, row.one}, ForeignLine{{}, row.other, "hook"}));
  }
}

TEST_CASE("the journal is the file that JOURNAL_STREAM names") {
  CHECK(is_journal("9:28465", 9, 28465));
  for (const char* other : {"", "9", "9:", "9:28466", "8:28465", " 9:28465", "9:28465 ", "09:28465"})
    CHECK_FALSE(is_journal(other, 9, 28465));
}
