#include "host_platform.hpp"

#include "base/text.hpp"
#include "files/io/files.hpp"
#include "process/io/host.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

namespace lictor {
namespace {

using std::chrono::milliseconds;

// Of the time that there is for an answer: the program that asks Kubernetes ends by itself before that, and is killed after it.
constexpr Duration to_hear = milliseconds(15), to_end = milliseconds(50);

std::vector<std::string> all_of(const Environment& environment) {
  std::vector<std::string> out;
  for (const auto& [name, value] : environment) out.push_back(name + "=" + value);
  return out;
}

// What systemctl goes by: where a user's manager is, and no pager or colours.
std::vector<std::string> for_systemctl(const Environment& environment) {
  std::vector<std::string> out{"LC_ALL=C", "SYSTEMD_COLORS=0"};
  for (const char* name : {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "PATH"}) {
    if (const std::string value = variable_in(environment, name); !value.empty())
      out.push_back(std::string(name) + "=" + value);
  }
  return out;
}

Result<LaunchRequest> systemctl(std::vector<std::string> words, const Environment& environment) {
  auto program = find_binary("systemctl", environment);
  if (!program) return program.error();
  words.insert(words.begin(), std::move(*program));
  return LaunchRequest{.argv = std::move(words), .environment = for_systemctl(environment), .uid = {}, .gid = {}};
}

Result<LaunchRequest> kubernetes(Duration within, const Environment& environment) {
  std::array<char, 4096> own{};
  const ssize_t length = ::readlink("/proc/self/exe", own.data(), own.size());
  std::string path(own.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  path.replace(path.rfind('/') + 1, std::string::npos, kubernetes_program);
  auto program = find_binary(path, environment);
  if (!program) return program.error();
  const auto limit = std::chrono::duration_cast<milliseconds>(within).count();
  return LaunchRequest{.argv = {std::move(*program), "--within", std::to_string(limit)},
                       .environment = all_of(environment),
                       .uid = {},
                       .gid = {}};
}

// What a program has said of its own failure says more than its exit code.
Result<std::string> printed(const Result<void>& ended, std::string output) {
  if (ended) return output;
  Problem failed = ended.error();
  const std::string_view said = trim(std::string_view(output).substr(0, output.find('\n')));
  if (!said.empty()) failed.why = fmt::format("{} ({})", said, failed.why);
  return failed;
}

}  // namespace

Platform platform_of(const Environment& environment, pid_t pid) {
  return platform_of(environment, content_of(fmt::format("/proc/{}/cgroup", pid)),
                     ::access(service_account_token, F_OK) == 0, ::access("/run/systemd/system", F_OK) == 0);
}

StopReason ask_platform(const Platform& platform, const Environment& environment) {
  constexpr Duration limit = std::chrono::seconds(5);
  const auto ask = [limit](Result<LaunchRequest> request) -> Result<std::string> {
    if (!request) return request.error();
    return output_of(std::move(*request), limit);
  };
  switch (platform.kind) {
    case Platform::Kind::none:
      break;
    case Platform::Kind::systemd: {
      const auto shown = ask(systemctl(unit_question(platform), environment));
      return reason_by_systemd(platform, ask(systemctl(jobs_question(platform), environment)), shown ? *shown : "");
    }
    case Platform::Kind::kubernetes:
      if (!platform.why_not.empty()) return not_told("Kubernetes", platform.why_not);
      return reason_by_kubernetes(ask(kubernetes(limit - to_end, environment)));
  }
  return {.evidence = std::string(nothing_tells)};
}

void HostPlatform::ask_why(Duration within, bool grace_only, std::function<void(StopReason)> done) {
  done_ = std::move(done);
  platform_ = platform_of(environment_, getpid());
  if (const auto grace = parse_grace(variable_in(environment_, "LICTOR_GRACE")); grace && *grace > Duration{})
    grace_ = *grace;
  switch (platform_.kind) {
    case Platform::Kind::none:
      break;
    case Platform::Kind::systemd:
      if (grace_only && platform_.extends) break;
      return ask_systemd(within);
    case Platform::Kind::kubernetes:
      return ask_kubernetes(within);
  }
  tell({.evidence = std::string(nothing_tells)});
}

void HostPlatform::ask_systemd(Duration within) {
  auto jobs = systemctl(jobs_question(platform_), environment_);
  auto unit = systemctl(unit_question(platform_), environment_);
  if (!jobs || !unit) return tell(reason_by_systemd(platform_, jobs ? unit.error() : jobs.error(), ""));
  jobs_.run_for_output(std::move(*jobs), within - to_hear, [this](const Result<void>& ended, std::string output) {
    printed_.emplace(printed(ended, std::move(output)));
    systemd_has_told();
  });
  unit_.run_for_output(std::move(*unit), within - to_hear, [this](const Result<void>& ended, std::string output) {
    shown_ = ended ? std::move(output) : "";
    systemd_has_told();
  });
}

void HostPlatform::systemd_has_told() {
  if (printed_ && shown_) tell(reason_by_systemd(platform_, *printed_, *shown_));
}

void HostPlatform::ask_kubernetes(Duration within) {
  if (!platform_.why_not.empty()) return tell(not_told("Kubernetes", platform_.why_not));
  auto program = kubernetes(within - to_end, environment_);
  if (!program) return tell(reason_by_kubernetes(program.error()));
  jobs_.run_for_output(std::move(*program), within - to_hear, [this](const Result<void>& ended, std::string output) {
    tell(reason_by_kubernetes(printed(ended, std::move(output))));
  });
}

void HostPlatform::tell(StopReason reason) {
  if (grace_ && (!reason.grace || *grace_ < *reason.grace)) reason.grace = grace_;
  std::exchange(done_, nullptr)(std::move(reason));
}

}  // namespace lictor
