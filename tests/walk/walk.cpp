// Random walks through the life (decide/life.hpp) under a virtual clock.
//
// The world here answers every effect as the real one may: late, never, with any outcome; the agent dies when it likes;
// signals and the kernel's news come at any moment; answers for agents that are gone turn up. The laws are those of the
// header, checked from the outside, with the walk's own bookkeeping.
//
//   life_walk [--steps N] [--seed S]         exit 0 if no law was broken, else the broken one, its seed and the last events
//   life_walk --caught-by LAW                exit 0 if LAW was broken: for a mutant of the life
#include "decide/life.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>

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

// What an effect still owes an answer for.
struct Owed {
  Effect effect;
  Time latest;
  bool after_leave;  // asked for after the agent had been asked to leave
};

bool is_registering(const Owed& owed) {
  return std::holds_alternative<SendServices>(owed.effect) || std::holds_alternative<LookUpCatalog>(owed.effect) ||
         std::holds_alternative<RunHook>(owed.effect);
}

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed), rules_(random_rules()), life_(new_life(rules_, seed)) {}

  // Returns how many steps it took; throws Broken.
  int run(int most) {
    tell(Begin{}, "begin");
    int steps = 1;
    for (; !quit_ && steps < most; ++steps) one();
    // Every life must end: after a TERM it has the budget and no more.
    if (!quit_ && !stop_at_) signal(SignalKind::terminate);
    for (int extra = 0; !quit_; ++extra, ++steps) {
      hold(extra < 20000, "awake", "the stop does not come to an end");
      one();
    }
    const auto after = step(life_, {now_, Tick{}});
    hold(after.empty(), "quit-once", "an effect after Quit");
    return steps;
  }

  const std::deque<std::string>& history() const { return history_; }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return pick(100) < percent; }
  Duration upto(Duration most) {
    return Duration(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most.count() + 1)));
  }

  std::vector<OnFailure> random_hooks() {
    std::vector<OnFailure> hooks(static_cast<std::size_t>(chance(50) ? 0 : pick(3)));
    for (auto& hook : hooks) hook = static_cast<OnFailure>(pick(3));
    return hooks;
  }

  Rules random_rules() {
    Rules rules;
    rules.leave = chance(75);
    rules.linger = chance(30) ? Duration{} : upto(seconds(3));
    rules.stop_timeout = seconds(3) + upto(seconds(30));
    rules.bind_wait = upto(seconds(60));
    rules.hung_after = seconds(1) + upto(seconds(40));
    rules.give_up_after = 1 + pick(6);
    rules.post_start = random_hooks();
    rules.pre_stop = random_hooks();
    rules.acl = chance(30);
    rules.heal = chance(70);
    rules.restart_on_change = chance(70);
    rules.fixed_id = chance(20);
    return rules;
  }

  // ---- one thing that happens

  void one() {
    const int what = pick(100);
    if (what < 2) return signal(static_cast<SignalKind>(pick(6)));
    if (what < 3) return tell(HostChanged{}, "host changed");
    if (what < 4 && agent_ && chance(20)) gossip_ = false;
    if (what < 5 && agent_) return agent_dies();
    if (what < 8) return stale_answer();
    if (what < 70 && !owed_.empty()) return answer(static_cast<std::size_t>(pick(static_cast<int>(owed_.size()))));
    pass_time();
  }

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
    if (*until > now_ && chance(20)) {
      now_ += upto(*until - now_);
      return;
    }
    now_ = std::max(now_, *until);
    first ? answer(*first) : tell(Tick{}, "tick");
  }

  void signal(SignalKind kind) {
    static const char* const names[] = {"TERM", "INT", "QUIT", "HUP", "USR1", "USR2"};
    const bool stops = kind == SignalKind::terminate || kind == SignalKind::interrupt || kind == SignalKind::quit;
    if (kind == SignalKind::quit) quit_signal_ = true;
    if (stops && !stop_at_ && !given_up_) note_stop(kind != SignalKind::quit && life_.rules.leave);
    if (kind == SignalKind::restart) restart_asked_ = true;
    tell(Signal{kind}, names[static_cast<int>(kind)]);
  }

  void note_stop(bool leave) {
    stop_at_ = now_;
    stop_leave_ = leave;
    launches_at_stop_ = launches_;
    rules_at_stop_ = life_.rules;
  }

  void agent_dies() {
    const bool clean = asked_leave_ && chance(50);
    end_agent_process(clean ? AgentEnded{0, 0} : chance(50) ? AgentEnded{1, 0} : AgentEnded{-1, SIGKILL});
  }

  void end_agent_process(const AgentEnded& how) {
    agent_ = false;
    if (how.code == 0 && asked_leave_) leave_completed_ = true;
    forget_agent();
    tell(how, "agent ended");
  }

  // What was owed by the agent that is no more never comes.
  void forget_agent() {
    std::erase_if(owed_, [](const Owed& o) {
      return std::holds_alternative<Probe>(o.effect) || std::holds_alternative<SendServices>(o.effect) ||
             std::holds_alternative<LookUpCatalog>(o.effect) || std::holds_alternative<RunHook>(o.effect) ||
             std::holds_alternative<AskLeave>(o.effect) || std::holds_alternative<Deregister>(o.effect) ||
             std::holds_alternative<EndAgent>(o.effect) || std::holds_alternative<LookAround>(o.effect) ||
             std::holds_alternative<Clear>(o.effect) || std::holds_alternative<Join>(o.effect);
    });
    gossip_ = true;
    hook_running_ = false;
    sent_ = catalog_ = leader_ = seen_ = false;
    joined_.reset();
    synced_ = false;
    hooks_done_ = 0;
    members_ = 0;
    restart_asked_ = quarrelled_ = false;
  }

  void stale_answer() {
    if (launches_ < 1) return tell(Tick{}, "tick");
    const int old = agent_ ? launches_ - 1 : launches_;
    switch (pick(5)) {
      case 0:
        return tell(Probed{old, ProbeAnswer::leader, 3}, "stale probe");
      case 1:
        return tell(ServicesSent{old, ""}, "stale services");
      case 2:
        return tell(CatalogSeen{old, chance(50) ? CatalogAnswer::gone : CatalogAnswer::registered}, "stale catalog");
      case 3:
        return tell(LeaveAnswered{old, ""}, "stale leave");
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
    if (chance(60)) return tell(Prepared{life_.rules, own_, chance(30)}, "prepared");
    const bool wait = chance(90);
    if (!wait) given_up_ = true;
    tell(PrepareFailed{{"bind.interface", "no address", "add one", wait ? Exit::retry : Exit::config}}, "no address");
  }

  void respond(const Launch&) {
    launching_ = false;
    if (chance(10))
      return tell(LaunchFailed{{"agent", "no", "", chance(50) ? Exit::not_found : Exit::internal}}, "launch failed");
    agent_ = true;
    unanswered_.reset();
    tell(Launched{1000 + launches_}, "launched");
  }

  void respond(const Probe& e) {
    const auto answer = static_cast<ProbeAnswer>(pick(10) < 6 ? 2 : pick(3));
    const int members = chance(50) ? 0 : pick(3000);
    if (answer != ProbeAnswer::silent) {
      unanswered_.reset();
      leader_ = answer == ProbeAnswer::leader;
      if (leader_ && !joined_) joined_ = now_;
    }
    if (members > 0) members_ = members;
    if (!gossip_ && answer != ProbeAnswer::silent) quarrelled_ = true;
    tell(Probed{e.launch, answer, members, gossip_}, answer == ProbeAnswer::leader      ? "leader"
                                                     : answer == ProbeAnswer::no_leader ? "no leader"
                                                                                        : "silent");
  }

  void respond(const SendServices& e) {
    sent_ = chance(80);
    tell(ServicesSent{e.launch, sent_ ? "" : "403"}, sent_ ? "services sent" : "services refused");
  }

  void respond(const LookUpCatalog& e) {
    const auto answer = chance(8) ? CatalogAnswer::taken : static_cast<CatalogAnswer>(pick(5));
    const bool taken = answer == CatalogAnswer::taken;
    const bool elsewhere = taken && chance(50);
    if (answer != CatalogAnswer::failed && answer != CatalogAnswer::forbidden)
      holder_ = elsewhere ? "10.0.0.9" : taken ? own_.address : "";
    if (answer == CatalogAnswer::incomplete || answer == CatalogAnswer::registered) seen_ = true;
    const bool unreadable = answer == CatalogAnswer::forbidden || ((answer == CatalogAnswer::gone || taken) && !seen_);
    if (fresh_ && unreadable) forbidden_ = true;
    if (fresh_ && (answer == CatalogAnswer::gone || taken) && seen_) confirmed_ = true;
    if (!asked_leave_ && answer != CatalogAnswer::failed)
      catalog_ = answer == CatalogAnswer::registered || (unreadable && !taken);
    static const char* const names[] = {"catalog: gone",      "catalog: incomplete", "catalog: registered",
                                        "catalog: forbidden", "catalog: failed",     "catalog: taken"};
    const NodeKey holder{"n1", "another id", elsewhere ? "10.0.0.9" : own_.address};
    tell(CatalogSeen{e.launch, answer, holder}, names[static_cast<int>(answer)]);
  }

  void respond(const TakeIdBack& e) {
    const bool good = chance(80);
    if (good) own_.id = e.id;
    if (good) restart_asked_ = true;
    if (good) holder_.clear();
    tell(IdTakenBack{own_, good ? "" : "disk full"}, "id taken back");
  }

  void respond(const LookAround& e) {
    std::vector<Claim> claims;
    for (const char* name : {"n2", "n3", "n4"}) {
      if (chance(60)) continue;
      Claim claim;
      claim.name = name;
      claim.prune = chance(50);
      claim.deregister = chance(50);
      claims.push_back(claim);
    }
    tell(LookedAround{e.launch, claims, chance(10), chance(10) ? "500" : ""}, "looked around");
  }

  void respond(const Join& e) { tell(Joined{e.launch}, "joined"); }

  void respond(const Clear& e) { tell(Cleared{e.launch, static_cast<ClearAnswer>(pick(3)), "403"}, "cleared"); }

  void respond(const ReadAddress&) {
    tell(AddressRead{static_cast<AddressState>(pick(3)), "10.0.0.7"}, "address read");
  }

  void respond(const RunHook& e) {
    hook_running_ = false;
    const bool good = chance(60);
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
    const bool good = chance(80);
    if (good) leave_completed_ = true;
    tell(LeaveAnswered{e.launch, good ? "" : "500"}, good ? "leave answered" : "leave refused");
  }

  void respond(const Deregister& e) {
    const bool good = chance(60);
    came_back_ = !good;
    tell(Deregistered{e.launch, good ? "" : "403"}, good ? "deregistered" : "deregister refused");
  }

  void respond(const EndAgent& e) {
    if (agent_) end_agent_process(e.signal == SIGKILL ? AgentEnded{-1, SIGKILL} : AgentEnded{1, 0});
  }

  void respond(const AwaitChildren&) { tell(ChildrenGone{}, "children gone"); }

  void respond(const Reload& e) {
    const auto result = static_cast<ReloadResult>(pick(5));
    // Of a life that is ending the agent is the one that runs.
    if (!e.settings && result != ReloadResult::broken && !stop_at_ && !given_up_)
      own_.address = own_.address == "10.0.0.5" ? "10.0.0.7" : "10.0.0.5";
    Rules rules = life_.rules;
    if (!stop_at_) {
      rules.linger = upto(seconds(3));
      rules.post_start = random_hooks();
      hooks_wanted_ = std::min(hooks_wanted_, rules.post_start.size());
    }
    if (result == ReloadResult::restart) restart_asked_ = true;
    tell(Reloaded{result, rules, "settings", own_}, "reloaded");
  }

  // ---- effects, and the laws

  void tell(Happening what, const char* name) {
    // Once over, the full sync stays over, whatever the cluster's size is later said to be.
    if (joined_ && now_ >= *joined_ + sync_window(members_)) synced_ = true;
    history_.push_back(std::to_string(now_.time_since_epoch().count() / 1000) + " ms  " + name + "  in " +
                       to_string(life_.phase));
    if (history_.size() > 200) history_.pop_front();
    for (const Effect& effect : step(life_, {now_, std::move(what)})) {
      hold(!quit_, "quit-once", "an effect after Quit");
      std::visit([this](const auto& e) { take(e); }, effect);
    }
    if (ready(life_)) {
      hold(agent_ && sent_ && catalog_ && leader_ && hooks_done_ >= hooks_wanted_, "ready",
           "ready without services, hooks, catalog and leader");
      ever_ready_ = true;
    }
    if (life_.phase == Phase::registering) {
      hold(life_.task_at || std::any_of(owed_.begin(), owed_.end(), is_registering), "awake",
           "nothing is done to register");
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
  void take(const Prepare& e) { owe(e, milliseconds(20)); }
  void take(const Reload& e) { owe(e, seconds(3)); }

  void take(const Launch& e) {
    hold(!agent_ && !launching_, "one-agent", "a launch beside a live agent");
    hold(!stop_at_, "no-comeback", "a launch after a stop was asked");
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
  void take(const Deregister& e) {
    came_back_ = true;
    owe(e, seconds(3));
  }
  void take(const TakeIdBack& e) { owe(e, milliseconds(20)); }
  void take(const LookAround& e) { owe(e, seconds(10)); }
  void take(const ReadAddress& e) { owe(e, milliseconds(5)); }
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
    hold(holder_.empty() || holder_ == own_.address, "hands-off", "a leave in the name of another node");
    const Duration most = std::min<Duration>(settle_limit, rules_at_stop_.stop_timeout / 3);
    hold(synced_ || now_ >= *stop_at_ + most, "settled", "a leave before the agent's full sync");
    asked_leave_ = true;
    knew_leader_ = leader_;
    owe(e, e.deadline);
  }

  void take(const EndAgent& e) {
    hold(!asked_leave_ || e.signal == SIGKILL, "no-shortcut", "a signal other than KILL after the leave was asked");
    if (!stop_at_) {
      hold(restart_asked_ || quarrelled_ || (unanswered_ && now_ - *unanswered_ >= life_.rules.hung_after), "patience",
           "an agent ended for no reason");
    }
    if (e.signal == SIGKILL || chance(70))
      owe(e, e.signal == SIGKILL ? Duration(milliseconds(50)) : Duration(milliseconds(1500)));
  }

  void take(const AwaitChildren& e) {
    if (chance(80)) owe(e, seconds(1));
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

  std::mt19937_64 random_;
  Rules rules_, rules_at_stop_;
  Life life_;
  Time now_{seconds(1000)};
  std::vector<Owed> owed_;
  std::deque<std::string> history_;

  // The world, and what the laws need to know of the past.
  bool agent_ = false, launching_ = false, synced_ = false, quit_ = false, given_up_ = false;
  int launches_ = 0, launches_at_stop_ = 0, members_ = 0;
  std::optional<Time> stop_at_, joined_;
  std::optional<Time> unanswered_;  // the API, since then
  bool stop_leave_ = false, quit_signal_ = false, failed_hook_ = false, restart_asked_ = false;
  bool asked_leave_ = false, knew_leader_ = false, leave_completed_ = false, confirmed_ = false, forbidden_ = false,
       spoilt_ = false, came_back_ = false;
  bool fresh_ = false, leader_ = false, sent_ = false, catalog_ = false, seen_ = false, ever_ready_ = false;
  NodeKey own_{"n1", "id", "10.0.0.5"};
  bool gossip_ = true, quarrelled_ = false;
  std::string holder_;  // address of the entry under our name with another id, as last answered; empty: none
  bool hook_running_ = false, pre_stop_began_ = false;
  // New settings may bring hooks; they run without a moment of not being ready.
  std::size_t hooks_done_ = 0, hooks_wanted_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  long most = 1500000;
  std::uint64_t seed = 1;
  std::string wanted;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--steps")) most = std::atol(argv[i + 1]);
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--caught-by")) wanted = argv[i + 1];
  }
  long steps = 0, lives = 0;
  std::set<std::string> laws;
  for (; steps < most; ++seed, ++lives) {
    Walk walk(seed);
    try {
      steps += walk.run(500);
    } catch (const Broken& broken) {
      ++steps;
      if (wanted.empty()) {
        for (const std::string& line : walk.history()) std::printf("%s\n", line.c_str());
        std::printf("law %s broken: %s (--seed %llu)\n", broken.law.c_str(), broken.what(),
                    static_cast<unsigned long long>(seed));
        return 1;
      }
      laws.insert(broken.law);
      if (laws.count(wanted)) {
        std::printf("caught by %s after %ld steps\n", wanted.c_str(), steps);
        return 0;
      }
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
