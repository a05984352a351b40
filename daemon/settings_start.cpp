// The settings of a start: until there is a ground, what is named and missing is awaited (awaited.hpp).
#include "agent_config/agent_evaluation.hpp"
#include "agent_config/outlived_settings.hpp"
#include "agent_start.hpp"
#include "awaited.hpp"
#include "clock.hpp"
#include "process/io/host.hpp"
#include "report/io/log.hpp"
#include "settings_files.hpp"
#include "start_lines.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace lictor {
namespace {

// Services, of which each takes some 10 us of a slow CPU.
constexpr std::size_t made_at_once = 200;
constexpr std::chrono::seconds longest_examination(10);

}  // namespace

std::optional<PrepareFailed> SettingsFiles::begin_preparing() {
  const bool first = !std::exchange(begun_, true);
  if (first) {
    if (auto watching = watches_.begin(); !watching) return PrepareFailed{watching.error()};
    host_name_ = host_name();
  }
  if (sources_) {
    read_again();
  } else {
    if (!first || !known_) read_settings_again();
    if (auto failed = read_first()) return failed;
  }
  if (auto held = hold(); !held) return not_held(held.error());
  return std::nullopt;
}

// While files are awaited. Broken settings change nothing: what is awaited for the old ones may yet come.
void SettingsFiles::read_settings_again() {
  if (!known_) watch(first_);
  auto settings = load_settings(named_, environment_, nullptr);
  if (!known_) {
    wrong_ = settings ? Problems{} : settings.error();
    if (settings) become_known(std::move(*settings));
    return;
  }
  Problems problems = settings ? Problems{} : settings.error();
  if (settings) {
    if (auto same = same_from_start_to_end(*settings); !same) problems.push_back(same.error());
  }
  tell_refused(problems);
  if (!problems.empty()) return;
  if (settings->digest != first_.digest) log::info("new settings, before there is an agent");
  first_ = std::move(*settings);
  log::set_up(first_.log.level, first_.log.json);
}

void SettingsFiles::become_known(Settings settings) {
  const bool elsewhere = settings.run_dir != first_.run_dir || settings.control.socket != first_.control.socket ||
                         settings.control.http != first_.control.http;
  if (elsewhere) locks_ = {};
  first_ = std::move(settings);
  known_ = true;
  log::set_up(first_.log.level, first_.log.json);
  news_.known(elsewhere);
}

// Nothing: all that was named is there, right or wrong (`wrong_`).
std::optional<PrepareFailed> SettingsFiles::read_first() {
  if (!known_) return may_come(wrong_) ? await(wrong_) : hopeless(wrong_);
  watch(first_);
  Problems problems = missing_mounts(first_);
  if (!problems.empty()) return await(std::move(problems));  // what stands below is not what is meant
  Sources sources;
  const bool whole = read_and_watch(first_, sources, problems, Definitions::digests);
  if (whole) {
    const Problems certificates = missing_certificates(sources);
    problems.insert(problems.end(), certificates.begin(), certificates.end());
  }
  if (may_come(problems)) return await(std::move(problems));
  // What is wrong is all told once it is known where the node is; where its data is may not be known at all.
  if (!whole) return hopeless(problems);
  sources_ = std::move(sources);
  wrong_ = std::move(problems);
  return std::nullopt;
}

// Whoever asks hears meanwhile what is awaited.
PrepareFailed SettingsFiles::await(Problems files) {
  if (auto held = hold(); !held && known_ && !locks_.taken) return PrepareFailed{held.error(), true};
  awaiting_ = true;  // of settings that are not watched, too, from the next look on
  return {.problem = files.front(),
          .rules = lictor::rules_of(first_, {}),
          .files = files,
          .unheard = !watches_.hears_files()};
}

// A lictor that is still leaving lets go of the directories when it has.
PrepareFailed SettingsFiles::not_held(const Problem& why) {
  PrepareFailed failed{why, !locks_.taken};
  failed.locked = locks_.taken;
  if (locks_.taken) failed.rules = lictor::rules_of(first_, {});
  return failed;
}

PrepareFailed SettingsFiles::hopeless(const Problems& found) const {
  Problems problems = worst_first(found);
  for (std::size_t i = 1; i < problems.size(); ++i) log::error(to_string(problems[i]));
  return PrepareFailed{std::move(problems.front()), true};
}

bool SettingsFiles::read_and_watch(const Settings& settings, Sources& sources, Problems& problems,
                                   Definitions definitions) {
  const bool read = read_sources(sources, settings, environment_, problems, definitions);
  if (read && watches_.watches_files()) {
    for (const auto& [key, files] : agent_files(sources.config.effective())) watches_.watch_also(files);
  }
  return read;
}

// While there is no address. Broken settings change nothing here either: the address may yet come for the old ones.
void SettingsFiles::read_again() {
  auto settings = load_settings(named_, environment_, &first_);
  Problems problems = settings ? Problems{} : settings.error();
  if (settings) {
    watch(*settings);
    if (auto same = same_from_start_to_end(*settings); !same) problems.push_back(same.error());
  }
  Sources sources;
  const bool read = problems.empty() && read_and_watch(*settings, sources, problems, Definitions::digests);
  if (read) {
    const Problems gone = vanished(sources_->config.places, sources.config.places);
    problems.insert(problems.end(), gone.begin(), gone.end());
  }
  if (read && problems.empty()) {
    if (settings->digest != first_.digest) log::info("new settings, before there is an agent");
    if (sources.facts.data_dir != sources_->facts.data_dir) locks_.data_dir.reset();
    sources_ = std::move(sources);
    wrong_.clear();
    first_ = std::move(*settings);
    watch_as_settled();
    log::set_up(first_.log.level, first_.log.json);
  }
  tell_refused(problems);
}

void SettingsFiles::tell_refused(const Problems& problems) {
  const std::string before = std::exchange(problem_, join_problems(problems));
  if (!problems.empty() && problem_ != before)
    log::error("settings not applied, the old ones stay in force", {{"reason", problem_}});
}

// Before the first settings come into force. A key that the agent knows is like any other from then on.
void SettingsFiles::look_at_keys(std::function<void()> then) {
  if (!sources_) return then();
  evaluator_.look_at_keys(*sources_, [this, then = std::move(then)](const Problems& refused) {
    if (sources_) {
      sources_->config.unknown.clear();
      wrong_.insert(wrong_.end(), refused.begin(), refused.end());
    }
    then();
  });
}

// The directories, and what is put into them: waiting for an address would not mend what is wrong with them. Where the data is, is
// known only with the sources. Of settings that the agent may yet refuse nothing is made there.
Result<void> SettingsFiles::hold() {
  const bool known = sources_ && sources_->config.unknown.empty();
  auto held = known ? lock(*sources_, locks_) : lock_run_dir(first_, locks_);
  // Whoever asks hears that the data directory is awaited.
  if (!held && !(locks_.taken && locks_.run_dir)) return held;
  auto told = news_.held();
  if (!told) locks_.taken = false;
  return told ? held : told;
}

void SettingsFiles::prepare(const Interfaces& interfaces, const std::string& settled,
                            std::function<void(Happening)> done) {
  if (wrong_.empty() && !locks_.data_dir) {
    if (auto held = hold(); !held) return done(not_held(held.error()));
  }
  auto begun = begin_look(*sources_, interfaces, {}, wrong_);
  if (!begun) return done(not_prepared(begun.error()));
  make_services(std::make_shared<Look>(std::move(*begun)), [this, settled, done = std::move(done)](Look look) {
    auto ground = end_look(std::move(look));
    done(ground ? prepared(std::move(*ground), settled) : not_prepared(ground.error()));
  });
}

// Some at a time, for there may be thousands.
void SettingsFiles::make_services(const std::shared_ptr<Look>& look, std::function<void(Look)> then) {
  if (look->services.make(made_at_once)) return then(std::move(*look));
  boost::asio::post(executor_,
                    [this, look, then = std::move(then)]() mutable { make_services(look, std::move(then)); });
}

Happening SettingsFiles::not_prepared(const Problems& found) {
  const Problems problems = worst_first(found);
  const bool waiting = may_come(problems);
  for (std::size_t i = 1; i < problems.size() && !waiting; ++i) log::error(to_string(problems[i]));
  return PrepareFailed{.problem = problems.front(), .rules = lictor::rules_of(first_, {})};
}

Happening SettingsFiles::prepared(Ground ground, const std::string& settled) {
  if (const BindAddress& bind = ground.facts.bind; !bind.doubt.empty() && bind.address != settled) {
    Problem doubt{"bind.settle", fmt::format("{} on {} would do, but {}", bind.address, bind.interface, bind.doubt),
                  "wait for bind.settle, or name the interface in bind.interface", Exit::retry};
    return PrepareFailed{.problem = std::move(doubt), .rules = lictor::rules_of(first_, {}), .candidate = bind.address};
  }
  // An address will not mend a disk.
  if (auto made = make_folders(ground); !made) return PrepareFailed{made.error(), true};
  tell_of(ground);
  ground.let_definitions_go();
  ground_ = std::move(ground);
  sources_.reset();
  settled_ = steady_now();
  if (std::exchange(awaiting_, false)) watch_as_settled();
  news_.settled();
  return Prepared{rules_of(*ground_), ground_->own(), !ground_->identity.former_address.empty()};
}

// An agent has ended before it was of any use.
void SettingsFiles::find_fault(std::function<void(std::optional<Problem>)> done) {
  const Ground& ground = *ground_;
  Sources whole;
  Problems problems;
  // What can't be read again may have been the trouble, and may mend itself.
  if (!read_sources(whole, ground.settings, environment_, problems) || !problems.empty()) return done(std::nullopt);
  problems = settings_faults(ground, whole);
  if (!problems.empty()) {
    for (std::size_t i = 1; i < problems.size(); ++i) log::error(to_string(problems[i]));
    return done(std::move(problems.front()));
  }
  // What a template gives is the host's, and may be another tomorrow.
  if (examining_ || !ground.facts.by_agent.empty()) return done(std::nullopt);
  examining_ = true;
  const auto answer = [this, done = std::move(done)](std::optional<Problem> problem) {
    examining_ = false;
    done(std::move(problem));
  };
  const auto go_on = [this, answer, in_force = settled_](const std::optional<AgentVersion>& version) {
    if (in_force != settled_) return answer(std::nullopt);
    if (version) {
      const std::string shown = fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
      Problems outlived = outlived_settings(ground_->plan.effective, *version, shown);
      if (!outlived.empty()) return answer(std::move(outlived.front()));
    }
    ask_whether_refused(answer);
  };
  if (ground.facts.agent_version) return go_on(ground.facts.agent_version);
  examination_.run_for_output(as_agent_user(ground.facts, {ground.facts.binary, "version"}, ground.plan.environment),
                              longest_examination, [go_on](const Result<void>& ended, const std::string& output) {
                                const auto version = ended ? parse_consul_version(output) : std::nullopt;
                                go_on(version ? parse_agent_version(*version) : std::nullopt);
                              });
}

void SettingsFiles::ask_whether_refused(std::function<void(std::optional<Problem>)> done) {
  examination_.run_for_output(
      validation(*ground_, ground_->facts.config_path), longest_examination,
      [this, done = std::move(done), in_force = settled_](const Result<void>& ended, const std::string& output) {
        if (in_force != settled_ || !settings_refused(ended, output)) return done(std::nullopt);
        done(Problem{"consul validate", "it refuses the agent's settings, as the agent itself does",
                     "see the agent's last lines above and mend its settings"});
      });
}

}  // namespace lictor
