// The life (decide/life.hpp) under a virtual clock: random walks, and every short sequence of happenings.
//
// The world here answers every effect as the real one may: late, never, with any outcome; the agent dies when it likes;
// signals and the kernel's news come at any moment; answers for agents that are gone turn up. The laws are those of the
// header, checked from the outside, with the walk's own bookkeeping.
//
//   life_walk [--steps N] [--seed S]  random lives; exit 0 if no law was broken, else the broken one, its seed and what
//                                     happened
//   life_walk --explore DEPTH         all sequences of DEPTH happenings from each moment of a few straight lives, and an
//                                     end of each; same exit
//   life_walk --caught-by LAW         random lives; exit 0 if LAW was broken: for a mutant of the life
#include "decide/life.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Broken : std::runtime_error {
  Broken(std::string law_, const std::string& how) : std::runtime_error(how), law(std::move(law_)) {}
  std::string law;
};

void hold(bool kept, const char* law, const char* how) {
  if (!kept) throw Broken(law, how);
}

// ------------------------------------------------------------------------------------------ choices

// Where a walk's turns come from.
class Choices {
 public:
  virtual ~Choices() = default;
  virtual std::size_t among(std::span<const int> weights) = 0;  // an index; no weight is 0
  virtual std::int64_t upto(std::int64_t most) = 0;             // 0 <= it <= most
};

class Dice final : public Choices {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::size_t among(std::span<const int> weights) override {
    std::int64_t left = upto(std::accumulate(weights.begin(), weights.end(), 0) - 1);
    std::size_t at = 0;
    while ((left -= weights[at]) >= 0) ++at;
    return at;
  }
  std::int64_t upto(std::int64_t most) override {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most + 1));
  }

 private:
  std::mt19937_64 random_;
};

// All sequences of turns, another one after each next().
class Odometer final : public Choices {
 public:
  std::size_t among(std::span<const int> weights) override {
    if (at_ == wheels_.size()) wheels_.push_back({0, weights.size()});
    return wheels_[at_++].shown;
  }
  // When something happens matters only by what else happens before: those are turns of their own.
  std::int64_t upto(std::int64_t most) override { return most; }

  bool next() {
    at_ = 0;
    while (!wheels_.empty() && wheels_.back().shown + 1 == wheels_.back().size) wheels_.pop_back();
    if (wheels_.empty()) return false;
    ++wheels_.back().shown;
    return true;
  }

 private:
  struct Wheel {
    std::size_t shown, size;
  };
  std::vector<Wheel> wheels_;
  std::size_t at_ = 0;
};

// Always the first, which is what happens where all is well.
class StraightOn final : public Choices {
 public:
  std::size_t among(std::span<const int>) override { return 0; }
  std::int64_t upto(std::int64_t most) override { return most; }
};

// --------------------------------------------------------------------------------------------- walk

// What an effect still owes an answer for.
struct Owed {
  Effect effect;
  Time latest;
  bool after_leave;  // asked for after the agent had been asked to leave
};

bool is_registering(const Owed& owed) {
  return std::holds_alternative<SendServices>(owed.effect) || std::holds_alternative<LookUpCatalog>(owed.effect) ||
         std::holds_alternative<SendAgain>(owed.effect) || std::holds_alternative<RunHook>(owed.effect);
}

// A value: a copy lives on by itself. Everything here throws Broken.
class Walk {
 public:
  Walk(Choices& choices, const Rules& rules, std::uint64_t seed)
      : choices_(&choices), life_(new_life(rules, seed)), in_force_{rules, {}} {
    tell(Begin{}, "begin");
  }

  void go_on_with(Choices& choices) { choices_ = &choices; }
  bool over() const { return quit_; }
  // Nothing that matters has happened since `before`, of which this is a copy.
  bool stands_where(const Walk& before) const {
    return now_ == before.now_ && owed_.size() == before.owed_.size() && gossip_ == before.gossip_ &&
           effects_ == before.effects_ && life_ == before.life_;
  }

  // One thing that happens.
  void one() {
    std::array<int, 8> weights{}, what{};
    std::size_t possible = 0;
    const auto add = [&](int turn, int weight) {
      what[possible] = turn;
      weights[possible++] = weight;
    };
    if (!owed_.empty()) add(0, 62);
    add(1, 30);
    add(2, 2);
    add(3, 1);
    add(4, 3);
    // Settings on trial are a moment in which much could go wrong, and a short one.
    const bool on_trial = kept_ && agent_ && !answered_;
    if (agent_) add(5, on_trial ? 6 : 1);
    if (on_trial) add(7, 6);
    if (agent_ && gossip_) add(6, 1);
    switch (what[choices_->among({weights.data(), possible})]) {
      case 0:
        return answer(among(owed_.size()));
      case 1:
        return pass_time();
      case 2:
        return signal(static_cast<SignalKind>(among(6)));
      case 3:
        return tell(HostChanged{}, "host changed");
      case 4:
        return stale_answer();
      case 5:
        return agent_dies();
      case 6:
        gossip_ = false;
        return;
      case 7:
        return signal(SignalKind::reload);
    }
  }

  void signal(SignalKind kind) {
    static const char* const names[] = {"TERM", "INT", "QUIT", "HUP", "USR1", "USR2"};
    const bool stops = kind == SignalKind::terminate || kind == SignalKind::interrupt || kind == SignalKind::quit;
    if (kind == SignalKind::quit) quit_signal_ = true;
    if (stops && !stop_at_ && !given_up_) note_stop(kind != SignalKind::quit && life_.rules.leave);
    if (kind == SignalKind::restart) restart_asked_ = true;
    tell(Signal{kind}, names[static_cast<int>(kind)]);
  }

  // Every life must end: after a TERM it has the budget and no more.
  void to_the_end() {
    if (!quit_ && !stop_at_) signal(SignalKind::terminate);
    for (int extra = 0; !quit_; ++extra) {
      hold(extra < 20000, "awake", "the stop does not come to an end");
      one();
    }
    hold(step(life_, {now_, Tick{}}).empty(), "quit-once", "an effect after Quit");
  }

  struct Turn {
    Time at;
    const char* name;
    Phase phase;
  };
  const std::vector<Turn>& turns() const { return turns_; }

 private:
  template <class... Weights>
  std::size_t by_weight(Weights... weights) {
    return choices_->among(std::array<int, sizeof...(weights)>{weights...});
  }
  std::size_t among(std::size_t n) {
    static const std::vector<int> even(64, 1);
    return choices_->among({even.data(), std::min(n, even.size())});
  }
  // The likely outcome comes first, so that Odometer and StraightOn begin with it.
  bool mostly(int percent) { return by_weight(percent, 100 - percent) == 0; }
  bool seldom(int percent) { return !mostly(100 - percent); }
  Duration upto(Duration most) { return Duration(choices_->upto(most.count())); }

  void pass_time() {
    std::optional<Time> until = next_wake(life_);
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < owed_.size(); ++i) {
      if (!until || owed_[i].latest <= *until) {
        until = owed_[i].latest;
        first = i;
      }
    }
    hold(until.has_value(), "awake", "nothing is owed and there is no time to wake up at");
    if (*until > now_ && seldom(20)) {
      now_ += upto(*until - now_);
      return;
    }
    now_ = std::max(now_, *until);
    first ? answer(*first) : tell(Tick{}, "tick");
  }

  void note_stop(bool leave) {
    stop_at_ = now_;
    stop_leave_ = leave;
    launches_at_stop_ = launches_;
    rules_at_stop_ = life_.rules;
  }

  void agent_dies() {
    const bool clean = asked_leave_ && mostly(50);
    if (!answered_ && !clean && mostly(20))
      return end_agent_process({127, 0, Problem{"agent", "no", "", mostly(50) ? Exit::not_found : Exit::internal}});
    end_agent_process(clean ? AgentEnded{0, 0} : mostly(50) ? AgentEnded{1, 0} : AgentEnded{-1, SIGKILL});
  }

  void end_agent_process(const AgentEnded& how) {
    agent_ = false;
    if (kept_ && !answered_ && !replaced_ && !stop_at_ && !given_up_) did_not_start_ = true;
    if (how.code == 0 && asked_leave_) leave_completed_ = true;
    forget_agent();
    tell(how, "agent ended");
  }

  // What was owed by the agent that is no more never comes.
  void forget_agent() {
    std::erase_if(owed_, [](const Owed& o) {
      return std::holds_alternative<Probe>(o.effect) || std::holds_alternative<SendServices>(o.effect) ||
             std::holds_alternative<LookUpCatalog>(o.effect) || std::holds_alternative<RunHook>(o.effect) ||
             std::holds_alternative<SendAgain>(o.effect) || std::holds_alternative<AwaitChange>(o.effect) ||
             std::holds_alternative<Flush>(o.effect) || std::holds_alternative<AskLeave>(o.effect) ||
             std::holds_alternative<Deregister>(o.effect) || std::holds_alternative<EndAgent>(o.effect) ||
             std::holds_alternative<LookAround>(o.effect) || std::holds_alternative<Clear>(o.effect) ||
             std::holds_alternative<Join>(o.effect) || std::holds_alternative<Adopt>(o.effect);
    });
    gossip_ = true;
    closing_.reset();
    hook_running_ = false;
    sent_ = catalog_ = leader_ = seen_ = false;
    joined_.reset();
    leaderless_.reset();
    synced_ = unflushable_ = false;
    paused_.reset();
    hooks_done_ = 0;
    members_ = 0;
    restart_asked_ = quarrelled_ = replaced_ = false;
  }

  void stale_answer() {
    if (launches_ < 1) return tell(Tick{}, "tick");
    const int old = agent_ ? launches_ - 1 : launches_;
    switch (among(12)) {
      case 0:
        return tell(Probed{old, ProbeAnswer::leader, 3}, "stale probe");
      case 1:
        return tell(ServicesSent{old, ""}, "stale services");
      case 2:
        return tell(CatalogSeen{old, mostly(50) ? CatalogAnswer::gone : CatalogAnswer::registered}, "stale catalog");
      case 3:
        return tell(LeaveAnswered{old, ""}, "stale leave");
      case 4:
        return tell(Deregistered{old, ""}, "stale deregistration");
      case 5:
        return tell(LookedAround{old, {}, true, ""}, "stale look around");
      case 6:
        return tell(Cleared{old, ClearAnswer::cleared, ""}, "stale clearing");
      case 7:
        return tell(Joined{old}, "stale join");
      case 8:
        return tell(SentAgain{old, "", false}, "stale sending again");
      case 9:
        return tell(ChangeSeen{old, false}, "stale change");
      case 10:
        return tell(Flushed{old, true}, "stale flush");
      default:
        return tell(HookEnded{old, ""}, "stale hook");
    }
  }

  // ---- answers

  void answer(std::size_t index) {
    const Effect effect = owed_[index].effect;
    fresh_ = owed_[index].after_leave;
    owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(index));
    std::visit([this](const auto& e) { respond(e); }, effect);
  }

  template <class E>
  void respond(const E&) {}

  void respond(const Prepare&) {
    if (mostly(60)) {
      if (life_.phase == Phase::prepare) in_force_.own = {"n1", "id", "10.0.0.5"};
      return tell(Prepared{life_.rules, {"n1", "id", "10.0.0.5"}, seldom(30)}, "prepared");
    }
    const bool wait = mostly(90);
    if (!wait) given_up_ = true;
    tell(PrepareFailed{Problem{"bind.interface", "no address", "add one", wait ? Exit::retry : Exit::config}},
         "no address");
  }

  void respond(const Launch&) {
    launching_ = false;
    if (seldom(10)) {
      const Exit exit = mostly(50) ? Exit::not_found : Exit::internal;
      if (kept_ && exit != Exit::internal && !stop_at_ && !given_up_) did_not_start_ = true;
      return tell(LaunchFailed{Problem{"agent", "no", "", exit}}, "launch failed");
    }
    agent_ = true;
    launched_with_ = version_;
    unanswered_.reset();
    answered_ = false;
    mute_ = seldom(5);
    killed_ = told_to_end_ = false;
    tell(Launched{1000 + launches_}, "launched");
  }

  // A sign of life, and no answer. What has been known of a leader stands until it lasts.
  void closed(const Probe& e) {
    unanswered_.reset();
    if (!closing_) closing_ = now_;
    if (now_ - *closing_ >= closing_limit) {
      leader_ = false;
      if (joined_ && !leaderless_) leaderless_ = now_;
    }
    tell(Probed{e.launch, ProbeAnswer::closed, 0}, "closed");
  }

  void respond(const Probe& e) {
    static constexpr ProbeAnswer answers[] = {ProbeAnswer::leader, ProbeAnswer::no_leader, ProbeAnswer::silent,
                                              ProbeAnswer::closed};
    const ProbeAnswer answer = mute_ ? ProbeAnswer::silent : answers[by_weight(72, 12, 12, 4)];
    if (answer == ProbeAnswer::closed) return closed(e);
    const int members = answer == ProbeAnswer::silent || seldom(50) ? 0 : static_cast<int>(choices_->upto(3000));
    if (answer != ProbeAnswer::silent) {
      if (launched_with_ == version_) proven_ = true;
      answered_ = true;
      unanswered_.reset();
      closing_.reset();
      if (!leader_ && answer == ProbeAnswer::leader) paused_ = now_;
      leader_ = answer == ProbeAnswer::leader;
      if (leader_ && !joined_) joined_ = now_;
      if (leader_) leaderless_.reset();
      if (!leader_ && joined_ && !leaderless_) leaderless_ = now_;
    }
    if (members > 0) members_ = members;
    if (!gossip_ && answer != ProbeAnswer::silent) quarrelled_ = true;
    tell(Probed{e.launch, answer, members, gossip_}, answer == ProbeAnswer::leader      ? "leader"
                                                     : answer == ProbeAnswer::no_leader ? "no leader"
                                                                                        : "silent");
  }

  void respond(const SendServices& e) {
    sent_ = mostly(80);
    const bool refused = !sent_ && seldom(50), changed = mostly(50);
    if (changed) paused_ = now_;
    tell(ServicesSent{e.launch, sent_ ? "" : "403", refused, changed}, sent_ ? "services sent" : "services refused");
  }

  void respond(const SendAgain& e) {
    const bool good = mostly(70);
    tell(SentAgain{e.launch, good ? "" : "403", !good && seldom(50), seldom(10)},
         good ? "sent again" : "not sent again");
  }

  void respond(const Flush& e) {
    const bool good = mostly(90);
    unflushable_ = !good;
    tell(Flushed{e.launch, !good}, good ? "flushed" : "not flushed");
  }

  void respond(const LookUpCatalog& e) {
    using A = CatalogAnswer;
    static constexpr A living[] = {A::registered, A::gone, A::incomplete, A::forbidden, A::failed, A::taken};
    static constexpr A left[] = {A::gone, A::registered, A::incomplete, A::forbidden, A::failed, A::taken};
    const CatalogAnswer answer = (asked_leave_ ? left : living)[by_weight(19, 19, 18, 18, 18, 8)];
    const bool taken = answer == CatalogAnswer::taken;
    const bool elsewhere = taken && seldom(50);
    if (answer != CatalogAnswer::failed && answer != CatalogAnswer::forbidden)
      holder_ = elsewhere ? "10.0.0.9" : taken ? in_force_.own.address : "";
    if (answer == CatalogAnswer::incomplete || answer == CatalogAnswer::registered) seen_ = true;
    const bool unreadable = answer == CatalogAnswer::forbidden || ((answer == CatalogAnswer::gone || taken) && !seen_);
    if (fresh_ && unreadable) forbidden_ = true;
    if (fresh_ && (answer == CatalogAnswer::gone || taken) && seen_) confirmed_ = true;
    if (!asked_leave_ && answer != CatalogAnswer::failed)
      catalog_ = answer == CatalogAnswer::registered || (unreadable && !taken);
    static const char* const names[] = {"catalog: gone",      "catalog: incomplete", "catalog: registered",
                                        "catalog: forbidden", "catalog: failed",     "catalog: taken"};
    const char* const id = in_force_.own.id == "another id" ? "a third id" : "another id";
    const NodeKey holder{"n1", id, elsewhere ? "10.0.0.9" : in_force_.own.address};
    tell(CatalogSeen{e.launch, answer, holder,
                     answer == CatalogAnswer::registered && seldom(10) ? std::vector<std::string>{"old"}
                                                                       : std::vector<std::string>{}},
         names[static_cast<int>(answer)]);
  }

  void respond(const AwaitChange& e) {
    const bool told = mostly(80);
    tell(ChangeSeen{e.launch, told}, told ? "change" : "no change can be told");
  }

  void respond(const TakeIdBack& e) {
    const bool good = mostly(80);
    NodeKey own = in_force_.own;
    own.id = e.id;
    preparing_ = false;
    if (good) next_ = Next{in_force_.rules, own, ReloadResult::restart, false};
    tell(IdTakenBack{own, good ? "" : "disk full"}, "id taken back");
  }

  void respond(const LookAround& e) {
    std::vector<Claim> claims;
    const std::size_t most = by_weight(22, 43, 29, 6);
    for (const char* name : {"n2", "n3", "n4"}) {
      if (claims.size() == most) break;
      Claim claim;
      claim.name = name;
      claim.prune = mostly(50);
      claim.deregister = mostly(50);
      claims.push_back(claim);
    }
    tell(LookedAround{e.launch, claims, seldom(10), seldom(10) ? "500" : ""}, "looked around");
  }

  void respond(const Join& e) { tell(Joined{e.launch}, "joined"); }

  void respond(const Clear& e) { tell(Cleared{e.launch, static_cast<ClearAnswer>(among(3)), "403"}, "cleared"); }

  void respond(const ReadAddress&) {
    tell(AddressRead{static_cast<AddressState>(among(3)), "10.0.0.7"}, "address read");
  }

  void respond(const RunHook& e) {
    hook_running_ = false;
    const bool good = mostly(60);
    const auto& hooks = e.kind == HookKind::post_start ? life_.rules.post_start : life_.rules.pre_stop;
    const OnFailure rule = e.index < hooks.size() ? hooks[e.index] : OnFailure::ignore;
    if (good || rule != OnFailure::retry) ++hooks_done_;
    if (!good && rule == OnFailure::fail && e.kind == HookKind::post_start && !stop_at_) {
      note_stop(life_.rules.leave);
      failed_hook_ = true;
    }
    if (!good && rule == OnFailure::fail && e.kind == HookKind::pre_stop) spoilt_ = true;
    tell(HookEnded{e.launch, good ? "" : "exit code 1"}, good ? "hook done" : "hook failed");
  }

  void respond(const AskLeave& e) {
    const bool good = mostly(80);
    if (good) leave_completed_ = true;
    tell(LeaveAnswered{e.launch, good ? "" : "500"}, good ? "leave answered" : "leave refused");
  }

  void respond(const Deregister& e) {
    const bool good = mostly(60);
    came_back_ = !good;
    tell(Deregistered{e.launch, good ? "" : "403"}, good ? "deregistered" : "deregister refused");
  }

  void respond(const EndAgent& e) {
    if (agent_) end_agent_process(e.signal == SIGKILL ? AgentEnded{-1, SIGKILL} : AgentEnded{1, 0});
  }

  void respond(const AwaitChildren&) { tell(ChildrenGone{}, "children gone"); }

  void respond(const Reload& e) {
    const auto result = static_cast<ReloadResult>(among(5));
    Next next{in_force_.rules, in_force_.own, result, e.settings};
    if (!e.settings) next.own.address = next.own.address == "10.0.0.5" ? "10.0.0.7" : "10.0.0.5";
    if (e.settings && seldom(20)) next.own.name = next.own.name == "n1" ? "n1b" : "n1";
    next.rules.linger = upto(seconds(3));
    // A draw for each hook would make a hundred sequences of one.
    static const std::vector<OnFailure> hooks[] = {{}, {OnFailure::fail}, {OnFailure::retry, OnFailure::ignore}};
    const std::size_t which = among(std::size(hooks));
    next.rules.post_start = hooks[which];
    next.rules.pre_stop = hooks[std::size(hooks) - 1 - which];
    preparing_ = false;
    if (result != ReloadResult::broken) next_ = next;
    tell(Reloaded{result, next.rules, "settings", next.own, "", e.settings}, "reloaded");
  }

  void respond(const Adopt& e) {
    const bool good = mostly(80);
    if (good) proven_ = true;
    paused_ = now_;
    tell(AgentReloaded{e.launch, good ? "" : "500"}, good ? "agent has reloaded" : "agent refuses to reload");
    hold(good || stop_at_ || given_up_ || !kept_, "back", "settings that the agent refuses stay in force");
  }

  // ---- effects, and the laws

  void tell(Happening what, const char* name) {
    // Once over, the full sync stays over, whatever the cluster's size is later said to be.
    if (joined_ && now_ >= *joined_ + sync_window(members_)) synced_ = true;
    turns_.push_back({now_, name, life_.phase});
    const std::vector<Effect> effects = step(life_, {now_, std::move(what)});
    told_of_kill_ = std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
      const auto* said = std::get_if<Say>(&effect);
      return said && said->text.find("killing") != std::string::npos;
    });
    for (const Effect& effect : effects) {
      ++effects_;
      hold(!quit_, "quit-once", "an effect after Quit");
      std::visit([this](const auto& e) { take(e); }, effect);
    }
    hold(life_.rules == in_force_.rules && life_.own == in_force_.own, "in-force",
         "the life goes by other settings than those in force");
    if (ready(life_)) {
      hold(agent_ && sent_ && catalog_ && leader_ && hooks_done_ >= hooks_wanted_, "ready",
           "ready without services, hooks, catalog and leader");
      ever_ready_ = true;
    }
    if (life_.phase == Phase::registering) {
      hold(life_.task_at || std::any_of(owed_.begin(), owed_.end(), is_registering), "awake",
           "nothing is done to register");
    }
    if (life_.phase == Phase::leaving && agent_ && !life_.stop->forbidden) {
      const bool looking = std::any_of(owed_.begin(), owed_.end(),
                                       [](const Owed& o) { return std::holds_alternative<LookUpCatalog>(o.effect); });
      hold(looking || (life_.task_at && *life_.task_at <= now_ + look_anyway), "awake",
           "nobody looks whether the node has left");
    }
    if (ready(life_) && paused_ && now_ - *paused_ <= sync_retry_window(members_) && !unflushable_ && !stop_at_) {
      const bool outstanding = std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) {
        return std::holds_alternative<Flush>(o.effect) || std::holds_alternative<SendServices>(o.effect);
      });
      hold(outstanding || next_wake(life_).value_or(Time::max()) <= now_ + flush_interval, "flushed",
           "nobody sees to what the agent has yet to tell the servers");
    }
    if (stop_at_ && !quit_) {
      hold(now_ - *stop_at_ <= rules_at_stop_.stop_timeout + sweep_limit + seconds(1), "budget",
           "the stop takes longer than its budget");
    }
  }

  void owe(const Effect& effect, Duration most) { owed_.push_back({effect, now_ + upto(most), asked_leave_}); }

  void take(const Say&) {}
  void take(const Report&) {}
  void take(const SignalChildren&) {}
  void take(const Prepare& e) { owe(e, seconds(1)); }
  void take(const Reload& e) {
    begin_to_prepare();
    owe(e, seconds(3));
  }

  void begin_to_prepare() {
    hold(!preparing_ && !next_, "in-force", "settings are prepared beside others that are");
    preparing_ = true;
    base_ = version_;
  }

  void take(const Adopt& e) {
    hold(next_ && !preparing_, "in-force", "nothing is prepared");
    hold(!stop_at_ && !given_up_, "in-force", "new settings come into force in a stop");
    hold(base_ == version_, "in-force", "what comes into force was compared with others than those in force");
    hold(!e.keep || proven_, "back", "settings are kept that no agent has answered with");
    if (e.keep) kept_ = in_force_;
    if (next_->result == ReloadResult::restart || (next_->result == ReloadResult::reloaded && !e.reload))
      restart_asked_ = true;
    if (next_->own.id != in_force_.own.id) holder_.clear();
    // Another address or id is no matter of the settings: no agent could go back to it.
    const bool asks_agent = next_->result == ReloadResult::restart || next_->result == ReloadResult::reloaded;
    const bool on_trial = asks_agent && next_->settings;
    put_into_force({next_->rules, next_->own});
    next_.reset();
    // What asks nothing of an agent is as good as what it joins.
    if (!asks_agent && agent_ && launched_with_ == version_ - 1) launched_with_ = version_;
    if (on_trial) proven_ = false;
    if (e.reload) {
      hold(agent_, "in-force", "there is no agent to be told");
      launched_with_ = version_;
      owe(e, seconds(3));
    }
  }

  void put_into_force(InForce settings) {
    in_force_ = std::move(settings);
    hooks_wanted_ = std::min(hooks_wanted_, in_force_.rules.post_start.size());
    ++version_;
  }

  void take(const GoBack&) {
    hold(kept_.has_value(), "back", "there is nothing to go back to");
    hold(!stop_at_ && !given_up_, "in-force", "settings come into force in a stop");
    put_into_force(*kept_);
    kept_.reset();
    next_.reset();
    proven_ = true;
    if (std::exchange(did_not_start_, false)) back_at_ = now_;
    if (agent_) launched_with_ = version_;
  }

  void take(const Forget&) {
    next_.reset();
    kept_.reset();
  }

  void take(const Launch& e) {
    hold(!agent_ && !launching_, "one-agent", "a launch beside a live agent");
    hold(!stop_at_, "no-comeback", "a launch after a stop was asked");
    hold(!did_not_start_, "back", "a launch with settings with which an agent could not start");
    hold(!back_at_ || *back_at_ == now_, "back", "the agent with the settings before is not launched at once");
    back_at_.reset();
    launching_ = true;
    launches_ = e.launch;
    hooks_wanted_ = life_.rules.post_start.size();
    forget_agent();
    owe(e, milliseconds(20));
  }

  void take(const Probe& e) {
    if (!unanswered_) unanswered_ = now_;
    owe(e, e.deadline);
  }
  void take(const SendServices& e) { owe(e, seconds(10)); }
  void take(const LookUpCatalog& e) { owe(e, seconds(3)); }
  void take(const SendAgain& e) {
    hold(agent_ && !stop_at_ && !asked_leave_, "hands-off", "the catalog is written to without an agent, or in a stop");
    owe(e, seconds(10));
  }
  void take(const Flush& e) {
    hold(agent_ && leader_ && !unflushable_ && !stop_at_ && !given_up_, "flushed",
         "a flush without a leader, refused before, or in a stop");
    owe(e, seconds(10));
  }
  void take(const AwaitChange& e) {
    hold(agent_ && asked_leave_ && e.limit > Duration{}, "leave-once",
         "a change is awaited where nothing is to change");
    owe(e, e.limit + seconds(1));
  }
  void take(const Deregister& e) {
    came_back_ = true;
    owe(e, seconds(3));
  }
  void take(const TakeIdBack& e) {
    begin_to_prepare();
    owe(e, seconds(1));
  }
  void take(const LookAround& e) { owe(e, seconds(10)); }
  void take(const ReadAddress& e) { owe(e, seconds(1)); }
  void take(const Rejoin&) {}
  void take(const Join& e) {
    const bool another =
        std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) { return std::holds_alternative<Join>(o.effect); });
    hold(agent_ && !leader_ && !stop_at_ && !another, "join",
         "a leader is known, a stop was asked, or another one runs");
    owe(e, seconds(10));
  }

  void take(const Clear& e) {
    hold(e.claim.dead(), "hands-off", "something that may be alive is cleared away");
    hold(life_.rules.heal, "hands-off", "something is cleared away without node.heal");
    owe(e, seconds(6));
  }

  void take(const RunHook& e) {
    hold(agent_, "hooks", "a hook without an agent");
    hold(!hook_running_, "hooks", "two hooks at a time");
    if (e.kind == HookKind::pre_stop && !pre_stop_began_) {
      pre_stop_began_ = true;
      hooks_done_ = 0;
    }
    hold(e.index == hooks_done_, "hooks", "a hook out of order");
    hook_running_ = true;
    owe(e, seconds(30));
  }

  void take(const EndHook&) {
    std::erase_if(owed_, [](const Owed& o) { return std::holds_alternative<RunHook>(o.effect); });
    hook_running_ = false;
  }

  void take(const AskLeave& e) {
    hold(agent_, "leave-once", "a leave without an agent");
    hold(!asked_leave_, "leave-once", "a second leave");
    hold(stop_at_ && stop_leave_ && !quit_signal_, "leave-once", "a leave that nobody asked for");
    hold(holder_.empty() || holder_ == in_force_.own.address, "hands-off", "a leave in the name of another node");
    const Duration most = std::min<Duration>(settle_limit, rules_at_stop_.stop_timeout / 3);
    const bool reloading = std::any_of(owed_.begin(), owed_.end(), [](const Owed& o) {
      return std::holds_alternative<Reload>(o.effect) || std::holds_alternative<Adopt>(o.effect);
    });
    hold((synced_ && !reloading) || now_ >= *stop_at_ + most, "settled",
         "a leave before the agent's full sync, or in the middle of a reload");
    asked_leave_ = true;
    knew_leader_ = leader_;
    owe(e, e.deadline);
  }

  void take(const RepeatLeave&) {
    hold(asked_leave_ && agent_ && !repeated_leave_ && !confirmed_, "leave-once",
         "the members are told again of a leave that was not asked for, or once too often");
    repeated_leave_ = true;
  }

  void take(const EndAgent& e) {
    if (e.signal == SIGTERM) replaced_ = true;
    hold(!asked_leave_ || e.signal == SIGKILL, "no-shortcut", "a signal other than KILL after the leave was asked");
    if (!stop_at_) {
      const bool too_early = life_.rules.api_after_join && !answered_;
      const bool hung = !too_early && unanswered_ && now_ - *unanswered_ >= life_.rules.hung_after;
      const bool lost =
          leaderless_ && life_.rules.rejoin_after > Duration{} && now_ - *leaderless_ >= life_.rules.rejoin_after;
      hold(restart_asked_ || quarrelled_ || hung || lost, "patience", "an agent ended for no reason");
    }
    if (e.signal == SIGKILL) {
      hold(told_of_kill_ == (killed_ ? 0 : 1), "told", "an agent killed, and not told of in one line");
      killed_ = true;
      // One that waits for a disk dies late.
      owe(e, !stop_at_ && seldom(4) ? milliseconds(1500) : milliseconds(50));
    } else if (!std::exchange(told_to_end_, true) && mostly(70)) {
      owe(e, milliseconds(250));
    }
  }

  void take(const AwaitChildren& e) {
    if (mostly(80)) owe(e, seconds(1));
  }

  void take(const Quit& e) {
    quit_ = true;
    hold(!agent_ && !launching_, "quit-once", "Quit with a live agent");
    if (!stop_at_ || failed_hook_) {
      hold(failed_hook_ || e.exit == Exit::config || !ever_ready_, "give-up",
           "gave up on an agent that had been ready");
      hold(e.exit != Exit::ok, "truth", "gave up and says all is well");
      return;
    }
    if (e.exit != Exit::ok || !stop_leave_ || launches_at_stop_ == 0) return;
    const bool by_its_word = forbidden_ && leave_completed_ && knew_leader_;
    hold(asked_leave_ && !spoilt_ && !came_back_ && (confirmed_ || by_its_word), "truth",
         "says that the node has left without knowing it");
  }

  Choices* choices_;
  Rules rules_at_stop_;
  Life life_;
  Time now_{seconds(1000)};
  std::vector<Owed> owed_;
  std::vector<Turn> turns_;
  long effects_ = 0;

  // The world, and what the laws need to know of the past.
  bool agent_ = false, launching_ = false, synced_ = false, quit_ = false, given_up_ = false;
  int launches_ = 0, launches_at_stop_ = 0, members_ = 0;
  std::optional<Time> stop_at_, joined_;
  std::optional<Time> paused_;  // the agent's syncer, last
  bool unflushable_ = false;
  std::optional<Time> unanswered_;        // the API, since then
  bool answered_ = false, mute_ = false;  // the API, of this agent
  bool told_to_end_ = false, killed_ = false;
  long told_of_kill_ = 0;           // in this step
  std::optional<Time> leaderless_;  // since then, having joined
  bool stop_leave_ = false, quit_signal_ = false, failed_hook_ = false, restart_asked_ = false;
  bool asked_leave_ = false, repeated_leave_ = false, knew_leader_ = false, leave_completed_ = false,
       confirmed_ = false, forbidden_ = false, spoilt_ = false, came_back_ = false;
  bool fresh_ = false, leader_ = false, sent_ = false, catalog_ = false, seen_ = false, ever_ready_ = false;
  // Settings: in force, prepared, kept.
  struct Next {
    Rules rules;
    NodeKey own;
    ReloadResult result;
    bool settings;  // read again
  };
  InForce in_force_;
  std::optional<Next> next_;
  std::optional<InForce> kept_;
  int version_ = 0, base_ = 0, launched_with_ = 0;  // of what is in force: now, when reading began, with the agent
  bool preparing_ = false, proven_ = false;         // an agent has answered with what is in force
  bool replaced_ = false, did_not_start_ = false;
  std::optional<Time> back_at_;
  bool gossip_ = true, quarrelled_ = false;
  std::optional<Time> closing_;  // since when the agent ends each connection without an answer
  std::string holder_;           // address of the entry under our name with another id, as last answered; empty: none
  bool hook_running_ = false, pre_stop_began_ = false;
  // New settings may bring hooks; they run without a moment of not being ready.
  std::size_t hooks_done_ = 0, hooks_wanted_ = 0;
};

Rules random_rules(Dice& dice) {
  const auto chance = [&](int percent) { return dice.upto(99) < percent; };
  const auto upto = [&](Duration most) { return Duration(dice.upto(most.count())); };
  const auto hooks = [&] {
    std::vector<OnFailure> some(static_cast<std::size_t>(chance(50) ? 0 : dice.upto(2)));
    for (auto& hook : some) hook = static_cast<OnFailure>(dice.upto(2));
    return some;
  };
  Rules rules;
  rules.leave = chance(75);
  rules.linger = chance(30) ? Duration{} : upto(seconds(3));
  rules.stop_timeout = seconds(3) + upto(seconds(30));
  rules.bind_wait = upto(seconds(60));
  rules.hung_after = seconds(1) + upto(seconds(40));
  rules.rejoin_after = chance(30) ? Duration{} : seconds(1) + upto(seconds(chance(50) ? 4 : 60));
  rules.give_up_after = 1 + static_cast<int>(dice.upto(5));
  rules.post_start = hooks();
  rules.pre_stop = hooks();
  rules.acl = chance(30);
  rules.heal = chance(70);
  rules.restart_on_change = chance(70);
  rules.fixed_id = chance(20);
  rules.api_after_join = chance(20);
  return rules;
}

void print(const Walk& walk, const Broken& broken) {
  for (const Walk::Turn& turn : walk.turns()) {
    std::printf("%lld ms  %s  in %s\n", static_cast<long long>(turn.at.time_since_epoch().count() / 1000), turn.name,
                to_string(turn.phase));
  }
  std::printf("law %s broken: %s\n", broken.law.c_str(), broken.what());
}

// ------------------------------------------------------------------------------------- random lives

int random_lives(long most, std::uint64_t seed, const std::string& wanted) {
  constexpr int turns = 500;
  long steps = 0, lives = 0;
  std::set<std::string> laws;
  for (; steps < most; ++seed, ++lives) {
    Dice dice(seed);
    const Rules rules = random_rules(dice);
    Walk walk(dice, rules, seed);
    std::optional<Broken> broken;
    try {
      for (int i = 0; i < turns && !walk.over(); ++i) walk.one();
      walk.to_the_end();
    } catch (const Broken& law) {
      broken = law;
    }
    steps += static_cast<long>(walk.turns().size());
    if (!broken) continue;
    if (wanted.empty()) {
      print(walk, *broken);
      std::printf("to see it again: --seed %llu\n", static_cast<unsigned long long>(seed));
      return 1;
    }
    laws.insert(broken->law);
    if (laws.count(wanted)) {
      std::printf("caught by %s after %ld steps\n", wanted.c_str(), steps);
      return 0;
    }
  }
  if (wanted.empty()) {
    std::printf("%ld steps in %ld lives, no law broken\n", steps, lives);
    return 0;
  }
  std::printf("not caught by %s in %ld steps; caught by:", wanted.c_str(), steps);
  for (const std::string& law : laws) std::printf(" %s", law.c_str());
  std::printf("\n");
  return 1;
}

// ------------------------------------------------------------------------------------ all sequences

class Explorer {
 public:
  // All that can follow within `depth` happenings, and a random end of each.
  void explore(const Walk& from, int depth) {
    Odometer turns;
    do {
      Walk walk = from;
      walk.go_on_with(turns);
      guarded(walk, [](Walk& w) { w.one(); });
      ++steps_;
      if (walk.stands_where(from)) continue;
      if (depth > 1 && !walk.over()) {
        explore(walk, depth - 1);
      } else {
        Dice dice(static_cast<std::uint64_t>(++ends_));
        walk.go_on_with(dice);
        guarded(walk, [](Walk& w) { w.to_the_end(); });
      }
    } while (turns.next());
  }

  // From each moment of the life that goes as it should and is stopped after `happenings`, until it ends.
  void explore_along(const Rules& rules, int happenings, int depth) {
    StraightOn straight_on;
    Walk walk(straight_on, rules, 1);
    for (int i = 0; !walk.over(); ++i) {
      explore(walk, depth);
      walk.go_on_with(straight_on);
      i == happenings ? walk.signal(SignalKind::terminate) : walk.one();
    }
  }

  void report() const { std::printf("%ld happenings, %ld ends, no law broken\n", steps_, ends_); }

 private:
  template <class Act>
  void guarded(Walk& walk, const Act& act) {
    try {
      act(walk);
    } catch (const Broken& broken) {
      print(walk, broken);
      throw;
    }
  }

  long steps_ = 0, ends_ = 0;
};

int all_sequences(int depth) {
  Rules leave, stay, hooks;
  leave.stop_timeout = seconds(8);
  stay.leave = false;
  hooks.post_start = {OnFailure::retry};
  hooks.pre_stop = {OnFailure::fail};
  hooks.acl = true;
  hooks.linger = {};
  Explorer explorer;
  try {
    for (const Rules& rules : {leave, stay, hooks}) {
      for (const int happenings : {3, 12}) explorer.explore_along(rules, happenings, depth);
    }
  } catch (const Broken&) {
    return 1;
  }
  explorer.report();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  long most = 1500000;
  int depth = 0;
  std::uint64_t seed = 1;
  std::string wanted;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--steps")) most = std::atol(argv[i + 1]);
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--explore")) depth = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--caught-by")) wanted = argv[i + 1];
  }
  return depth > 0 ? all_sequences(depth) : random_lives(most, seed, wanted);
}
