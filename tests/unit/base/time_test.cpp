#include "base/time.hpp"

#include "test.hpp"

using namespace lictor;
using namespace std::chrono_literals;

TEST_CASE("durations are read in Go's notation") {
  struct Row {
    const char* text;
    Duration expected;
  };
  const Row rows[] = {
      {"0", 0s},
      {"0s", 0s},
      {"20s", 20s},
      {"250ms", 250ms},
      {"1m30s", 90s},
      {"1h2m3s4ms5us", 1h + 2min + 3s + 4ms + 5us},
      {"1.5h", 90min},
      {".5s", 500ms},
      {"2.s", 2s},
      {"0.25ms", 250us},
      {"1s1s", 2s},
      {"90m", 90min},
      {"1500ns", 1us},  // truncated
      {"999ns", 0us},
      {"600ns600ns", 1us},  // truncated once, at the end
      {"0.123456789123s", 123456us},
      {"2562047h", std::chrono::hours(2562047)},  // Go's largest number of hours
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == row.expected);
  }
}

TEST_CASE("what is no duration says why") {
  struct Row {
    const char* text;
    const char* why;
  };
  const Row rows[] = {
      {"", "no duration"},
      {"s", "no duration"},
      {".s", "no duration"},
      {" 1s", "no duration"},
      {"abc", "no duration"},
      {"+1s", "no duration"},
      {"20", "lacks a unit"},
      {"1.5", "lacks a unit"},
      {"1s30", "lacks a unit"},
      {"1 s", "lacks a unit"},
      {"1d", "lacks a unit"},
      {"00", "lacks a unit"},
      {"1S", "lacks a unit"},
      {"1s ", "no duration"},
      {"-1s", "negative"},
      {"-0", "negative"},
      {"2562048h", "too long"},
      {"9223372036s999ms", "too long"},
      {"99999999999999999999s", "too long"},
      {"2562047.9h", "too long"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK_THAT(parsed.error().why, Contains(row.why));
    CHECK(parsed.error().what.empty());
    CHECK_FALSE(parsed.error().hint.empty());
  }
}

TEST_CASE("durations are written as people write them, and read back") {
  struct Row {
    Duration duration;
    const char* text;
  };
  const Row rows[] = {
      {0s, "0s"},
      {7us, "7us"},
      {250ms, "250ms"},
      {1500us, "1.5ms"},
      {1s, "1s"},
      {1500ms, "1.5s"},
      {90s, "1m30s"},
      {60s, "1m"},
      {90min, "1h30m"},
      {1h, "1h"},
      {1h + 5s, "1h5s"},
      {1s + 1us, "1.000001s"},
      {1min + 20ms, "1m0.02s"},
      {999999us, "999.999ms"},
      {std::chrono::hours(2562047), "2562047h"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(format_duration(row.duration) == row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == row.duration);
  }
  CHECK(format_duration(-20s) == "-20s");
}
