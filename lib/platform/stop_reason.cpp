#include "platform/stop_reason.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "process/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace lictor {
namespace {

constexpr std::size_t longest_words = 200;  // bytes, of words that somebody else chose

// Targets whose start means that the host goes down, those first with which it comes up again.
constexpr std::array<std::string_view, 3> rebooting{"reboot.target", "kexec.target", "soft-reboot.target"};
constexpr std::array<std::string_view, 4> ending{"poweroff.target", "halt.target", "exit.target", "shutdown.target"};

std::string in_one_line(std::string_view text) { return std::string(cut(trim(harmless(text)), longest_words)); }

struct Job {
  std::string unit, type;
};

// "  12 lictor.service restart running"
std::vector<Job> jobs_in(const std::string& text) {
  std::vector<Job> jobs;
  for (const std::string& line : split_list(text, '\n')) {
    const std::vector<std::string> words = split_list(line, ' ');
    if (words.size() >= 4 && whole_number<unsigned>(words[0])) jobs.push_back({words[1], words[2]});
  }
  return jobs;
}

// Of lines NAME=VALUE; empty: it is not there.
std::string property(const std::string& shown, std::string_view name) {
  for (const std::string& line : split_list(shown, '\n')) {
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=')
      return line.substr(name.size() + 1);
  }
  return "";
}

// systemd.service(5), the table of Restart=, of a service that ends well after the SIGTERM.
bool starts_again(const std::string& restart, const std::string& result) {
  if (restart == "always") return true;
  if (result.empty() || result == "success") return restart == "on-success";
  if (restart == "on-failure") return true;
  return restart == "on-abnormal" && result != "exit-code";
}

}  // namespace

std::string unit_in(const std::string& cgroup, std::string* path) {
  for (const char* controller : {"", "name=systemd"}) {
    const auto found = cgroup_path(cgroup, controller);
    if (!found || !found->ends_with(".service")) continue;
    if (path) *path = *found;
    return found->substr(found->rfind('/') + 1);
  }
  return "";
}

Platform platform_of(const Environment& environment, const std::string& cgroup, bool token, bool systemd) {
  const auto has = [&environment](const char* name) { return !variable_in(environment, name).empty(); };
  if (has("KUBERNETES_SERVICE_HOST")) {
    Platform kubernetes{.kind = Platform::Kind::kubernetes};
    if (!token) kubernetes.why_not = "the pod has no service account's token";
    return kubernetes;
  }
  std::string path;
  const std::string unit = systemd ? unit_in(cgroup, &path) : "";
  if (unit.empty()) return {};
  return {.kind = Platform::Kind::systemd,
          .unit = unit,
          .user = path.find("/user@") != std::string::npos,
          .extends = has("NOTIFY_SOCKET")};
}

std::vector<std::string> jobs_question(const Platform& platform) {
  std::vector<std::string> words{"list-jobs", "--no-legend", "--no-pager", "--full", platform.unit};
  words.insert(words.end(), rebooting.begin(), rebooting.end());
  words.insert(words.end(), ending.begin(), ending.end());
  if (platform.user) words.insert(words.begin(), "--user");
  return words;
}

std::vector<std::string> unit_question(const Platform& platform) {
  std::vector<std::string> words{"show", "-p", "Restart", "-p", "Result", "-p", "TimeoutStopUSec", platform.unit};
  if (platform.user) words.insert(words.begin(), "--user");
  return words;
}

StopReason not_told(std::string_view whom, std::string_view why) {
  return {.cause = StopCause::unknown, .evidence = fmt::format("{} does not tell why: {}", whom, in_one_line(why))};
}

StopReason reason_by_systemd(const Platform& platform, const Result<std::string>& printed, const std::string& shown) {
  StopReason reason = not_told("systemd", printed ? "" : printed.error().why);
  if (!platform.extends) {
    const auto limit = parse_systemd_time(property(shown, "TimeoutStopUSec"));
    if (limit && *limit > Duration{} && *limit != Duration::max()) reason.grace = *limit;
  }
  if (!printed) return reason;
  const std::vector<Job> jobs = jobs_in(*printed);
  const auto type_of = [&jobs](std::string_view unit) -> std::string {
    const auto found = std::find_if(jobs.begin(), jobs.end(), [unit](const Job& job) { return job.unit == unit; });
    return found == jobs.end() ? "" : found->type;
  };
  const auto by = [&reason](StopCause cause, std::string evidence) {
    reason.cause = cause;
    reason.evidence = std::move(evidence);
    return reason;
  };
  for (const std::string_view target : rebooting)
    if (type_of(target) == "start") return by(StopCause::reboots, fmt::format("systemd reboots the host: {}", target));
  for (const std::string_view target : ending)
    if (type_of(target) == "start") return by(StopCause::goes, fmt::format("systemd shuts down: {}", target));
  const std::string job = type_of(platform.unit);
  if (job == "stop") return by(StopCause::goes, fmt::format("systemd stops {}", platform.unit));
  if (job == "restart" || job == "try-restart" || job == "reload-or-start" || job == "start")
    return by(StopCause::comes_back, fmt::format("systemd restarts {}", platform.unit));
  const std::string restart = property(shown, "Restart"), result = property(shown, "Result");
  if (starts_again(restart, result))
    return by(StopCause::comes_back,
              fmt::format("systemd starts {} again: Restart={}, Result={}", platform.unit, restart, result));
  return by(StopCause::goes,
            fmt::format("systemd has no job for {}: it was told to end by somebody else", platform.unit));
}

StopReason reason_by_kubernetes(const Result<std::string>& printed) {
  constexpr std::string_view whom = "Kubernetes";
  if (!printed) return not_told(whom, to_string(Problem{printed.error().what, printed.error().why, ""}));
  const auto strange = [&](std::string_view how) {
    return not_told(whom, fmt::format("{} printed {}", kubernetes_program, how));
  };
  const std::string_view text = trim(*printed);
  if (text.empty()) return strange("nothing");
  if (text.find('\n') != std::string_view::npos) return strange("more than one line");
  const Json told = foreign_json(std::string(text));
  const auto has = [&told](const char* key, Json::value_t type) {
    return told.contains(key) && told[key].type() == type;
  };
  if (!told.is_object() || !has("known", Json::value_t::boolean) || !has("leave", Json::value_t::boolean) ||
      !has("evidence", Json::value_t::string))
    return strange("no answer: " + std::string(cut(text, 60)));
  StopReason reason{.cause = told["leave"].get<bool>() ? StopCause::goes : StopCause::comes_back,
                    .evidence = in_one_line(told["evidence"].get<std::string>())};
  if (!told["known"].get<bool>()) reason = not_told(whom, reason.evidence);
  if (told.contains("grace") && told["grace"].is_number()) {
    const double seconds = told["grace"].get<double>();
    if (seconds > 0 && seconds < 1e6) reason.grace = Duration(static_cast<std::int64_t>(seconds * 1e6));
  }
  return reason;
}

Result<Duration> parse_grace(const std::string& text) {
  const auto seconds = whole_number<int>(text);
  if (seconds && *seconds >= 0) return Duration(std::chrono::seconds(*seconds));
  return parse_duration(text);
}

std::optional<Duration> parse_systemd_time(const std::string& text) {
  using std::chrono::hours;
  const std::array<std::pair<std::string_view, Duration>, 9> units{{{"us", Duration(1)},
                                                                    {"ms", std::chrono::milliseconds(1)},
                                                                    {"s", std::chrono::seconds(1)},
                                                                    {"min", std::chrono::minutes(1)},
                                                                    {"h", hours(1)},
                                                                    {"d", hours(24)},
                                                                    {"w", hours(24 * 7)},
                                                                    {"month", std::chrono::seconds(2629800)},
                                                                    {"y", std::chrono::seconds(31557600)}}};
  const std::string_view whole = trim(text);
  if (whole == "infinity") return Duration::max();
  if (whole == "0") return Duration{};
  Duration sum{};
  const auto parts = split_list(whole, ' ');
  for (const std::string& part : parts) {
    // Whole numbers but for seconds, which may have up to six decimals: "1min 1.5s".
    double count = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), count);
    const std::string_view unit(stop, static_cast<std::size_t>(part.data() + part.size() - stop));
    const auto known = std::find_if(units.begin(), units.end(), [unit](const auto& u) { return u.first == unit; });
    if (error != std::errc() || !(count >= 0 && count < 1e9) || known == units.end()) return std::nullopt;
    sum += std::chrono::duration_cast<Duration>(count * known->second);
  }
  if (parts.empty()) return std::nullopt;
  return sum;
}

}  // namespace lictor
