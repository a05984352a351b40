#include "settings_files.hpp"

#include "agent_api/join.hpp"
#include "agent_config/agent_flags.hpp"
#include "agent_start.hpp"
#include "awaited.hpp"
#include "base/text.hpp"
#include "clock.hpp"
#include "files/io/files.hpp"
#include "process/io/host.hpp"
#include "report/io/log.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace lictor {

SettingsFiles::SettingsFiles(boost::asio::any_io_executor executor, Reaper& reaper, StartSettings start,
                             Environment environment, News news)
    : executor_(executor),
      reaper_(reaper),
      news_(std::move(news)),
      named_(std::move(start.named)),
      environment_(std::move(environment)),
      first_(std::move(start.settings)),
      known_(start.known),
      evaluator_(executor, reaper),
      validation_(executor, reaper, [](const std::string& line) { log::agent_line(line); }),
      examination_(executor, reaper),
      watches_(executor, {.files = [this](const auto& paths) { files_changed(paths); },
                          .mounts = [this] { mounts_changed(); },
                          .network = news_.network,
                          .host_name = [this] { host_may_be_renamed(); }}) {}

Rules SettingsFiles::rules_of(const Ground& ground) {
  const JoinTargets targets = join_targets(ground.plan);
  return lictor::rules_of(ground.settings, {.acl = !ground.plan.token.empty(),
                                            .fixed_id = ground.identity.fixed_id(),
                                            .api_after_join = ground.plan.api_after_join,
                                            .joins = {targets.addresses.size(), targets.names.size(),
                                                      targets.retry_interval, targets.others}});
}

std::string SettingsFiles::join_problems(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) text += (text.empty() ? "" : " | ") + to_string(problem);
  return text;
}

void SettingsFiles::files_changed(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) log::info("a settings file has changed", {{"path", path}});
  news_.files();
}

// Files that are awaited may have come with the mount. Of a node that serves, the watch of files has looked already.
void SettingsFiles::mounts_changed() {
  if (!ground_ && awaiting_) news_.network();
}

void SettingsFiles::read_interfaces(std::function<void(const Interfaces&)> done) {
  list_interfaces(executor_, reaper_, [this, done = std::move(done)](const Interfaces& interfaces) {
    const Sources* const sources = ground_ ? &*ground_ : sources_ ? &*sources_ : nullptr;
    if (sources == nullptr) return done(interfaces);
    std::vector<std::string> open = templates_for_agent(*sources, interfaces, ground());
    if (lacks_address_) open.insert(open.end(), refused_templates_.begin(), refused_templates_.end());
    evaluate(*sources, open, [this, done, interfaces] { look_at_keys([done, interfaces] { done(interfaces); }); });
  });
}

void SettingsFiles::evaluate(const Sources& sources, const std::vector<std::string>& templates,
                             std::function<void()> then) {
  evaluator_.evaluate(sources, templates, [this, then = std::move(then)](AgentAnswers answers) {
    for (auto& [text, answer] : answers) by_agent_.insert_or_assign(text, std::move(answer));
    if (sources_) sources_->facts.by_agent = by_agent_;
    if (ground_) ground_->facts.by_agent = by_agent_;
    then();
  });
}

// The kernel tells of each container, too, that is given a name.
void SettingsFiles::host_may_be_renamed() {
  const std::string before = std::exchange(host_name_, host_name());
  if (host_name_ == before) return;
  if (!ground_) return news_.renamed();
  const auto identity = look_at_identity(*ground_);
  if (!identity) return log::error(to_string(identity.error()));
  const std::string& name = ground_->facts.identity.name;
  if (identity->identity.name != name) return news_.renamed();
  log::info("the host has another name, and the node keeps its own",
            {{"other", host_name_}, {"name", name}, {"name_by", identity->name_origin}});
}

// ------------------------------------------------------------------------------------------- the address

AddressRead SettingsFiles::read_address(const Interfaces& interfaces) {
  const std::string& own = ground_->facts.bind.address;
  address_may_have_come(interfaces);
  // Of interfaces that can't be listed right now nothing new is known.
  if (!interfaces) return {AddressState::unknown, to_string(interfaces.error()), own};
  const auto other = other_address(*ground_, interfaces);
  if (!other) return {AddressState::gone, other.error().why, own};
  return {other->empty() ? AddressState::same : AddressState::other, *other, own};
}

// Settings with nothing against them but that there is no address for them are read again when there is one.
void SettingsFiles::address_may_have_come(const Interfaces& interfaces) {
  if (!lacks_address_) return;
  if (auto read = read_anew(); read && look_at(std::move(*read), {.settings = true}, interfaces))
    read_for_the_address();
}

void SettingsFiles::read_for_the_address() {
  if (std::exchange(lacks_address_, false)) boost::asio::post(executor_, news_.settings);
}

Result<NodeKey> SettingsFiles::take_id(const std::string& id, const Interfaces& interfaces) {
  auto ground = lictor::take_id(*ground_, interfaces, id);
  if (!ground) return ground.error().front();
  next_ = std::move(*ground);
  asks_agent_ = true;
  return next_->own();
}

// --------------------------------------------------------------------------------------------- the watch

// Before the files are read, so that no change falls between. New settings may turn it on, and turn it off when applied.
void SettingsFiles::watch(const Settings& read) {
  if (!awaiting_ && !read.watch.settings && !settings().watch.settings) return;
  watches_.watch(files_behind(read, named_, environment_), read_agent_flags(read.agent.args).format);
}

// What was only looked at is not watched on.
void SettingsFiles::watch_as_settled() {
  if (!settings().watch.settings) watches_.let_files_go();
}

void SettingsFiles::token_refused() {
  // Settings that were refused would be read along with it.
  if (!problem_.empty()) return;
  const auto read = read_secrets(settings());
  if (!read || read->secrets == ground_->facts.secrets) return;
  log::info("a token was refused, and its file holds another one by now");
  boost::asio::post(executor_, news_.files);
}

// -------------------------------------------------------------------------------------------- at a reload

void SettingsFiles::reload(const Reload& what, const Interfaces& interfaces, std::function<void(Reloaded)> done) {
  if (!what.settings)
    return take(look_at({static_cast<const Sources&>(*ground_), {}}, what, interfaces), what, interfaces, done);
  auto read = read_anew();
  if (!read) return done(failed(read.error(), true));
  refused_templates_ = templates_for_agent(read->sources, interfaces);
  const auto anew = std::make_shared<ReadAnew>(std::move(*read));
  evaluate(anew->sources, refused_templates_, [this, anew, what, interfaces, done = std::move(done)] {
    evaluator_.look_at_keys(anew->sources, [this, anew, what, interfaces, done](const Problems& refused) {
      anew->problems.insert(anew->problems.end(), refused.begin(), refused.end());
      take(look_at(std::move(*anew), what, interfaces), what, interfaces, done);
    });
  });
}

void SettingsFiles::take(ResultAll<Ground> next, const Reload& what, const Interfaces& interfaces,
                         std::function<void(Reloaded)> done) {
  const bool settings_too = what.settings;
  if (!next) return done(failed(next.error(), settings_too));
  if (next->facts.data_dir != ground_->facts.data_dir) {
    const Problem problem{"node.data_dir", "can't change while lictor runs", "restart lictor for that"};
    return done(failed({problem}, true));
  }
  PlanDifference difference = plan_difference(ground_->plan, next->plan);
  // It has to hear that what it refused is gone: of what it reads by itself it may have taken a part.
  if (settings_too && agent_refused_) difference.change = std::max(difference.change, Change::reload);
  if (difference.change == Change::none) return done(prepared(std::move(*next), difference, settings_too));
  if (settings_too) {
    if (const Problems problems = start_problems(*next, interfaces); !problems.empty())
      return done(failed(as_broken(problems), true));
  }
  validate(std::move(*next), difference, settings_too, std::move(done));
}

ResultAll<SettingsFiles::ReadAnew> SettingsFiles::read_anew() {
  auto settings = load_settings(named_, environment_, &ground_->settings);
  if (!settings) return as_broken(settings.error());
  watch(*settings);
  if (auto same = same_from_start_to_end(*settings); !same) return Problems{same.error()};
  ReadAnew read;
  const bool whole = read_and_watch(*settings, read.sources, read.problems, Definitions::whole);
  read.problems = as_broken(std::move(read.problems));
  if (!whole) return read.problems;
  if (Problems gone = vanished(ground_->config.places, read.sources.config.places); !gone.empty()) return gone;
  return read;
}

ResultAll<Ground> SettingsFiles::look_at(ReadAnew read, const Reload& what, const Interfaces& interfaces) {
  // With `ignore` the address changes only where the settings that choose it do.
  const bool fixed = !read.sources.settings.bind.restart_on_change;
  const Running running{.token = ground_->facts.recovery_token,
                        .agent_version = ground_->facts.agent_version,
                        .bound = &*ground_,
                        .moves = fixed        ? Moves::never
                                 : what.moves ? Moves::now
                                              : Moves::later,
                        .identity = ground_->facts.identity,
                        .left = what.left};
  read.sources.facts.by_agent = by_agent_;
  return look(std::move(read.sources), interfaces, running, std::move(read.problems));
}

Result<void> SettingsFiles::same_from_start_to_end(const Settings& next) const {
  const Settings& now = settings();
  if (next.run_dir == now.run_dir && next.control.socket == now.control.socket &&
      next.control.http == now.control.http && next.control.group == now.control.group && next.log.json == now.log.json)
    return {};
  return Problem{"settings",
                 "run_dir, control.socket, control.group, control.http and log.format can't change while lictor runs",
                 "restart lictor for that"};
}

// Of an address alone nothing is told: what the settings' own problem is stays to be seen.
Reloaded SettingsFiles::failed(const Problems& problems, bool settings_too) {
  watch_as_settled();
  if (settings_too) refuse(problems);
  return {.result = ReloadResult::broken, .rules = {}, .text = join_problems(problems), .settings = settings_too};
}

void SettingsFiles::refuse(const Problems& problems) {
  problem_ = join_problems(problems);
  lacks_address_ = may_come(problems);
}

Reloaded SettingsFiles::drop_reload() {
  watch_as_settled();
  return {ReloadResult::broken, {}, "lictor is stopping"};
}

// Consul's own opinion first: a file it refuses must never replace one that works.
void SettingsFiles::validate(Ground next, PlanDifference difference, bool settings_too,
                             std::function<void(Reloaded)> done) {
  const std::string path = next_consul_json();
  if (auto written = write_consul_json(next, path); !written) {
    unlink(path.c_str());  // it may stand there all the same, and holds secrets
    return done(failed({written.error()}, settings_too));
  }
  LaunchRequest request = validation(next, path);
  request.before = [path] { return sync_file(path); };
  validation_.run(request, std::chrono::seconds(10),
                  [this, path, settings_too, next = std::make_shared<Ground>(std::move(next)),
                   difference = std::move(difference), done = std::move(done)](const Result<void>& valid) {
                    if (valid) return done(prepared(std::move(*next), difference, settings_too));
                    unlink(path.c_str());
                    done(failed({Problem{"consul validate", valid.error().why,
                                         "see its lines above and mend the agent's settings"}},
                                settings_too));
                  });
}

// It stays beside what is in force until the life says what becomes of it.
Reloaded SettingsFiles::prepared(Ground next, const PlanDifference& difference, bool settings_too) {
  const bool services_differ = next.services != ground_->services;
  std::string keys = lictor::join(difference.keys, " ");
  if (difference.change == Change::none && services_differ) keys += keys.empty() ? "services" : " services";
  if (settings_too) {
    problem_.clear();
    lacks_address_ = false;
  }
  asks_agent_ = difference.change != Change::none;
  next.let_definitions_go();
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
    news.text = keys.empty() ? "the settings are those in force, and the running agent has taken them again"
                             : "new settings, taken by the running agent: " + keys;
  } else if (!keys.empty()) {
    news.result = ReloadResult::services;
  } else {
    news.text = "settings read again; nothing for the agent has changed";
  }
  return news;
}

// ----------------------------------------------------------------------------------------------- in force

Result<void> SettingsFiles::adopt(bool keep, bool reload) {
  if (next_->settings.digest != ground_->settings.digest ||
      next_->plan.effective.merged != ground_->plan.effective.merged)
    settled_ = steady_now();
  if (next_->keyring && next_->keyring != ground_->keyring) log::warn(to_string(*next_->keyring));
  Ground next = std::move(*next_);
  next_.reset();
  if (keep) before_ = std::move(*ground_);
  if (asks_agent_) agent_refused_ = false;
  put_into_force(std::move(next));
  read_for_the_address();
  if (reload) return move_file(next_consul_json(), ground_->facts.config_path);
  unlink(next_consul_json().c_str());  // a launch writes its own
  return {};
}

void SettingsFiles::go_back(const Problem& why) {
  Ground before = std::move(*before_);
  before_.reset();
  put_into_force(std::move(before));
  settled_ = steady_now();
  refuse({why});
  agent_refused_ = true;
}

Result<void> SettingsFiles::write_again() { return write_consul_json(*ground_, ground_->facts.config_path); }

void SettingsFiles::forget() {
  if (next_) unlink(next_consul_json().c_str());
  next_.reset();
  before_.reset();
}

void SettingsFiles::put_into_force(Ground ground) {
  ground_ = std::move(ground);
  // What an agent can't do without them it says itself.
  if (auto made = make_folders(*ground_); !made) log::error(to_string(made.error()));
  watch_as_settled();
  log::set_up(settings().log.level, settings().log.json);
}

}  // namespace lictor
