#include "place.hpp"

#include "agent_config/sandboxed_checks.hpp"
#include "agent_user.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "child.hpp"
#include "files/io/files.hpp"
#include "host_platform.hpp"
#include "process/io/host.hpp"
#include "process/io/privileges.hpp"
#include "running.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>

namespace lictor {
namespace {

using std::chrono::seconds;

// Of the status of lictor, or the part of it that is the agent's. 0: none runs, or none that answers.
pid_t pid_in(const Json& status) {
  return status.is_object() && status.contains("pid") ? static_cast<pid_t>(integer_of(status, "pid")) : 0;
}

Json status_of_lictor(const Settings& settings) {
  const auto answer = ask_lictor(settings, "/status");
  return answer ? foreign_json(answer->body) : Json();
}

std::optional<Sandbox> sandbox_by_systemd(const std::string& unit, const Environment& environment) {
  const auto systemctl = find_binary("systemctl", environment);
  if (!systemctl) return std::nullopt;
  LaunchRequest request{
      .argv = {*systemctl, "show", "-p", sandbox_properties(), unit}, .environment = {}, .uid = {}, .gid = {}};
  const auto shown = output_of(std::move(request), seconds(5));
  if (!shown || shown->find("LoadState=loaded\n") == std::string::npos) return std::nullopt;
  return sandbox_of_unit(*shown, unit);
}

Sandbox sandbox_by_kernel(pid_t pid, const std::string& origin) {
  const std::string folder = fmt::format("/proc/{}/", pid);
  return sandbox_of_process(content_of(folder + "status"), content_of(folder + "mountinfo"), origin);
}

// The last part of what a script's first line names, behind env the next word.
std::string interpreter_of(const std::string& program) {
  std::array<char, 128> begin{};
  const auto file = open_to_read(program);
  if (!file || ::read(file->get(), begin.data(), begin.size() - 1) < 0) return "";
  const std::string_view text(begin.data());
  if (!text.starts_with("#!")) return "";
  const std::string line(text.substr(2, text.find('\n') - 2));
  for (const std::string& word : split_list(line, ' ')) {
    const std::string name = word.substr(word.rfind('/') + 1);
    if (name != "env" && !name.starts_with('-')) return name;
  }
  return "";
}

std::optional<ProgramLook> look_at_program(const std::string& word, const Environment& environment) {
  if (word.empty() || word.front() == '-' || (word.front() != '/' && word.find('/') != word.npos)) return std::nullopt;
  auto path = find_binary(word, environment);
  // A service manager's PATH is mostly longer than that of a shell.
  if (!path) path = find_binary(word, {});
  if (!path) return std::nullopt;
  struct stat about {};
  if (::stat(path->c_str(), &about) != 0) return std::nullopt;
  return ProgramLook{.set_id = (about.st_mode & (S_ISUID | S_ISGID)) != 0,
                     .capabilities = file_capabilities(*path),
                     .interpreter = interpreter_of(*path)};
}

}  // namespace

std::string unit_of(pid_t pid) { return unit_in(content_of(fmt::format("/proc/{}/cgroup", pid))); }

Sandbox sandbox_of_lictor(const Settings& settings, const Environment& environment) {
  const pid_t lictor = pid_in(status_of_lictor(settings));
  if (lictor == 0) {
    // Where systemd runs the host, it would run lictor.
    const bool managed = ::access("/run/systemd/system", F_OK) == 0;
    if (auto unit = managed ? sandbox_by_systemd("lictor.service", environment) : std::nullopt) return std::move(*unit);
    return sandbox_by_kernel(getpid(), "here");
  }
  Sandbox process = sandbox_by_kernel(lictor, fmt::format("process {}", lictor));
  const std::string name = unit_of(lictor);
  const auto unit = name.empty() ? std::nullopt : sandbox_by_systemd(name, environment);
  return unit ? both(std::move(process), *unit) : process;
}

std::string account_of_policy(const Settings& settings, const Environment& environment) {
  if (settings.stop.policy != StopPolicy::automatic) return "";
  const pid_t lictor = pid_in(status_of_lictor(settings));
  const Platform platform = platform_of(environment, lictor == 0 ? getpid() : lictor);
  const StopReason now = ask_platform(platform, environment);
  if (now.cause == StopCause::unknown)
    return fmt::format("warning: stop.policy auto: {}; each stop leaves", now.evidence);
  if (platform.kind == Platform::Kind::systemd)
    return "stop.policy auto: systemd tells why " + platform.unit + " is stopped";
  if (platform.kind == Platform::Kind::kubernetes) return "stop.policy auto: Kubernetes tells why lictor is stopped";
  if (lictor == 0 && ::access("/run/systemd/system", F_OK) == 0)
    return "stop.policy auto: a service of systemd's is told why it is stopped; else each stop leaves";
  return fmt::format("stop.policy auto: {} lictor is stopped: each stop leaves", nothing_tells);
}

void take_rights(const Sandbox& sandbox) {
  if (geteuid() != 0) return;
  std::vector<gid_t> groups = sandbox.groups.value_or(own_groups());
  for (const std::string& name : sandbox.named_groups) {
    if (const auto gid = find_group(name); gid && *gid) groups = united(std::move(groups), {**gid});
  }
  // What is refused stays as it is: this process has less than lictor then.
  (void)::setgroups(groups.size(), groups.data());
  (void)take_ambient_capabilities(sandbox.ambient);
  limit_capabilities(sandbox.bounding);
  if (sandbox.no_new_privs) gain_no_privileges();
}

std::vector<std::string> checks_out_of_place(const Ground& ground, const Sandbox& sandbox) {
  Environment environment;
  for (const std::string& variable : ground.plan.environment)
    environment.emplace(variable.substr(0, variable.find('=')), variable.substr(variable.find('=') + 1));
  const auto find = [&environment](const std::string& word) { return look_at_program(word, environment); };
  Sandbox of_agent = sandbox;
  of_agent.no_new_privs |= ground.facts.rights.no_new_privs;
  return broken_checks(script_checks(ground.plan.effective, ground.services), of_agent, find);
}

std::string capabilities_lost(const Ground& ground) {
  const PlanFacts& facts = ground.facts;
  const Json status = status_of_lictor(ground.settings);
  const pid_t agent = status.is_object() && status.contains("agent") ? pid_in(status["agent"]) : 0;
  if (agent == 0 || facts.uid == 0) return "";
  const Capabilities had = permitted_capabilities(agent);
  const AgentPrivileges now = agent_privileges(facts.binary, facts.uid, facts.rights);
  const Capabilities has = now.capabilities != 0 ? now.capabilities : facts.rights.capabilities;
  const Capabilities lost = had & ~has;
  if (lost == 0) return "";
  return fmt::format(
      "{}: the agent that runs has {}, and this program would not: give it to the file again (setcap {}=+ep), or name "
      "it in agent.capabilities",
      facts.binary, names_of(lost), names_of(lost));
}

}  // namespace lictor
