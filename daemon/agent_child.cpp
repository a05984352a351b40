#include "agent_child.hpp"

#include "agent_api/node_check.hpp"
#include "agent_api/standing.hpp"
#include "agent_config/io/agent_checks.hpp"
#include "agent_config/io/kept_files.hpp"
#include "agent_start.hpp"
#include "agent_user.hpp"
#include "base/json_text.hpp"
#include "files/io/files.hpp"
#include "identity/io/identity_files.hpp"
#include "process/io/guard.hpp"
#include "process/io/host.hpp"
#include "report/io/log.hpp"
#include "secrets/secrets.hpp"

#include <signal.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace lictor {

AgentChild::AgentChild(boost::asio::any_io_executor executor, Reaper& reaper, SettingsFiles& settings, Says says)
    : executor_(executor),
      reaper_(reaper),
      settings_(settings),
      says_(std::move(says)),
      hook_(executor, reaper, [](const std::string& line) { log::agent_line(line, "hook"); }),
      version_(executor, reaper) {}

// What the recovery token is called depends on the version, and what the agent can read of what another one has kept. Only where
// that is to be written, or another binary was launched here before, is it run for its version: no other launch waits.
void AgentChild::make_ready(std::function<void(const Result<void>&)> ready) {
  constexpr Duration limit = std::chrono::seconds(2);
  const Ground& ground = settings_.in_force();
  const PlanFacts& facts = ground.facts;
  if (knock(facts.api_socket) == 0) {
    return ready(Problem{"agent", "another agent answers on " + facts.api_socket,
                         "end it: two agents on one data directory ruin it", Exit::internal});
  }
  launched_ = binary_file(facts.binary);
  settings_.agent_version_is(known_agent_version(facts.data_dir, facts.binary));
  goes_back_ = false;
  const auto before = agent_record(facts.data_dir);
  const bool needed = before || (!ground.plan.token.empty() && ground.plan.token == facts.recovery_token);
  if (facts.agent_version || !needed) return ready({});
  version_.run_for_output(
      as_agent_user(facts, {facts.binary, "version"}, ground.plan.environment), limit,
      [this, before, ready = std::move(ready)](const Result<void>& ended, const std::string& output) {
        if (const auto version = ended ? parse_consul_version(output) : std::nullopt) take_version(*version, before);
        ready({});
      });
}

// An older one than that of before is remembered only when it has run: what that one has kept is made fit first.
void AgentChild::take_version(const std::string& version, const std::optional<AgentRecord>& before) {
  const PlanFacts& facts = settings_.in_force().facts;  // they may be other ones by now
  const auto numbers = parse_agent_version(version);
  goes_back_ = before && numbers && *numbers < parse_agent_version(before->version);
  if (!goes_back_) {
    remember_version(version);
    settings_.agent_version_is(known_agent_version(facts.data_dir, facts.binary));
    return;
  }
  if (launched_ == binary_file(facts.binary)) settings_.agent_version_is(numbers);
  log::info("the agent is an older Consul than the one before: what that one has kept is written for it",
            {{"version", version}, {"before", before->version}});
}

void AgentChild::remember_version(const std::string& version) {
  const PlanFacts& facts = settings_.in_force().facts;
  if (!launched_ || !parse_agent_version(version)) return;
  const auto kept = keep_agent_record(facts.data_dir, {*launched_, version},
                                      {.mode = 0644, .uid = facts.uid, .gid = facts.gid, .exact = false});
  if (!kept) log::warn(to_string(kept.error()));
}

Result<int> AgentChild::start(std::function<void(AgentEnded)> ended) {
  auto agent = launch_agent();
  if (!agent) return agent.error();
  const auto report = std::make_shared<const LaunchReport>(std::move(agent->report));
  reaper_.expect(agent->pid, [this, report, ended = std::move(ended)](ExitStatus status) {
    if (const pid_t guard = std::exchange(guard_, 0); guard != 0) kill(guard, SIGKILL);
    output_.read_rest();
    log::flush();
    ended({status.code, status.signal, report->failure()});
  });
  return agent->pid;
}

Result<NewChild> AgentChild::launch_agent() {
  if (auto installed = settings_.install(); !installed) return installed.error();
  const Ground& ground = settings_.in_force();
  auto output = output_.open(
      executor_, [this, unsaid = as_said_in_json(secrets_in(ground.plan.effective.merged))](std::string line) {
        // Consul's log shows the passwords by which a cloud is asked for addresses, and no other secret.
        const bool leaves = announces_leave(line), doubts = doubts_servers(line);
        log::agent_line(without_secrets(std::move(line), unsaid));
        if (leaves) says_.leaves();
        if (doubts) says_.doubts_servers();
      });
  if (!output) return output.error();
  const PlanFacts& facts = ground.facts;
  LaunchRequest request = as_agent_user(facts, ground.plan.argv, ground.plan.environment);
  request.output = output->get();
  request.before = [&ground, &facts, goes_back = goes_back_]() -> Result<void> {
    std::vector<std::string> begin_anew = checks_with_status(ground.services);
    // An earlier lictor had its agent ask for the leader in the place of that.
    if (!ground.settings.services && !ground.settings.http_check) begin_anew.emplace_back("service:consul-members");
    forget_kept_checks(facts.data_dir, begin_anew);
    // What can't be written is, as ever, skipped by the agent, which says so.
    if (goes_back && facts.agent_version) (void)fit_kept_files(facts.data_dir, *facts.agent_version);
    return install_identity(facts.identity, facts.data_dir, {.uid = {}, .gid = {}, .exact = false});
  };
  auto agent = launch(executor_, request);
  // With the first process of a container all others end.
  const AgentPrivileges gained = agent_privileges(facts.binary, facts.uid, facts.rights);
  if (agent && (gained.root || !gained.gains.empty()) && getpid() != 1) guard(agent->pid);
  return agent;
}

void AgentChild::guard(pid_t agent) {
  auto guard = start_guard(executor_, agent);
  if (!guard)
    return log::warn("the agent would outlive a lictor that is killed", {{"reason", to_string(guard.error())}});
  guard_ = *guard;
  reaper_.expect(guard_, [this, pid = guard_](ExitStatus) { guard_ = guard_ == pid ? 0 : guard_; });
}

void AgentChild::signal(int pid, int signal) { kill(signal == SIGKILL ? -pid : pid, signal); }

bool AgentChild::gossips() const {
  const Ground& ground = settings_.in_force();
  // Serf's own interface where the user gave it one.
  const std::string serf = text_of(ground.plan.effective.merged, "serf_lan");
  const BindAddress& bind = ground.facts.bind;
  const std::string& address = serf.empty() ? (bind.everywhere ? *bind.everywhere : bind.address) : serf;
  return udp_port_taken(address, ground.plan.serf_port).value_or(true);
}

void AgentChild::run_hook(HookKind kind, std::size_t index, std::function<void(const Result<void>&)> done) {
  const Ground& ground = settings_.in_force();
  const PlanFacts& facts = ground.facts;
  const auto& hooks = ground.settings.hooks;
  const Hook& hook = (kind == HookKind::post_start ? hooks.post_start : hooks.pre_stop).at(index);
  LaunchRequest request = as_agent_user(facts, hook.command, hook_environment(ground.plan, hook));
  request.environment.push_back("CONSUL_HTTP_ADDR=unix://" + facts.api_socket);
  request.environment.push_back("LICTOR_ADDRESS=" + ground.own().address);
  request.environment.push_back("LICTOR_NODE_NAME=" + facts.identity.name);
  request.environment.push_back("LICTOR_NODE_ID=" + facts.identity.id);
  auto binary = find_binary(hook.command.front(), settings_.environment());
  if (!binary) return done(Problem{hook.command.front(), to_string(binary.error()), ""});
  request.argv.front() = std::move(*binary);
  hook_.run(request, hook.timeout, std::move(done));
}

}  // namespace lictor
