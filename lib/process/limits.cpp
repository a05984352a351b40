#include "process/limits.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace lictor {
namespace {

// A positive number, or nothing: "max", -1, 0 and garbage all mean that nothing is limited.
std::optional<std::int64_t> positive(std::string_view text) {
  const auto value = whole_number<std::int64_t>(trim(text));
  return value && *value > 0 ? value : std::nullopt;
}

std::optional<std::int64_t> positive(const std::optional<std::string>& file) {
  return file ? positive(std::string_view(*file)) : std::nullopt;
}

std::optional<std::int64_t> cpus(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (!quota || !period) return std::nullopt;
  return (*quota - 1) / *period + 1;
}

std::optional<std::int64_t> tighter(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

}  // namespace

Limits limits_of(const CgroupFiles& files, int host_cpus) {
  std::optional<std::int64_t> v2_cpus;
  if (files.cpu_max) {
    if (const auto parts = split_list(trim(*files.cpu_max), ' '); parts.size() == 2) {
      v2_cpus = cpus(positive(std::string_view(parts[0])), positive(std::string_view(parts[1])));
    }
  }
  std::optional<std::int64_t> v1_memory = positive(files.limit_in_bytes);
  if (v1_memory && *v1_memory > std::int64_t{1} << 62) v1_memory.reset();

  Limits limits;
  const auto allowed_cpus = tighter(v2_cpus, cpus(positive(files.cfs_quota_us), positive(files.cfs_period_us)));
  if (allowed_cpus && *allowed_cpus < host_cpus) limits.gomaxprocs = static_cast<int>(*allowed_cpus);
  if (const auto memory = tighter(positive(files.memory_max), v1_memory)) limits.gomemlimit = *memory - *memory / 10;
  return limits;
}

std::optional<std::string> cgroup_path(const std::string& proc_self_cgroup, const std::string& controller) {
  // cgroups(7): hierarchy-ID:controller-list:cgroup-path, where the path may itself hold colons.
  for (const std::string& line : split_list(proc_self_cgroup, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string list = line.substr(first + 1, second - first - 1);
    const auto controllers = split_list(list);
    const bool found = controller.empty()
                           ? line.compare(0, 3, "0::") == 0
                           : std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
    if (found) return line.substr(second + 1);
  }
  return std::nullopt;
}

}  // namespace lictor
