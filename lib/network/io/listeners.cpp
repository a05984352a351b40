#include "network/io/listeners.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.hpp"
#include "files/io/files.hpp"

namespace lictor {
namespace {

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  each_name("/proc", [&pids](std::string_view name) {
    if (const auto pid = whole_number<pid_t>(name)) pids.push_back(*pid);
    return true;
  });
  std::sort(pids.begin(), pids.end());
  return pids;
}

bool has_open(pid_t pid, const std::string& target) {
  const std::string folder = fmt::format("/proc/{}/fd/", pid);
  bool found = false;
  each_name(folder, [&](std::string_view name) {
    char link[64];
    const ssize_t length = ::readlink((folder + std::string(name)).c_str(), link, sizeof link);
    found = length > 0 && std::string_view(link, static_cast<std::size_t>(length)) == target;
    return !found;
  });
  return found;
}

}  // namespace

Result<std::vector<Listener>> list_listeners(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}/net/", pid == 0 ? "self" : std::to_string(pid));
  std::vector<Listener> all;
  for (const auto& [file, protocol] : {std::pair("tcp", Protocol::tcp), std::pair("tcp6", Protocol::tcp),
                                       std::pair("udp", Protocol::udp), std::pair("udp6", Protocol::udp)}) {
    auto text = read_file(folder + file);
    if (!text) return text.error();
    // A kernel without IPv6 has no tcp6; without tcp there is no /proc.
    if (!*text && file == std::string_view("tcp"))
      return Problem{folder + file, "no such file", "mount /proc", Exit::retry};
    const auto found = parse_listeners(text->value_or(""), protocol);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

std::optional<Holder> holder_of(const Listener& listener) {
  const std::string target = fmt::format("socket:[{}]", listener.inode);
  for (const pid_t pid : all_processes()) {
    if (!has_open(pid, target)) continue;
    std::string arguments = content_of(fmt::format("/proc/{}/cmdline", pid));
    std::replace(arguments.begin(), arguments.end(), '\0', ' ');
    return Holder{pid, std::string(trim(content_of(fmt::format("/proc/{}/comm", pid)))), std::string(trim(arguments))};
  }
  return std::nullopt;
}

}  // namespace lictor
