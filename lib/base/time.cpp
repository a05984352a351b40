#include "base/time.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

namespace lictor {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

// A name stands before the one that is its beginning: "ms" before "m".
constexpr std::array<Unit, 6> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

Problem unreadable(std::string_view text, std::string_view why) {
  return Problem{"", fmt::format("\"{}\" {}", text, why), "write a duration such as \"250ms\", \"20s\" or \"1m30s\""};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& rest) {
  std::size_t n = 0;
  while (n < rest.size() && is_digit(rest[n])) ++n;
  const auto digits = rest.substr(0, n);
  rest.remove_prefix(n);
  return digits;
}

const Unit* take_unit(std::string_view& rest) {
  for (const Unit& unit : units) {
    if (!rest.starts_with(unit.name)) continue;
    rest.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

// whole.fraction units in nanoseconds; nothing if that is more than 64 bits hold.
std::optional<std::int64_t> nanoseconds(std::string_view whole, std::string_view fraction, std::int64_t unit) {
  std::int64_t total = 0;
  for (const char c : whole) {
    if (__builtin_mul_overflow(total, 10, &total) || __builtin_add_overflow(total, c - '0', &total)) return {};
  }
  if (__builtin_mul_overflow(total, unit, &total)) return {};
  for (const char c : fraction) {
    unit /= 10;
    if (__builtin_add_overflow(total, unit * (c - '0'), &total)) return {};
  }
  return total;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{};
  if (text.empty()) return unreadable(text, "is no duration");
  if (text.front() == '-') return unreadable(text, "is negative");
  std::int64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto whole = take_digits(rest);
    std::string_view fraction;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      fraction = take_digits(rest);
    }
    if (whole.empty() && fraction.empty()) return unreadable(text, "is no duration");
    const Unit* unit = take_unit(rest);
    if (!unit) return unreadable(text, "lacks a unit (ns, us, ms, s, m or h)");
    const auto part = nanoseconds(whole, fraction, unit->nanoseconds);
    if (!part || __builtin_add_overflow(total, *part, &total)) return unreadable(text, "is too long");
  }
  return Duration(total / 1'000);
}

std::string format_duration(Duration d) {
  if (d < Duration{}) return "-" + format_duration(-d);
  if (d == Duration{}) return "0s";
  constexpr std::int64_t millisecond = 1'000, second = 1'000'000, minute = 60 * second, hour = 60 * minute;
  std::int64_t left = d.count();
  std::string out;
  for (const auto& [length, name] : {std::pair(hour, 'h'), std::pair(minute, 'm')}) {
    if (left >= length) out += fmt::format("{}{}", left / length, name);
    left %= length;
  }
  if (left == 0) return out;
  if (d.count() < millisecond) return fmt::format("{}us", left);
  const bool short_one = d.count() < second;
  const std::int64_t unit = short_one ? millisecond : second;
  out += std::to_string(left / unit);
  if (left % unit != 0) {
    std::string fraction = fmt::format(".{:0{}}", left % unit, short_one ? 3 : 6);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += fraction;
  }
  return out + (short_one ? "ms" : "s");
}

// The calendar of the library, not gmtime: that reads the time zone's files.
std::string rfc3339(std::chrono::sys_seconds at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string rfc3339_milliseconds(std::chrono::system_clock::time_point at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  std::string text = rfc3339(second);
  text.pop_back();
  return text + fmt::format(".{:03}Z", std::chrono::floor<std::chrono::milliseconds>(at - second).count());
}

std::optional<std::chrono::sys_seconds> parse_rfc3339(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  // NOLINTNEXTLINE(cert-err34-c): widths bound every number.
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second) != 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const std::chrono::sys_seconds at = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                      std::chrono::minutes(minute) + std::chrono::seconds(second);
  // Whatever else scanf is lenient about.
  return rfc3339(at) == text ? std::optional(at) : std::nullopt;
}

}  // namespace lictor
