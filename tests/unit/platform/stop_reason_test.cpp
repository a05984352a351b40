// Why lictor is told to stop, by what systemd and Kubernetes print: platform/stop_reason.hpp.
#include "platform/stop_reason.hpp"

#include "test.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Platform service{.kind = Platform::Kind::systemd, .unit = "lictor.service", .extends = true};

StopReason by_jobs(const std::string& jobs, const std::string& shown = "Restart=on-failure\nResult=success\n") {
  return reason_by_systemd(service, jobs, shown);
}

}  // namespace

TEST_CASE("what a process runs under is told by its environment and its cgroup") {
  using Kind = Platform::Kind;
  const std::string unit = "0::/system.slice/lictor.service\n",
                    scope = "0::/user.slice/user-1000.slice/session-2.scope\n";
  CHECK(platform_of({}, unit, false, true) == Platform{.kind = Kind::systemd, .unit = "lictor.service"});
  CHECK(platform_of({{"NOTIFY_SOCKET", "/run/systemd/notify"}}, unit, false, true).extends);
  CHECK(platform_of({}, "12:cpu:/a.service\n1:name=systemd:/system.slice/old.service\n", false, true).unit ==
        "old.service");
  const Platform of_user =
      platform_of({}, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/lictor.service\n", false, true);
  CHECK((of_user.user && of_user.unit == "lictor.service" && jobs_question(of_user).front() == "--user"));
  // A shell's, a container's, and one whose systemd is another's.
  CHECK(platform_of({}, scope, false, true) == Platform{});
  CHECK(platform_of({}, "0::/\n", false, false) == Platform{});
  CHECK(platform_of({}, unit, false, false) == Platform{});
  const Environment pod{{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}};
  CHECK(platform_of(pod, unit, true, true) == Platform{.kind = Kind::kubernetes});
  CHECK_FALSE(platform_of(pod, "0::/\n", false, false).why_not.empty());
}

TEST_CASE("systemd's jobs tell a restart from a stop, and both from the end of the host") {
  struct Row {
    const char* jobs;
    StopCause cause;
  };
  // As `systemctl list-jobs --no-legend` prints them.
  for (const Row& row :
       {Row{"  812 lictor.service restart running\n", StopCause::comes_back},
        {"812 lictor.service try-restart waiting\n", StopCause::comes_back},
        {"812 lictor.service start waiting\n", StopCause::comes_back},
        {"812 lictor.service stop running\n", StopCause::goes},
        {"900 reboot.target start waiting\n 812 lictor.service stop running\n", StopCause::reboots},
        {"901 shutdown.target start waiting\n900 reboot.target start waiting\n", StopCause::reboots},
        {"900 kexec.target start waiting\n", StopCause::reboots},
        {"900 soft-reboot.target start waiting\n", StopCause::reboots},
        {"900 poweroff.target start waiting\n812 lictor.service stop running\n", StopCause::goes},
        {"900 halt.target start waiting\n", StopCause::goes},
        {"900 exit.target start waiting\n", StopCause::goes},
        // A stop of the target is none of the host's.
        {"900 shutdown.target stop waiting\n812 lictor.service restart running\n", StopCause::comes_back},
        // Another unit's, a reload, and nothing.
        {"812 nginx.service restart running\n", StopCause::goes},
        {"812 lictor.service reload running\n", StopCause::goes},
        {"No jobs running.\n", StopCause::goes},
        {"", StopCause::goes}}) {
    CAPTURE(row.jobs);
    const StopReason reason = by_jobs(row.jobs);
    CHECK(reason.cause == row.cause);
    CHECK_FALSE(reason.evidence.empty());
  }
  CHECK(by_jobs("1 lictor.service restart running").evidence == "systemd restarts lictor.service");
}

TEST_CASE("without a job Restart= says what follows on the end of the service") {
  const auto cause = [](const char* restart, const char* result) {
    return by_jobs("", fmt::format("Restart={}\nResult={}\nTimeoutStopUSec=40s\n", restart, result)).cause;
  };
  CHECK(cause("on-failure", "success") == StopCause::goes);
  CHECK(cause("on-failure", "oom-kill") == StopCause::comes_back);
  CHECK(cause("on-failure", "timeout") == StopCause::comes_back);
  CHECK(cause("on-abnormal", "oom-kill") == StopCause::comes_back);
  CHECK(cause("always", "success") == StopCause::comes_back);
  CHECK(cause("on-success", "success") == StopCause::comes_back);
  CHECK(cause("no", "oom-kill") == StopCause::goes);
  CHECK(by_jobs("", "").cause == StopCause::goes);
}

TEST_CASE("the time that a unit gives its stop is its grace, unless systemd gives what it is asked for") {
  Platform other = service;
  const auto grace = [&other](const char* shown) { return reason_by_systemd(other, std::string(), shown).grace; };
  CHECK_FALSE(grace("TimeoutStopUSec=5s\n"));
  other.extends = false;
  CHECK(grace("TimeoutStopUSec=5s\n") == seconds(5));
  CHECK(grace("Result=success\nTimeoutStopUSec=1min 30s\n") == seconds(90));
  CHECK_FALSE(grace("TimeoutStopUSec=infinity\n"));
  CHECK_FALSE(grace("TimeoutStopUSec=0\n"));
  CHECK_FALSE(grace(""));
  // It is known also where the jobs are not.
  const Problem failed{"/usr/bin/systemctl", "exit code 1", ""};
  CHECK(reason_by_systemd(other, failed, "TimeoutStopUSec=5s\n").grace == seconds(5));
  CHECK(reason_by_systemd(other, failed, "").cause == StopCause::unknown);
  CHECK(reason_by_systemd(other, failed, "").evidence.find("exit code 1") != std::string::npos);
}

TEST_CASE("Kubernetes's word is one line of JSON; anything else is no answer") {
  const StopReason stays = reason_by_kubernetes(
      std::string(R"({"known": true, "leave": false, "evidence": "the DaemonSet's template has changed", "grace": 45})"
                  "\n"));
  CHECK((stays.cause == StopCause::comes_back && stays.grace == seconds(45)));
  CHECK(stays.evidence == "the DaemonSet's template has changed");
  const StopReason goes =
      reason_by_kubernetes(std::string(R"({"known":true,"leave":true,"evidence":"the node is gone","grace":1.5})"));
  CHECK((goes.cause == StopCause::goes && goes.grace == milliseconds(1500)));
  // Whatever it says of leaving.
  const StopReason unknown =
      reason_by_kubernetes(std::string(R"({"known": false, "leave": false, "evidence": "no rights"})"));
  CHECK((unknown.cause == StopCause::unknown && !unknown.grace));
  CHECK(unknown.evidence == "Kubernetes does not tell why: no rights");

  const std::string line = R"({"known":true,"leave":false,"evidence":"x"})";
  const std::string much(100'000, 'x');
  for (const std::string& text : std::vector<std::string>{
           "", "\n", "yes", "{", "[]", "null", "true", "<html>", line + "\n" + line, "warning\n" + line, much,
           R"({"known":true,"leave":false})", R"({"leave":false,"evidence":"x"})",
           R"({"known":1,"leave":false,"evidence":"x"})", R"({"known":true,"leave":"no","evidence":"x"})"}) {
    CAPTURE(text.substr(0, 80));
    const StopReason reason = reason_by_kubernetes(text);
    CHECK(reason.cause == StopCause::unknown);
    CHECK(reason.evidence.size() < 300);
    CHECK(reason.evidence.find('\n') == std::string::npos);
  }
  // Words that would do something to a terminal, and a grace that is none.
  const StopReason strange =
      reason_by_kubernetes(std::string(R"({"known":true,"leave":true,"evidence":"a\u001b[2J\nb","grace":-1})"));
  CHECK(strange.evidence.find('\x1b') == std::string::npos);
  CHECK_FALSE(strange.grace);
  CHECK(reason_by_kubernetes(Problem{"/usr/bin/lictor-kubernetes", "not done within 285ms, killed", ""}).cause ==
        StopCause::unknown);
}
