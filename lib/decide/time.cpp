#include "decide/time.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <ctime>
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

std::string rfc3339(std::chrono::system_clock::time_point at) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  const std::time_t seconds = since / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, since % 1000);
}

}  // namespace lictor
