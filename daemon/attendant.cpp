#include "attendant.hpp"

#include "agent_api/io/services_file.hpp"
#include "agent_config/io/agent_checks.hpp"
#include "agent_config/io/kept_files.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "files/io/files.hpp"
#include "identity/io/identity_files.hpp"
#include "process/io/guard.hpp"
#include "process/io/loop_turns.hpp"
#include "report/io/log.hpp"
#include "report/io/timeline_file.hpp"
#include "report/metrics_text.hpp"
#include "status.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>
#include <utility>

namespace lictor {
namespace {

// Of failures of lictor's own, in a life: with more it can't get to its end.
constexpr int most_failures = 100;
// What a node needs to begin to serve is given back once there is nothing to do for so long.
constexpr Duration rest = std::chrono::seconds(5);

// Signals that order something.
constexpr std::array orders{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

// SIG_BLOCK or SIG_UNBLOCK.
void mask_orders(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : orders) sigaddset(&set, signal);
  sigprocmask(how, &set, nullptr);
}

Rules rules_of(const Ground& ground) {
  return rules_of(ground.settings, {.acl = !ground.plan.token.empty(),
                                    .fixed_id = ground.identity.fixed_id(),
                                    .api_after_join = ground.plan.api_after_join});
}

Time now() { return std::chrono::floor<Duration>(std::chrono::steady_clock::now()); }

SignalKind kind_of(int signal) {
  switch (signal) {
    case SIGTERM:
      return SignalKind::terminate;
    case SIGINT:
      return SignalKind::interrupt;
    case SIGQUIT:
      return SignalKind::quit;
    case SIGHUP:
      return SignalKind::reload;
    case SIGUSR2:
      return SignalKind::restart;
    default:
      return SignalKind::report;
  }
}

std::string join_problems(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) text += (text.empty() ? "" : " | ") + to_string(problem);
  return text;
}

AgentApi::Tokens tokens_of(const Plan& plan) {
  return {.registration = plan.registration_token, .fallback = plan.default_token, .agent = plan.agent_token};
}

}  // namespace

Attendant::Attendant(boost::asio::io_context& io, Settings settings, std::optional<std::string> named,
                     Environment environment, Time executed)
    : io_(io),
      named_(std::move(named)),
      environment_(std::move(environment)),
      first_(std::move(settings)),
      life_(new_life(rules_of(first_, {}), static_cast<std::uint64_t>(now().time_since_epoch().count()) +
                                               static_cast<std::uint64_t>(getpid()))),
      timeline_(executed),
      manager_(service_manager(environment_, getpid())),
      signals_(io),
      timer_(io),
      watchdog_(io) {}

void Attendant::hold_signals() { mask_orders(SIG_BLOCK); }

Quit Attendant::run() {
  for (const int signal : orders) signals_.add(signal);
  mask_orders(SIG_UNBLOCK);
  wait_for_signal();
  signal(SIGPIPE, SIG_IGN);
  auto reaper = Reaper::start(io_.get_executor());
  if (!reaper) return {Exit::internal, to_string(reaper.error())};
  reaper_ = std::move(*reaper);
  hook_.emplace(io_.get_executor(), *reaper_, [](const std::string& line) { log::agent_line(line, "hook"); });
  validation_.emplace(io_.get_executor(), *reaper_, [](const std::string& line) { log::agent_line(line); });
  version_.emplace(io_.get_executor(), *reaper_);
  feed(Begin{});
  if (manager_ && manager_->watchdog) feed_watchdog();
  while (!guarded([this] { io_.run(); })) continue;
  if (end_) return *end_;
  const Problem problem{"internal", "the event loop ended by itself", "please report this", Exit::internal};
  return {problem.exit, to_string(problem)};
}

// No exception ends lictor without its stop: the agent would be killed with it, and the node would not leave. True: there was
// none.
template <class Deed>
bool Attendant::guarded(const Deed& deed) {
  try {
    deed();
    return true;
  } catch (const std::exception& error) {
    fail(error.what());
    return false;
  }
}

void Attendant::fail(const std::string& why) {
  log::error("a failure of lictor's own, for which it stops", {{"reason", why}});
  if (++failures_ > most_failures) throw std::runtime_error(why);
  if (!std::exchange(failure_, why).empty()) return;
  boost::asio::post(io_, [this] { feed(Signal{SignalKind::terminate}); });
}

// Effects may bring events at once; those wait until the effects before them are done.
void Attendant::feed(Happening what) {
  queue_.push_back(std::move(what));
  if (std::exchange(feeding_, true)) return;
  while (!queue_.empty() && !end_) {
    const Happening next = std::move(queue_.front());
    queue_.pop_front();
    guarded([&] { take_effects(next); });
  }
  feeding_ = false;
  if (end_) return;
  if (phase_ != life_.phase) phase_changed();
  arm_timer();
}

void Attendant::take_effects(const Happening& what) {
  const Time at = now();
  const std::vector<Effect> effects = step(life_, {at, what});
  timeline_.observe(life_, at);
  if (manager_) tell_manager();
  for (const Effect& effect : effects) {
    guarded([&] { std::visit([this](const auto& e) { act(e); }, effect); });
  }
  answer_waiting(what);
}

// Outcomes, as the JSON {"exit", "text"}: what a command is to end with and to say.
void Attendant::answer_waiting(const Happening& happened) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    std::optional<Outcome> outcome = waiting.outcome(happened);
    if (!outcome && end_) outcome = {Exit::incomplete, "lictor has ended meanwhile: " + end_->reason};
    if (!outcome) return false;
    const Json told = {{"exit", static_cast<int>(outcome->exit)}, {"text", outcome->text}};
    waiting.answer({200, json_text(told) + "\n", "application/json"});
    return true;
  });
}

// After each step and before its effects: a reload that is over within one turn has been one all the same.
void Attendant::tell_manager() {
  Notice next = notice_of(life_, settings_problem_);
  const std::string message = notice_message(told_, next, life_.rules, now());
  if (message.empty()) return;
  told_ = std::move(next);
  tell_manager(message);
}

void Attendant::tell_manager(const std::string& message) {
  if (auto told = manager_->tell(message); !told) log::debug(to_string(told.error()));
}

void Attendant::feed_watchdog() {
  tell_manager(alive_message(told_, *manager_->watchdog));
  watchdog_.expires_after(*manager_->watchdog / 2);
  watchdog_.async_wait([this](boost::system::error_code error) {
    if (!error) feed_watchdog();
  });
}

void Attendant::phase_changed() {
  phase_ = life_.phase;
  log::debug("phase", {{"phase", to_string(phase_)}});
  grown_ = true;
}

void Attendant::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    wait_for_signal();
    feed(Signal{kind_of(signal)});
  });
}

void Attendant::arm_timer() {
  const std::optional<Time> wake = next_wake(life_);
  if (wake == armed_) return;
  armed_ = wake;
  if (phase_ == Phase::serve && wake && *wake - now() >= rest && std::exchange(grown_, false)) give_memory_back();
  if (!wake) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*wake);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    armed_.reset();
    feed(Tick{});
  });
}

// ------------------------------------------------------------------------------------------- prepare

void Attendant::act(const Prepare&) {
  if (!watch_) {
    auto watch = InterfaceWatch::start(io_.get_executor(), [this] { feed(HostChanged{}); });
    if (!watch) return feed(PrepareFailed{watch.error()});
    watch_ = std::move(*watch);
    watch_settings(first_);
    if (auto sources = read_sources(first_, environment_)) sources_ = std::move(*sources);
  } else {
    read_settings_again();
  }
  // What is wrong is all told once it is known where the node is; where its data is may not be known at all.
  const auto data_dir =
      sources_ ? Result<std::string>(boost::system::in_place_value, sources_->facts.data_dir) : data_dir_of(first_);
  if (!data_dir) return feed(PrepareFailed{data_dir.error(), true});
  if (auto held = take_hold(*data_dir); !held) return feed(PrepareFailed{held.error(), true});
  with_interfaces([this](const Interfaces& interfaces) { prepare(interfaces); });
}

void Attendant::with_interfaces(std::function<void(const Interfaces&)> then) {
  list_interfaces(io_.get_executor(), *reaper_, std::move(then));
}

void Attendant::prepare(const Interfaces& interfaces) {
  if (life_.phase != Phase::prepare) return;  // a stop came first
  auto ground = sources_ ? look(*sources_, interfaces) : look(first_, environment_, interfaces);
  if (!ground) {
    Problems problems = ground.error();
    const bool waiting =
        std::all_of(problems.begin(), problems.end(), [](const Problem& p) { return p.exit == Exit::retry; });
    for (std::size_t i = 1; i < problems.size() && !waiting; ++i) log::error(to_string(problems[i]));
    return feed(PrepareFailed{.problem = std::move(problems.front()), .rules = rules_of(first_, {})});
  }
  // An address will not mend a disk.
  if (auto made = make_folders(*ground); !made) return feed(PrepareFailed{made.error(), true});
  settle_on(std::move(*ground));
  feed(Prepared{rules_of(*ground_), ground_->own(), !ground_->identity.former_address.empty()});
}

// While there is no address. Broken settings change nothing here either: the address may yet come for the old ones.
void Attendant::read_settings_again() {
  auto settings = load_settings(named_, environment_);
  Problems problems = settings ? Problems{} : settings.error();
  if (settings) {
    watch_settings(*settings);
    if (auto same = same_from_start_to_end(*settings); !same) problems.push_back(same.error());
  }
  if (problems.empty()) {
    auto sources = read_sources(*settings, environment_);
    if (!sources) problems = sources.error();
    if (sources) {
      if (settings->digest != first_.digest) log::info("new settings, before there is an agent");
      if (sources_ && sources->facts.data_dir != sources_->facts.data_dir) locks_.reset();
      sources_ = std::move(*sources);
      first_ = std::move(*settings);
      use_log_and_watch();
    }
  }
  const std::string before = std::exchange(settings_problem_, join_problems(problems));
  if (!problems.empty() && settings_problem_ != before)
    log::error("settings not applied, the old ones stay in force", {{"reason", settings_problem_}});
}

// The directories and the sockets: waiting for an address would not mend what is wrong with them.
Result<void> Attendant::take_hold(const std::string& data_dir) {
  if (!locks_) {
    auto locks = lictor::lock(first_, data_dir);
    if (!locks) return locks.error();
    locks_ = std::move(*locks);
  }
  return control_socket_ ? Result<void>{} : open_control();
}

void Attendant::settle_on(Ground ground) {
  for (const std::string& notice : ground.plan.notices) log::info(notice);
  for (const std::string& warning : ground.warnings) log::warn(warning);
  const IdentityVerdict& identity = ground.identity;
  if (identity.mended) log::warn(*identity.mended);
  if (identity.cloned) {
    log::warn("the data directory came from another machine: the node takes a new id (node.on_clone)",
              {{"name", identity.identity.name}, {"id", identity.identity.id}});
  }
  if (identity.former_name) {
    log::info("the node has another name: the old one is cleared away once it is dead",
              {{"name", identity.identity.name}, {"before", *identity.former_name}, {"id", identity.identity.id}});
  }
  log::info("identity and address settled", {{"name", identity.identity.name},
                                             {"name_by", identity.name_origin},
                                             {"id", identity.identity.id},
                                             {"id_by", identity.id_origin},
                                             {"address", ground.facts.bind.address},
                                             {"address_by", ground.facts.bind.origin}});
  api_ = std::make_unique<AgentApi>(io_.get_executor(), ground.facts.api_socket, [this] { token_refused(); });
  api_->use_tokens(tokens_of(ground.plan));
  api_->use_record(kept_services(ground.facts.data_dir), [this](const AgentApi::Record& record) {
    const PlanFacts& facts = ground_->facts;
    const FileAttributes attributes{.mode = 0600, .uid = facts.uid, .gid = facts.gid, .durable = false};
    if (auto kept = keep_services(record, facts.data_dir, attributes); !kept) log::warn(to_string(kept.error()));
  });
  ground_ = std::move(ground);
  sources_.reset();
  settled_ = now();
}

const Settings& Attendant::settings() const { return ground_ ? ground_->settings : first_; }

Result<void> Attendant::open_control() {
  const auto handler = [this](const ControlRequest& request) { return reply_or_failure(request); };
  auto socket = ControlServer::listen_unix(io_.get_executor(), settings().control.socket, 0660, std::nullopt, handler);
  if (!socket) return socket.error();
  control_socket_ = std::move(*socket);
  if (settings().control.http.empty()) return {};
  auto http = ControlServer::listen_tcp(io_.get_executor(), settings().control.http, handler);
  if (!http) return http.error();
  control_http_ = std::move(*http);
  return {};
}

// -------------------------------------------------------------------------------------------- launch

void Attendant::act(const Launch& e) {
  if (knock(ground_->facts.api_socket) == 0) {
    return feed(LaunchFailed{Problem{"agent", "another agent answers on " + ground_->facts.api_socket,
                                     "end it: two agents on one data directory ruin it", Exit::internal}});
  }
  learn_version([this, launch = e.launch] { launch_agent(launch); });
}

// What the recovery token is called depends on it, and what the agent can read of what another one has kept. Only where that
// is to be written, or another binary was launched here before, is it run for its version: no other launch waits.
void Attendant::learn_version(std::function<void()> then) {
  constexpr Duration limit = std::chrono::seconds(2);
  launched_ = binary_file(ground_->facts.binary);
  PlanFacts& facts = ground_->facts;
  facts.agent_version = known_agent_version(facts.data_dir, facts.binary);
  goes_back_ = false;
  const auto before = agent_record(facts.data_dir);
  const bool needed = before || (!ground_->plan.token.empty() && ground_->plan.token == facts.recovery_token);
  if (facts.agent_version || !needed) return then();
  version_->run_for_output(as_agent_user(facts, {facts.binary, "version"}, ground_->plan.environment), limit,
                           [this, before, then = std::move(then)](const Result<std::string>& output) {
                             if (const auto version = output ? parse_consul_version(*output) : std::nullopt)
                               take_version(*version, before);
                             then();
                           });
}

// An older one than that of before is remembered only when it has run: what that one has kept is made fit first.
void Attendant::take_version(const std::string& version, const std::optional<AgentRecord>& before) {
  PlanFacts& facts = ground_->facts;
  const auto numbers = parse_agent_version(version);
  goes_back_ = before && numbers && *numbers < parse_agent_version(before->version);
  if (!goes_back_) {
    remember_version(version);
    // The settings may be other ones by now.
    facts.agent_version = known_agent_version(facts.data_dir, facts.binary);
    return;
  }
  if (launched_ == binary_file(facts.binary)) facts.agent_version = numbers;
  log::info("the agent is an older Consul than the one before: what that one has kept is written for it",
            {{"version", version}, {"before", before->version}});
}

void Attendant::remember_version(const std::string& version) {
  const PlanFacts& facts = ground_->facts;
  if (!launched_ || !parse_agent_version(version)) return;
  const auto kept =
      keep_agent_record(facts.data_dir, {*launched_, version}, {.mode = 0644, .uid = facts.uid, .gid = facts.gid});
  if (!kept) log::warn(to_string(kept.error()));
}

void Attendant::launch_agent(int launch) {
  if (life_.stop) return feed(LaunchFailed{Problem{"agent", "a stop came first", "", Exit::internal}});
  auto agent = start_agent();
  if (!agent) return feed(LaunchFailed{agent.error()});
  api_->reset(ground_->plan.token);
  const auto report = std::make_shared<const LaunchReport>(std::move(agent->report));
  reaper_->expect(agent->pid, [this, launch, report](ExitStatus status) {
    if (const pid_t guard = std::exchange(guard_, 0); guard != 0) kill(guard, SIGKILL);
    agent_output_.read_rest();
    if (launch == life_.launches) feed(AgentEnded{status.code, status.signal, report->failure()});
  });
  log::info("agent started", {{"launch", launch}, {"pid", agent->pid}});
  feed(Launched{agent->pid});
}

Result<NewChild> Attendant::start_agent() {
  if (auto installed = install_consul_json(*ground_); !installed) return installed.error();
  auto output = agent_output_.open(io_.get_executor(),
                                   [unsaid = as_said_in_json(secrets_in(ground_->plan.consul_json))](std::string line) {
                                     // Consul's log shows the passwords by which a cloud is asked for addresses, and no other secret.
                                     log::agent_line(without_secrets(std::move(line), unsaid));
                                   });
  if (!output) return output.error();
  const PlanFacts& facts = ground_->facts;
  LaunchRequest request = as_agent_user(facts, ground_->plan.argv, ground_->plan.environment);
  request.output = output->get();
  request.gain_privileges |= !agent_privileges(facts.binary, facts.uid).gains.empty();
  request.before = [&facts, goes_back = goes_back_, ids = checks_with_status(ground_->services)]() -> Result<void> {
    forget_kept_checks(facts.data_dir, ids);
    // What can't be written is, as ever, skipped by the agent, which says so.
    if (goes_back && facts.agent_version) (void)fit_kept_files(facts.data_dir, *facts.agent_version);
    return install_identity(facts.identity, facts.data_dir, {});
  };
  auto agent = launch(io_.get_executor(), request);
  // With the first process of a container all others end.
  if (agent && request.gain_privileges && getpid() != 1) guard(agent->pid);
  return agent;
}

void Attendant::guard(pid_t agent) {
  auto guard = start_guard(io_.get_executor(), agent);
  if (!guard)
    return log::warn("the agent would outlive a lictor that is killed", {{"reason", to_string(guard.error())}});
  guard_ = *guard;
  reaper_->expect(guard_, [this, pid = guard_](ExitStatus) { guard_ = guard_ == pid ? 0 : guard_; });
}

// ----------------------------------------------------------------------------------- calls to the agent

void Attendant::act(const Probe& e) {
  api_->probe(e.deadline, [this, launch = e.launch](ProbeAnswer answer) {
    // An agent that answers has its gossip port; in the way of one that is about to bind it, looking would end it.
    if (answer == ProbeAnswer::silent) return feed(Probed{launch, answer, 0});
    // Serf's own interface where the user gave it one; what can't be told counts as gossip.
    const std::string serf = text_of(ground_->plan.consul_json, "serf_lan");
    const std::string& address = serf.empty() ? ground_->facts.bind.address : serf;
    const bool gossip = udp_port_taken(address, ground_->plan.serf_port).value_or(true);
    feed(Probed{launch, answer, api_->facts().members, gossip});
  });
}

void Attendant::act(const SendServices& e) {
  if (e.what != Sending::news) api_->look_at_maintenance();  // with all else that the agent has
  api_->send_services(ground_->services, e.what, [this, launch = e.launch](AgentApi::Sent sent) {
    feed(ServicesSent{launch, std::move(sent.failure), sent.refused, sent.changed});
  });
}

void Attendant::act(const LookUpCatalog& e) {
  const Identity& identity = ground_->facts.identity;
  api_->look_up_catalog(identity.name, identity.id, ground_->services, [this, launch = e.launch](AgentApi::Look look) {
    feed(CatalogSeen{launch, look.answer, std::move(look.holder), std::move(look.leftovers)});
  });
}

void Attendant::act(const SendAgain& e) {
  api_->send_again(ground_->own(), ground_->services, e.seen, [this, launch = e.launch](AgentApi::Sent sent) {
    feed(SentAgain{launch, std::move(sent.failure), sent.refused, sent.missing});
  });
}

void Attendant::act(const Flush& e) {
  api_->flush(e.anew, [this, launch = e.launch](bool refused) { feed(Flushed{launch, refused}); });
}

void Attendant::act(const AwaitChange& e) {
  api_->await_change(ground_->facts.identity.name, e.limit, [this, launch = e.launch](bool told) {
    feed(ChangeSeen{launch, told});
  });
}

void Attendant::act(const TakeIdBack& e) {
  with_interfaces([this, id = e.id](const Interfaces& interfaces) {
    auto ground = take_id(*ground_, interfaces, id);
    if (!ground) return feed(IdTakenBack{life_.own, to_string(ground.error().front())});
    next_ = std::move(*ground);
    feed(IdTakenBack{next_->own(), ""});
  });
}

void Attendant::act(const LookAround& e) {
  api_->look_around(life_.own, e.health, [this, launch = e.launch](const AgentApi::Surroundings& seen) {
    remember_version(api_->facts().version);
    feed(LookedAround{launch, find_claims(life_.own, seen.members, seen.catalog), seen.failed_member, seen.failure});
  });
}

void Attendant::act(const Clear& e) {
  api_->clear(e.claim, [this, launch = e.launch](ClearAnswer answer, std::string text) {
    feed(Cleared{launch, answer, std::move(text)});
  });
}

void Attendant::act(const Join& e) {
  api_->join(join_targets(ground_->plan), [this, launch = e.launch] { feed(Joined{launch}); });
}

void Attendant::act(const Rejoin&) { api_->rejoin(); }

void Attendant::act(const ReadAddress&) {
  with_interfaces([this](const Interfaces& interfaces) {
    // Of interfaces that can't be listed right now nothing new is known.
    if (!interfaces && !life_.address_gone) {
      log::warn(to_string(interfaces.error()));
      return feed(AddressRead{AddressState::same, ground_->facts.bind.address});
    }
    const auto bind = look_at_address(*ground_, interfaces);
    if (!bind) return feed(AddressRead{AddressState::gone, bind.error().why});
    const bool same = bind->address == ground_->facts.bind.address;
    feed(AddressRead{same ? AddressState::same : AddressState::other, bind->address});
  });
}

void Attendant::act(const AskLeave& e) {
  log::info("asking the agent to leave the cluster");
  api_->leave(e.deadline, [this, launch = e.launch](std::string failure) {
    feed(LeaveAnswered{launch, std::move(failure)});
  });
}

void Attendant::act(const RepeatLeave&) {
  api_->repeat_leave(ground_->facts.identity.name, [](const std::string& failure) {
    if (!failure.empty()) log::warn(failure);
  });
}

void Attendant::act(const Deregister& e) {
  api_->deregister(ground_->facts.identity.name, [this, launch = e.launch](std::string failure) {
    feed(Deregistered{launch, std::move(failure)});
  });
}

// ------------------------------------------------------------------------------------------- children

void Attendant::act(const RunHook& e) {
  const auto& hooks = e.kind == HookKind::post_start ? settings().hooks.post_start : settings().hooks.pre_stop;
  const Hook& hook = hooks.at(e.index);
  const PlanFacts& facts = ground_->facts;
  LaunchRequest request = as_agent_user(facts, hook.command, hook_environment(ground_->plan, hook));
  request.environment.push_back("CONSUL_HTTP_ADDR=unix://" + facts.api_socket);
  request.environment.push_back("LICTOR_ADDRESS=" + facts.bind.address);
  request.environment.push_back("LICTOR_NODE_NAME=" + facts.identity.name);
  request.environment.push_back("LICTOR_NODE_ID=" + facts.identity.id);
  const auto answer = [this, launch = e.launch](std::string failure) { feed(HookEnded{launch, std::move(failure)}); };
  auto binary = find_binary(hook.command.front(), environment_);
  if (!binary) return answer(to_string(binary.error()));
  request.argv.front() = std::move(*binary);
  hook_->run(request, hook.timeout, answer);
}

void Attendant::act(const EndHook&) { hook_->end(); }

void Attendant::act(const EndAgent& e) {
  // KILL takes the script checks with it; TERM is for the agent alone, which ends them itself.
  kill(e.signal == SIGKILL ? -life_.agent->pid : life_.agent->pid, e.signal);
}

void Attendant::act(const AwaitChildren&) {
  reaper_->when_empty([this] { feed(ChildrenGone{}); });
}

void Attendant::act(const SignalChildren& e) {
  reaper_->signal_all(e.signal, [signal = e.signal](std::size_t count) {
    if (count == 0) return;
    log::info(signal == SIGKILL ? "killing processes that were left" : "ending processes that were left",
              {{"count", static_cast<std::int64_t>(count)}});
  });
}

// ---------------------------------------------------------------------------------------- new settings

// Before the files are read, so that no change falls between. New settings may turn it on, and turn it off when applied.
void Attendant::watch_settings(const Settings& read) {
  if (!read.watch.settings && !settings().watch.settings) return;
  if (!file_watch_) {
    // Not asked again: to say no takes the kernel 10 ms, in which nobody is served.
    if (file_watch_refused_) return;
    auto watch = FileWatch::start(
        io_.get_executor(), {.changed = [this](const std::vector<std::string>& paths) { settings_changed(paths); },
                             .failed = [](const Problem& problem) { log::warn(to_string(problem)); }});
    if (!watch) {
      file_watch_refused_ = true;
      log::warn(to_string(watch.error()));
      return;
    }
    file_watch_ = std::move(*watch);
  }
  file_watch_->watch(files_behind(read, named_, environment_));
}

// What was only looked at is not watched on. The watch itself stays: the kernel takes 10 ms and more to end an inotify
// instance.
void Attendant::watch_as_settled() {
  if (file_watch_ && !settings().watch.settings) file_watch_->watch({});
}

void Attendant::settings_changed(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) log::info("a settings file has changed", {{"path", path}});
  feed(Signal{SignalKind::reload});
}

// A file may have changed unseen: on a network file system, or with watch.settings off.
void Attendant::token_refused() {
  // Settings that were refused would be read along with it.
  if (!settings_problem_.empty()) return;
  const auto read = read_secrets(settings());
  if (!read || read->secrets == ground_->facts.secrets) return;
  log::info("a token was refused, and its file holds another one by now");
  boost::asio::post(io_, [this] { feed(Signal{SignalKind::reload}); });
}

void Attendant::act(const Reload& e) {
  with_interfaces(
      [this, settings_too = e.settings](const Interfaces& interfaces) { reload(settings_too, interfaces); });
}

void Attendant::reload(bool settings_too, const Interfaces& interfaces) {
  if (ending()) return drop_reload();
  grown_ = true;
  // With `ignore` the address changes only where the settings that choose it do.
  const auto running = [this](const Settings& settings) {
    return Running{.token = ground_->facts.recovery_token,
                   .agent_version = ground_->facts.agent_version,
                   .bound = settings.bind.restart_on_change ? nullptr : &*ground_,
                   .identity = ground_->facts.identity};
  };
  const auto prepare = [&]() -> ResultAll<Ground> {
    if (!settings_too) return look(*ground_, interfaces, running(ground_->settings));
    auto settings = load_settings(named_, environment_);
    if (!settings) return settings.error();
    watch_settings(*settings);
    if (auto same = same_from_start_to_end(*settings); !same) return Problems{same.error()};
    return look(*settings, environment_, interfaces, running(*settings));
  };
  auto next = prepare();
  if (!next) return reload_failed(next.error(), settings_too);
  if (next->facts.data_dir != ground_->facts.data_dir) {
    return reload_failed({Problem{"node.data_dir", "can't change while lictor runs", "restart lictor for that"}});
  }
  const PlanDifference difference = plan_difference(ground_->plan, next->plan);
  if (difference.change == Change::none) return prepared(std::move(*next), difference, settings_too);
  if (settings_too) {
    if (const Problems problems = start_problems(*next, interfaces); !problems.empty()) return reload_failed(problems);
  }
  validate(std::move(*next), difference, settings_too);
}

Result<void> Attendant::same_from_start_to_end(const Settings& next) const {
  const Settings& now = settings();
  if (next.run_dir == now.run_dir && next.control.socket == now.control.socket &&
      next.control.http == now.control.http && next.log.json == now.log.json)
    return {};
  return Problem{"settings", "run_dir, control.* and log.format can't change while lictor runs",
                 "restart lictor for that"};
}

void Attendant::use_log_and_watch() {
  watch_as_settled();
  log::set_up(settings().log.level, settings().log.json);
}

// Of an address alone nothing is told: what the settings' own problem is stays to be seen.
void Attendant::reload_failed(const Problems& problems, bool settings_too) {
  watch_as_settled();
  const std::string problem = join_problems(problems);
  if (settings_too) settings_problem_ = problem;
  feed(Reloaded{.result = ReloadResult::broken, .rules = {}, .text = problem, .settings = settings_too});
}

// The stop came first. An agent that leaves must hear of no reload: it would put the node back, or end without having left.
void Attendant::drop_reload() {
  watch_as_settled();
  feed(Reloaded{ReloadResult::broken, {}, "lictor is stopping"});
}

// Consul's own opinion first: a file it refuses must never replace one that works.
void Attendant::validate(Ground next, PlanDifference difference, bool settings_too) {
  const std::string path = next_consul_json();
  if (auto written = write_consul_json(next, path); !written) {
    unlink(path.c_str());  // it may stand there all the same, and holds secrets
    return reload_failed({written.error()}, settings_too);
  }
  LaunchRequest request = validation(next, path);
  request.before = [path] { return sync_file(path); };
  validation_->run(request, std::chrono::seconds(10),
                   [this, path, settings_too, next = std::make_shared<Ground>(std::move(next)),
                    difference = std::move(difference)](const std::string& failure) {
                     if (failure.empty()) return prepared(std::move(*next), difference, settings_too);
                     unlink(path.c_str());
                     reload_failed(
                         {Problem{"consul validate", failure, "see its lines above and mend the agent's settings"}},
                         settings_too);
                   });
}

std::string Attendant::next_consul_json() const { return settings().run_dir + "/consul.next.json"; }

// It stays beside what is in force until the life says what becomes of it.
void Attendant::prepared(Ground next, const PlanDifference& difference, bool settings_too) {
  const bool services_differ = next.services != ground_->services;
  std::string keys = lictor::join(difference.keys, " ");
  if (difference.change == Change::none && services_differ) keys += keys.empty() ? "services" : " services";
  if (settings_too) settings_problem_.clear();
  next_ = std::move(next);
  Reloaded news{.result = ReloadResult::unchanged,
                .rules = rules_of(*next_),
                .text = "new settings: " + keys,
                .own = next_->own(),
                .keys = keys,
                .settings = settings_too};
  if (difference.change == Change::restart) {
    news.result = ReloadResult::restart;
  } else if (difference.change == Change::reload) {
    news.result = ReloadResult::reloaded;
    news.text = "new settings, taken by the running agent: " + keys;
  } else if (!keys.empty()) {
    news.result = ReloadResult::services;
  } else {
    news.text = "settings read again; nothing for the agent has changed";
  }
  feed(std::move(news));
}

void Attendant::act(const Adopt& e) {
  if (next_->settings.digest != ground_->settings.digest || next_->config.merged != ground_->config.merged)
    settled_ = now();
  if (next_->keyring && next_->keyring != ground_->keyring) log::warn(to_string(*next_->keyring));
  Ground next = std::move(*next_);
  next_.reset();
  if (e.keep) before_ = std::move(*ground_);
  put_into_force(std::move(next));
  if (!e.reload) {
    unlink(next_consul_json().c_str());  // a launch writes its own
    api_->use_tokens(tokens_of(ground_->plan));
    return;
  }
  const auto answer = [this, launch = e.launch](const std::string& failure) {
    // The running agent has its new default token only when it has reloaded.
    api_->use_tokens(tokens_of(ground_->plan));
    feed(AgentReloaded{launch, failure});
  };
  if (auto moved = move_file(next_consul_json(), ground_->facts.config_path); !moved)
    return answer(to_string(moved.error()));
  api_->reload(answer);
}

void Attendant::act(const GoBack& e) {
  Ground before = std::move(*before_);
  before_.reset();
  put_into_force(std::move(before));
  settled_ = now();
  settings_problem_ = to_string(e.why);
  api_->use_tokens(tokens_of(ground_->plan));
  if (!life_.agent) return;  // a launch writes its own consul.json
  if (auto written = write_consul_json(*ground_, ground_->facts.config_path); !written)
    return log::error(to_string(written.error()));
  api_->reload([](const std::string& failure) {
    if (!failure.empty()) log::warn("the agent did not take back the settings before", {{"reason", failure}});
  });
}

void Attendant::act(const Forget&) {
  if (next_) unlink(next_consul_json().c_str());
  next_.reset();
  before_.reset();
}

void Attendant::put_into_force(Ground ground) {
  ground_ = std::move(ground);
  // What an agent can't do without them it says itself.
  if (auto made = make_folders(*ground_); !made) log::error(to_string(made.error()));
  use_log_and_watch();
}

// ------------------------------------------------------------------------------------------ the outside

void Attendant::act(const Report&) { log::info("status " + json_text(status_json(standpoint()))); }

void Attendant::act(const Say& e) { log::write(e.tone, e.text, e.fields); }

void Attendant::act(const Quit& e) {
  const auto seconds = [](auto time) {
    return std::chrono::duration<double>(std::chrono::floor<std::chrono::microseconds>(time)).count();
  };
  log::debug("longest turn of the event loop",
             {{"seconds", seconds(LoopTurn::longest())}, {"lost", seconds(LoopTurn::longest_lost())}});
  end_ = e;
  if (!failure_.empty())
    end_ = {Exit::internal,
            to_string(Problem{"internal", failure_, "please report this", Exit::internal}) + " (" + e.reason + ")"};
  leave_record();  // before anybody hears of the end, and asks
  answer_waiting(Tick{});
  control_socket_.reset();
  control_http_.reset();
  io_.stop();
}

ControlReply Attendant::order(SignalKind kind, bool wait) {
  // Not from inside the server's own turn: a stop destroys the server.
  boost::asio::post(io_, [this, kind] { feed(Signal{kind}); });
  if (!wait) return {202, "accepted\n"};
  if (kind == SignalKind::reload && (ending() || life_.phase == Phase::prepare))
    return {409,
            ending() ? "lictor is stopping\n" : "lictor is still preparing: the settings are read again for that\n"};
  if (kind == SignalKind::restart && ending()) return {409, "lictor is stopping\n"};
  return reply_when_known([this, kind, launches = life_.launches,
                           text = std::string()](const Happening& happened) mutable -> std::optional<Outcome> {
    if (kind == SignalKind::terminate && end_) return Outcome{end_->exit, end_->reason};
    if (const auto* reloaded = std::get_if<Reloaded>(&happened); kind == SignalKind::reload && reloaded)
      text = reloaded->text;
    // What an agent has to take is taken when one has answered with it.
    if (kind == SignalKind::reload && !text.empty() && !life_.reloading.running && !life_.before && !ending())
      return settings_problem_.empty() ? Outcome{Exit::ok, text} : Outcome{Exit::config, settings_problem_};
    if (kind == SignalKind::restart && ready(life_) && life_.launches > launches)
      return Outcome{Exit::ok, fmt::format("the node is ready again, its agent has pid {}", life_.agent->pid)};
    return std::nullopt;
  });
}

ControlReply Attendant::reply_when_known(std::function<std::optional<Outcome>(const Happening&)> outcome) {
  ControlReply reply;
  reply.later = [this, outcome = std::move(outcome)](std::function<void(ControlReply)> answer) {
    waiting_.push_back({outcome, std::move(answer)});
  };
  return reply;
}

ControlReply Attendant::maintain(const std::string& body) {
  const auto order = parse_maintenance_order(body);
  if (!order) return {400, to_string(order.error()) + "\n"};
  if (ending()) return {409, "lictor is stopping\n"};
  if (!maintaining_.expired()) return {409, "another order about maintenance is under way\n"};
  if (!life_.agent || life_.agent->ending || !life_.agent->answered)
    return {503, "no agent answers that could be told; order it again when one does\n"};
  auto outcome = std::make_shared<std::optional<Outcome>>();
  maintaining_ = outcome;
  api_->maintain(life_.own.name, *order, servers_limit,
                 [this, outcome, order = *order](const std::string& failure, ServersSay said) {
                   *outcome = failure.empty() ? maintenance_outcome(order, api_->facts().maintenance, said)
                                              : Outcome{Exit::incomplete, "maint: " + failure};
                   log::write((*outcome)->exit == Exit::ok ? Level::info : Level::warn, (*outcome)->text);
                   answer_waiting(Tick{});
                 });
  return reply_when_known([this, outcome, launches = life_.launches](const Happening&) -> std::optional<Outcome> {
    if (*outcome || (life_.agent && life_.launches == launches)) return *outcome;
    return Outcome{Exit::incomplete, "maint: the agent has ended meanwhile; order it again when there is another one"};
  });
}

Standpoint Attendant::standpoint() const {
  return {.life = life_,
          .ground = ground_ ? &*ground_ : nullptr,
          .agent = api_ ? api_->facts() : AgentFacts{},
          .settings_problem = settings_problem_,
          .settled = settled_,
          .orphans = reaper_->orphans_reaped(),
          .now = now()};
}

std::vector<Course> Attendant::courses() const {
  return timeline_.courses(now(), std::chrono::floor<Duration>(std::chrono::system_clock::now()));
}

// A life that has not got as far as to the node's identity has no place to leave it.
void Attendant::leave_record() const {
  if (!ground_) return;
  const PlanFacts& facts = ground_->facts;
  const FileAttributes readable{.mode = 0644, .uid = facts.uid, .gid = facts.gid, .durable = false};
  if (auto left = leave_timeline(courses(), facts.data_dir, readable); !left) log::warn(to_string(left.error()));
}

ControlReply Attendant::reply_or_failure(const ControlRequest& request) {
  try {
    return reply(request);
  } catch (const std::exception& error) {
    log::error("a failure of lictor's own, in an answer", {{"path", request.path}, {"reason", error.what()}});
    return {500, std::string("lictor: internal: ") + error.what() + "; please report this\n"};
  }
}

ControlReply Attendant::reply(const ControlRequest& request) {
  const auto word = [](bool yes, const char* good, const char* bad) {
    return ControlReply{yes ? 200 : 503, std::string(yes ? good : bad) + "\n", "text/plain; charset=utf-8"};
  };
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.path == "/livez") return word(live(life_), "live", "ending");
    if (request.path == "/readyz") return word(ready(life_), "ready", "not ready");
    if (request.path == "/status") return {200, json_text(status_json(standpoint())) + "\n", "application/json"};
    if (request.path == "/timeline") return {200, timeline_json(courses()), "application/json"};
    if (request.path == "/metrics") return {200, metrics_text(standpoint()), MetricsText::content_type};
  } else if (request.method == "POST" && request.local) {
    if (request.path == "/maint") return maintain(request.body);
    constexpr std::array<std::pair<std::string_view, SignalKind>, 3> orders{
        {{"/reload", SignalKind::reload}, {"/restart", SignalKind::restart}, {"/leave", SignalKind::terminate}}};
    for (const auto& [path, kind] : orders) {
      if (request.path == path) return order(kind, request.query == "wait");
    }
  }
  return {404,
          "lictor: " + request.path +
              ": not known; GET /livez /readyz /status /timeline /metrics, over the control socket also POST /reload "
              "/restart /leave /maint\n"};
}

}  // namespace lictor
