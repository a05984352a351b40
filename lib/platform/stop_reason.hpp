// What started lictor, and why it is told to stop, by what that one says when it is asked: values in, values out. Who asks is
// daemon/host_platform.hpp.
//
//   systemd      the manager's jobs: a restart of the unit has the job restart, or start where that has taken the place of a stop;
//                a stop, `disable --now` and a removed package have stop; a host that goes down has a start of its target. No job:
//                the signal is somebody else's, or systemd's own for want of memory or time, and Restart= says what follows
//   Kubernetes   lictor-kubernetes, a program beside lictor's, which asks the API server
//   neither      Docker, compose, another init: nothing tells
#pragma once

#include "base/environment.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lictor {

enum class StopCause {
  untold,      // nobody is there who could tell
  unknown,     // somebody is, and does not
  comes_back,  // the same node, at once: a restart, an upgrade, other settings
  goes,        // for good, or nobody knows for how long
  reboots      // with its host
};

struct StopReason {
  StopCause cause = StopCause::untold;
  std::string evidence{};           // for people, in one line; of `untold` what that means
  std::optional<Duration> grace{};  // the platform's, from its signal to its SIGKILL, where it is known
  bool operator==(const StopReason&) const = default;
};

// Nobody tells: the evidence of that.
inline constexpr std::string_view nothing_tells = "nothing here tells why";

struct Platform {
  enum class Kind { none, systemd, kubernetes };
  Kind kind = Kind::none;
  std::string unit{};  // of systemd
  bool user = false;   // the unit is one of a user's own manager
  // systemd gives a stop the time that lictor asks for (sd_notify), whatever the unit says.
  bool extends = false;
  std::string why_not{};  // why a platform that is there can't be asked; empty: it can, as far as one sees from here

  bool operator==(const Platform&) const = default;
};

// What a process with this environment and this /proc/PID/cgroup runs under. `token`: the service account's token is there.
// `systemd`: systemd has booted what the process sees of the host.
Platform platform_of(const Environment& environment, const std::string& cgroup, bool token, bool systemd);

// The service that this /proc/PID/cgroup is of: "lictor.service"; empty: none. `path`: gets the whole of its cgroup's path.
std::string unit_in(const std::string& cgroup, std::string* path = nullptr);

// Where the kubelet puts the service account's token.
inline constexpr const char* service_account_token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
// The program that asks Kubernetes, in the folder of lictor's own.
inline constexpr const char* kubernetes_program = "lictor-kubernetes";

// The arguments of systemctl for the jobs that tell of a unit, and for what it says of the unit itself.
std::vector<std::string> jobs_question(const Platform& platform);
std::vector<std::string> unit_question(const Platform& platform);

// By what it printed then. `jobs` of a systemctl that failed is a problem; what is missing in `shown` is not known.
StopReason reason_by_systemd(const Platform& platform, const Result<std::string>& jobs, const std::string& shown);

// By the one line of JSON that lictor-kubernetes prints, {"known": bool, "leave": bool, "evidence": text, "grace": seconds}; grace may
// be missing. Anything else is `unknown`, as is a program that failed.
StopReason reason_by_kubernetes(const Result<std::string>& printed);

// What is wrong, in the words of `why`: it is not known why lictor stops.
StopReason not_told(std::string_view whom, std::string_view why);

// "25s", or whole seconds as Kubernetes writes terminationGracePeriodSeconds: "30".
Result<Duration> parse_grace(const std::string& text);

// As `systemctl show -p TimeoutStopUSec --value` prints it: "1min 30s", "25s", "500ms". "infinity" is the longest Duration.
std::optional<Duration> parse_systemd_time(const std::string& text);

}  // namespace lictor
