#include "process/work.hpp"

#include "base/text.hpp"

#include <string>
#include <vector>

namespace lictor {
namespace {

// The value of a line "name: value".
std::optional<std::uint64_t> counter(std::string_view text, std::string_view name) {
  for (const std::string& line : split_list(text, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(":"))
      return whole_number<std::uint64_t>(trim(std::string_view(line).substr(name.size() + 1)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessWork> parse_work(std::string_view stat, std::string_view io, long ticks_per_second) {
  // The second field, the program's name in parentheses, may have anything in it.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || ticks_per_second <= 0) return std::nullopt;
  const std::vector<std::string> fields = split_list(stat.substr(name_end + 1), ' ');
  if (fields.size() < 13) return std::nullopt;
  const auto user = whole_number<std::uint64_t>(fields[11]), system = whole_number<std::uint64_t>(fields[12]);
  if (!user || !system) return std::nullopt;
  ProcessWork work;
  work.cpu = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(*user + *system) / static_cast<double>(ticks_per_second)));
  const auto read = counter(io, "read_bytes"), written = counter(io, "write_bytes");
  if (read && written) work.bytes = *read + *written;
  return work;
}

bool has_worked(const ProcessWork& before, const ProcessWork& after, Duration apart) {
  if (before.bytes && after.bytes && *after.bytes != *before.bytes) return true;
  return after.cpu - before.cpu >= apart * working_share;
}

}  // namespace lictor
