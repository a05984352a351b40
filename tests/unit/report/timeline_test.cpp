// Where the time goes, by lives told event by event, by lives at random, and what is shown of them.
#include "report/timeline.hpp"

#include "report/io/timeline_file.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const NodeKey node{"n1", "id-1", "10.0.0.5"};
const std::chrono::sys_time<Duration> wall{std::chrono::seconds(1'764'067'059)};  // 2025-11-25T10:37:39Z

constexpr std::size_t operator+(Step step) { return static_cast<std::size_t>(step); }

// A life from lictor's execution at 0 on, watched.
class Watched {
 public:
  explicit Watched(const Rules& rules = {}) : life(new_life(rules, 7)), timeline(Time{}) {}

  Watched& at(int ms, Happening what) {
    now = Time(milliseconds(ms));
    step(life, {now, std::move(what)});
    // At once the agent says that it does not leave.
    if (life.deciding.deadline) step(life, {now, WhyAnswered{}});
    if (life.departure.looking) step(life, {now, MemberSeen{life.supervisor.launches, MemberAnswer::member}});
    timeline.observe(life, now);
    return *this;
  }
  // Ready at 100 ms, with 10 ms or more in each step.
  Watched& started() {
    at(3, Begin{}).at(13, Prepared{life.reloading.in_force.rules, node, false}).at(20, Launched{42});
    at(60, Probed{1, ProbeAnswer::no_leader, 1}).at(80, Probed{1, ProbeAnswer::leader, 3});
    return at(90, ServicesSent{1, ""}).at(100, CatalogSeen{1, CatalogAnswer::registered});
  }
  const Course course(CourseKind kind) const {
    for (const Course& course : timeline.courses(now, wall)) {
      if (course.kind == kind) return course;
    }
    FAIL("there is no " << to_string(kind));
    return {};
  }
  bool has(CourseKind kind) const {
    const auto all = timeline.courses(now, wall);
    return std::any_of(all.begin(), all.end(), [kind](const Course& course) { return course.kind == kind; });
  }

  Life life;
  Timeline timeline;
  Time now{};
};

// The steps that took time, in milliseconds.
using Table = std::map<std::string, int>;
Table table(const Course& course) {
  Table all;
  for (std::size_t i = 0; i < course.spent.size(); ++i) {
    if (course.spent[i] != Duration{})
      all[to_string(static_cast<Step>(i))] = static_cast<int>(course.spent[i] / milliseconds(1));
  }
  return all;
}

}  // namespace

TEST_CASE("A start is the time from lictor's execution until the node is ready, step by step") {
  Watched watched;
  watched.started();
  const Course start = watched.course(CourseKind::start);
  CHECK(start.outcome == CourseOutcome::ready);
  CHECK(table(start) == Table{{"settings", 3},
                              {"prepare", 10},
                              {"launch", 7},
                              {"api", 40},
                              {"leader", 20},
                              {"services", 10},
                              {"catalog", 10}});
  CHECK(start.total() == milliseconds(100));
  CHECK_FALSE(watched.has(CourseKind::restart));
  CHECK_FALSE(watched.has(CourseKind::stop));
  // What comes later is none of it.
  watched.at(5000, Probed{1, ProbeAnswer::no_leader, 3}).at(9000, Probed{1, ProbeAnswer::leader, 3});
  CHECK(watched.course(CourseKind::start).spent == start.spent);
  CHECK_FALSE(watched.has(CourseKind::restart));
}

TEST_CASE("A start that is not over counts until now") {
  Watched watched;
  watched.at(3, Begin{}).at(13, Prepared{watched.life.reloading.in_force.rules, node, false}).at(20, Launched{42});
  watched.now = Time(milliseconds(50));
  const Course start = watched.course(CourseKind::start);
  CHECK(start.outcome == CourseOutcome::under_way);
  CHECK(table(start) == Table{{"settings", 3}, {"prepare", 10}, {"launch", 7}, {"api", 30}});
}

TEST_CASE("Waiting for an address is a step of its own") {
  Watched watched;
  watched.at(3, Begin{}).at(10, PrepareFailed{Problem{"bind", "no address", "", Exit::retry}}).at(500, HostChanged{});
  watched.at(510, Prepared{watched.life.reloading.in_force.rules, node, false});
  CHECK(table(watched.course(CourseKind::start)) == Table{{"settings", 3}, {"prepare", 7}, {"address", 500}});
}

TEST_CASE("Hooks are a step; what is sent again is the catalog's time") {
  Watched watched(Rules{.post_start = {OnFailure::ignore, OnFailure::ignore}});
  watched.at(0, Begin{}).at(0, Prepared{watched.life.reloading.in_force.rules, node, false}).at(0, Launched{42});
  watched.at(0, Probed{1, ProbeAnswer::leader, 3}).at(10, ServicesSent{1, ""});
  watched.at(30, HookEnded{1, ""}).at(70, HookEnded{1, ""}).at(80, CatalogSeen{1, CatalogAnswer::incomplete});
  // The servers have forgotten them.
  watched.at(3000, CatalogSeen{1, CatalogAnswer::gone}).at(3000, CatalogSeen{1, CatalogAnswer::gone});
  REQUIRE(watched.life.registration.sending_again);
  watched.at(3200, SentAgain{1, ""}).at(3300, CatalogSeen{1, CatalogAnswer::registered});
  const Course start = watched.course(CourseKind::start);
  CHECK(start.outcome == CourseOutcome::ready);
  CHECK(table(start) == Table{{"services", 10}, {"hooks", 60}, {"catalog", 3230}});
}

TEST_CASE("Agents that die before the node is ready are one step, with the pauses behind them") {
  Watched watched;
  watched.at(3, Begin{}).at(13, Prepared{watched.life.reloading.in_force.rules, node, false}).at(20, Launched{42});
  watched.at(60, Probed{1, ProbeAnswer::leader, 1}).at(70, AgentEnded{1, 0});
  watched.at(500, Tick{}).at(510, Launched{43}).at(520, Probed{2, ProbeAnswer::leader, 1});
  watched.at(530, ServicesSent{2, ""}).at(550, CatalogSeen{2, CatalogAnswer::registered});
  const Course start = watched.course(CourseKind::start);
  CHECK(start.outcome == CourseOutcome::ready);
  CHECK(table(start) == Table{{"settings", 3},
                              {"prepare", 10},
                              {"former", 487},
                              {"launch", 10},
                              {"api", 10},
                              {"services", 10},
                              {"catalog", 20}});
  CHECK_FALSE(watched.has(CourseKind::restart));
}

TEST_CASE("With no pause behind it an agent that died is still told from the one that follows") {
  Watched watched(Rules{.restart_min = {}, .restart_max = {}});
  watched.at(0, Begin{}).at(0, Prepared{watched.life.reloading.in_force.rules, node, false}).at(0, Launched{42});
  watched.at(60, Probed{1, ProbeAnswer::leader, 1}).at(70, AgentEnded{1, 0});
  REQUIRE(watched.life.supervisor.launches == 2);
  watched.at(80, Launched{43}).at(100, Tick{});
  CHECK(table(watched.course(CourseKind::start)) == Table{{"former", 70}, {"launch", 10}, {"api", 20}});
}

TEST_CASE("How long new settings waited for a restart is told beside it, and is no part of it") {
  Watched watched;
  watched.started();
  Reloaded news{ReloadResult::restart, {}, "new settings", node, "recursors"};
  news.rules.restart_spread = std::chrono::hours(1);
  watched.at(1000, SettingsChanged{}).at(1000, news).at(2000, SettingsChanged{}).at(2000, news);
  CHECK_FALSE(watched.has(CourseKind::restart));
  // By order: however long it would have been.
  watched.at(3000, Signal{SignalKind::reload}).at(3100, news).at(3200, AgentEnded{0, 0});
  const Course restart = watched.course(CourseKind::restart);
  CHECK(restart.reason == RestartReason::settings);
  CHECK(restart.waited == milliseconds(2100));
  CHECK(restart.total() == milliseconds(100));
  CHECK(parse_timeline("f", timeline_json({restart}))->front().waited == restart.waited);
  CHECK(timeline_text({restart}, false).find("the settings waited 2100 ms for it") != std::string::npos);
}

TEST_CASE("The last restart of the agent is told beside the start, with its reason") {
  Watched watched;
  watched.started().at(1000, AgentEnded{-1, SIGKILL});
  CHECK(watched.course(CourseKind::restart).outcome == CourseOutcome::under_way);
  watched.at(1200, Tick{}).at(1210, Launched{43}).at(1250, Probed{2, ProbeAnswer::leader, 3});
  watched.at(1260, ServicesSent{2, ""}).at(1300, CatalogSeen{2, CatalogAnswer::registered});
  Course restart = watched.course(CourseKind::restart);
  CHECK((restart.outcome == CourseOutcome::ready && restart.reason == RestartReason::died));
  CHECK(table(restart) == Table{{"former", 200}, {"launch", 10}, {"api", 40}, {"services", 10}, {"catalog", 40}});
  CHECK(watched.course(CourseKind::start).total() == milliseconds(100));

  watched.at(5000, Signal{SignalKind::restart}).at(5400, AgentEnded{0, 0}).at(5410, Launched{44});
  watched.at(5420, Probed{3, ProbeAnswer::leader, 3}).at(5420, ServicesSent{3, ""});
  watched.at(5430, CatalogSeen{3, CatalogAnswer::registered});
  restart = watched.course(CourseKind::restart);
  CHECK((restart.outcome == CourseOutcome::ready && restart.reason == RestartReason::asked));
  CHECK(table(restart) == Table{{"former", 400}, {"launch", 10}, {"api", 10}, {"catalog", 10}});
}

TEST_CASE("A stop is told step by step, until all processes are gone") {
  Watched watched(Rules{.pre_stop = {OnFailure::ignore}});
  watched.started().at(1000, Signal{SignalKind::terminate}).at(3180, Tick{}).at(3500, HookEnded{1, ""});
  watched.at(3700, Tick{}).at(4500, CatalogSeen{1, CatalogAnswer::gone}).at(5500, Tick{}).at(5502, AgentEnded{-1, 9});
  CHECK(watched.course(CourseKind::stop).outcome == CourseOutcome::under_way);
  watched.at(5510, ChildrenGone{});
  const Course stop = watched.course(CourseKind::stop);
  CHECK((stop.outcome == CourseOutcome::confirmed && stop.budget == seconds(25)));
  CHECK(table(stop) ==
        Table{{"settle", 2180}, {"pre_stop", 320}, {"leave", 1000}, {"linger", 1000}, {"ending", 2}, {"sweep", 8}});
  CHECK(watched.course(CourseKind::start).outcome == CourseOutcome::ready);
}

TEST_CASE("How a stop came out is told as it was") {
  SECTION("without leaving") {
    Watched watched(Rules{.stop_policy = StopPolicy::stay});
    watched.started().at(1000, Signal{SignalKind::terminate}).at(1400, AgentEnded{0, 0}).at(1400, ChildrenGone{});
    CHECK(watched.course(CourseKind::stop).outcome == CourseOutcome::stayed);
    CHECK(table(watched.course(CourseKind::stop)) == Table{{"ending", 400}});
  }
  SECTION("by what somebody told, in the time that it gave") {
    Watched watched;
    const StopReason why{.cause = StopCause::goes, .evidence = "the node is deleted", .grace = seconds(2)};
    step(watched.started().life, {Time(seconds(10)), Signal{SignalKind::terminate}});
    watched.timeline.observe(watched.life, Time(seconds(10)));
    watched.at(10'040, WhyAnswered{why}).at(10'500, CatalogSeen{1, CatalogAnswer::gone}).at(10'900, Tick{});
    watched.at(10'910, AgentEnded{-1, SIGKILL}).at(10'910, ChildrenGone{});
    const Course stop = watched.course(CourseKind::stop);
    CHECK((stop.evidence == "the node is deleted" && stop.given == milliseconds(1800) && stop.budget == seconds(25)));
    CHECK(table(stop) == Table{{"decide", 40}, {"leave", 460}, {"linger", 400}, {"ending", 10}});
    const auto again = parse_timeline("here", timeline_json({stop}));
    REQUIRE(again.has_value());
    CHECK(again->front() == stop);
    CHECK(timeline_text({stop}, false).find("stop.timeout is 25s, the platform gave 1.8s\n  the node is deleted\n") !=
          std::string::npos);
  }
  SECTION("without a server's word") {
    Watched watched;
    watched.started().at(10'000, Signal{SignalKind::terminate}).at(11'000, AgentEnded{1, 0}).at(11'000, ChildrenGone{});
    CHECK(watched.course(CourseKind::stop).outcome == CourseOutcome::unconfirmed);
    CHECK(table(watched.course(CourseKind::stop)) == Table{{"leave", 1000}});
  }
  SECTION("before the node was ready") {
    Watched watched;
    watched.at(3, Begin{}).at(13, Signal{SignalKind::terminate}).at(20, ChildrenGone{});
    CHECK(watched.course(CourseKind::start).outcome == CourseOutcome::stopped);
    CHECK(table(watched.course(CourseKind::start)) == Table{{"settings", 3}, {"prepare", 10}});
    CHECK(table(watched.course(CourseKind::stop)) == Table{{"sweep", 7}});
  }
  SECTION("without a signal") {
    Watched watched;
    watched.at(3, Begin{}).at(10, PrepareFailed{Problem{"x", "y", "z"}, true}).at(12, ChildrenGone{});
    const Course stop = watched.course(CourseKind::stop);
    CHECK((stop.outcome == CourseOutcome::gave_up && stop.budget == Duration{} && table(stop) == Table{{"sweep", 2}}));
    CHECK(watched.course(CourseKind::start).outcome == CourseOutcome::stopped);
  }
}

TEST_CASE("Courses are dated by the wall clock") {
  Watched watched;
  watched.started().at(10'000, Signal{SignalKind::terminate}).at(11'500, Tick{});
  watched.now = Time(milliseconds(12'000));
  CHECK(watched.course(CourseKind::start).began == wall - seconds(12));
  CHECK(watched.course(CourseKind::stop).began == wall - seconds(2));
}

// ---- lives at random

namespace {

// Answers what the life has asked for, late, in any order and with any outcome, or lets something else happen.
class RandomWorld {
 public:
  explicit RandomWorld(unsigned seed) : random_(seed), life_(new_life(some_rules(), seed)), timeline_(Time{}) {
    now_ += Duration(upto(5000));
    tell(Begin{});
  }

  bool over() const { return phase_of(life_) == Phase::ended; }

  void go_on() {
    now_ += Duration(upto(3) == 0 ? upto(3'000'000) : upto(20'000));
    if (const auto wake = next_wake(life_); wake && *wake < now_) now_ = std::max(before_, *wake);
    if (!owed_.empty() && upto(9) > 0) {
      const auto which = owed_.begin() + upto(static_cast<int>(owed_.size()) - 1);
      const Effect effect = *which;
      owed_.erase(which);
      return answer(effect);
    }
    switch (upto(60)) {
      case 0:
        return tell(Signal{static_cast<SignalKind>(upto(5))});
      case 1:
        return tell(HostChanged{});
      case 2:
      case 3:
        if (life_.supervisor.process) return tell(AgentEnded{upto(1) == 0 ? 0 : -1, 9});
        break;
      default:
        break;
    }
    tell(Tick{});
  }

 private:
  int upto(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }
  bool mostly() { return upto(4) > 0; }

  Rules some_rules() {
    Rules rules;
    rules.stop_policy = static_cast<StopPolicy>(upto(2));
    rules.restart_min = upto(2) == 0 ? Duration{} : Duration(milliseconds(100));
    rules.restart_max = std::max(rules.restart_min, Duration(seconds(upto(3))));
    rules.post_start.resize(static_cast<std::size_t>(upto(2)), static_cast<OnFailure>(upto(2)));
    rules.pre_stop.resize(static_cast<std::size_t>(upto(2)), static_cast<OnFailure>(upto(2)));
    return rules;
  }

  void answer(const Effect& effect) {
    const int launch = life_.supervisor.launches;
    const std::string failure = mostly() ? "" : "no";
    if (std::holds_alternative<Prepare>(effect)) {
      return mostly() ? tell(Prepared{life_.reloading.in_force.rules, node, false})
                      : tell(PrepareFailed{Problem{"bind", "no", "", Exit::retry}, false, {}});
    } else if (std::holds_alternative<Launch>(effect)) {
      return mostly() ? tell(Launched{42}) : tell(LaunchFailed{Problem{"agent", "no", "", Exit::internal}});
    } else if (std::holds_alternative<Probe>(effect)) {
      return tell(Probed{launch, static_cast<ProbeAnswer>(mostly() ? 4 : upto(4)), 3, upto(50) > 0});
    } else if (std::holds_alternative<SendServices>(effect)) {
      return tell(ServicesSent{launch, failure});
    } else if (std::holds_alternative<SendAgain>(effect)) {
      return tell(SentAgain{launch, failure, upto(3) == 0});
    } else if (std::holds_alternative<LookUpCatalog>(effect)) {
      return tell(CatalogSeen{launch, static_cast<CatalogAnswer>(upto(5)), node});
    } else if (std::holds_alternative<LookAround>(effect)) {
      return tell(LookedAround{launch, {}, failure});
    } else if (std::holds_alternative<Join>(effect)) {
      return tell(Joined{launch});
    } else if (std::holds_alternative<TakeIdBack>(effect)) {
      return tell(IdTakenBack{node, failure});
    } else if (std::holds_alternative<RunHook>(effect)) {
      return tell(HookEnded{launch, failure});
    } else if (std::holds_alternative<AskWhy>(effect)) {
      return tell(WhyAnswered{{.cause = static_cast<StopCause>(upto(4)), .evidence = "words"}});
    } else if (std::holds_alternative<AskLeave>(effect)) {
      return tell(LeaveAnswered{launch, failure});
    } else if (std::holds_alternative<Deregister>(effect)) {
      return tell(Deregistered{launch, failure});
    } else if (std::holds_alternative<EndAgent>(effect)) {
      if (life_.supervisor.process) tell(AgentEnded{0, 0});
      return;
    } else if (std::holds_alternative<AwaitChildren>(effect)) {
      return tell(ChildrenGone{});
    } else if (std::holds_alternative<Reload>(effect)) {
      return tell(Reloaded{static_cast<ReloadResult>(upto(4)), life_.reloading.in_force.rules, "", node});
    }
  }

  void tell(Happening what) {
    const auto before = timeline_.courses(now_, wall);
    for (const Effect& effect : step(life_, {now_, std::move(what)})) {
      if (!std::holds_alternative<Say>(effect)) owed_.push_back(effect);
    }
    timeline_.observe(life_, now_);
    before_ = now_;
    hold(before, timeline_.courses(now_, wall));
  }

  // What holds after each step, given what was shown of the same moment before it.
  void hold(const std::vector<Course>& before, const std::vector<Course>& after) {
    for (const Course& course : after) {
      INFO(to_string(course.kind));
      REQUIRE(std::all_of(course.spent.begin(), course.spent.end(), [](Duration d) { return d >= Duration{}; }));
      const bool stops = course.kind == CourseKind::stop;
      for (std::size_t i = 0; i < course.spent.size(); ++i)
        REQUIRE((course.spent[i] == Duration{} || (i >= +Step::decide) == stops));
      const auto& [outcome, began] = known_.try_emplace(course.kind, course.outcome, now_).first->second;
      // A restart that is another one than was known.
      if (course.kind == CourseKind::restart && outcome != CourseOutcome::under_way &&
          course.outcome == CourseOutcome::under_way)
        known_[course.kind] = {course.outcome, now_};
      const Time from = course.kind == CourseKind::start ? Time{} : known_[course.kind].second;
      if (course.outcome == CourseOutcome::under_way) REQUIRE(course.total() == now_ - from);
      known_[course.kind].first = course.outcome;
      // The step changes nothing of the sum, and one that is over stays as it is.
      for (const Course& same : before) {
        if (same.kind != course.kind || known_[course.kind].second == now_) continue;
        REQUIRE(same.total() == course.total());
        if (same.outcome != CourseOutcome::under_way) REQUIRE(same == course);
      }
    }
    const auto under_way = std::count_if(
        after.begin(), after.end(), [](const Course& course) { return course.outcome == CourseOutcome::under_way; });
    REQUIRE(under_way <= 1);
    const bool stopping = phase_of(life_) >= Phase::deciding;
    REQUIRE((after.back().kind == CourseKind::stop) == stopping);
    if (over()) REQUIRE(after.back().outcome != CourseOutcome::under_way);
    // Not ready, and no agent that was: the start or a restart says so.
    if (!life_.supervisor.process && !over()) REQUIRE(under_way == 1);
    if (ready(life_)) REQUIRE(under_way == 0);
  }

  std::mt19937 random_;
  Life life_;
  Timeline timeline_;
  Time now_{}, before_{};
  std::deque<Effect> owed_;
  std::map<CourseKind, std::pair<CourseOutcome, Time>> known_;  // as last shown, and since when
};

}  // namespace

TEST_CASE("In lives at random the steps always add up to the time that has passed") {
  int ended = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    RandomWorld world(seed);
    for (int i = 0; i < 1000 && !world.over(); ++i) world.go_on();
    ended += world.over() ? 1 : 0;
  }
  CHECK(ended > 100);
}

// ---- JSON
