#include "process/io/agent_limits.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "files/io/files.hpp"
#include "process/limits.hpp"

namespace lictor {
namespace {

// The first number in a file that holds one; "max" and whatever else is none.
std::optional<std::uint64_t> number_in(std::string_view words) {
  words = trim(words);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(words.data(), words.data() + words.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// The tightest value of a cgroup's file, from the process's own cgroup up to the top of the mount.
std::optional<std::uint64_t> tightest(const std::string& proc_cgroup, const std::string& controller,
                                      const std::string& mount, const std::string& file) {
  auto path = cgroup_path(proc_cgroup, controller);
  if (!path) return std::nullopt;
  std::optional<std::uint64_t> found;
  for (std::string at = *path == "/" ? "" : *path;; at.resize(at.rfind('/'))) {
    const auto value = number_in(content_of("/sys/fs/cgroup" + mount + at + "/" + file));
    // Version 1 has no word for "none": a number near the highest stands for it.
    if (value && *value < (std::uint64_t{1} << 62)) found = std::min(found.value_or(*value), *value);
    if (at.find('/') == std::string::npos) return found;
  }
}

std::optional<std::uint64_t> tighter(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

}  // namespace

Result<AgentLimits> read_agent_limits(pid_t pid) {
  const std::string process = "/proc/" + (pid > 0 ? std::to_string(pid) : "self");
  const std::string table = content_of(process + "/limits");
  constexpr std::string_view files = "Max open files";
  const auto at = table.find(files);
  if (at == std::string::npos) return Problem{process + "/limits", "can't be read", "mount /proc", Exit::retry};
  const std::string cgroup = content_of(process + "/cgroup");
  const auto limits = split_list(std::string_view(table).substr(at + files.size()), ' ');
  return AgentLimits{
      .open_files = limits.empty() ? std::nullopt : number_in(limits[0]),
      .open_files_hard = limits.size() < 2 ? std::nullopt : number_in(limits[1]),
      .memory = tighter(tightest(cgroup, "", "", "memory.max"),
                        tightest(cgroup, "memory", "/memory", "memory.limit_in_bytes")),
      .processes = tighter(tightest(cgroup, "", "", "pids.max"), tightest(cgroup, "pids", "/pids", "pids.max"))};
}

}  // namespace lictor
