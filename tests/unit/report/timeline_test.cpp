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
  watched.at(3000, CatalogSeen{1, CatalogAnswer::gone}).at(3000, Tick{});
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
    Watched watched(Rules{.leave = false});
    watched.started().at(1000, Signal{SignalKind::terminate}).at(1400, AgentEnded{0, 0}).at(1400, ChildrenGone{});
    CHECK(watched.course(CourseKind::stop).outcome == CourseOutcome::stayed);
    CHECK(table(watched.course(CourseKind::stop)) == Table{{"ending", 400}});
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
    rules.leave = mostly();
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
      return tell(Probed{launch, static_cast<ProbeAnswer>(mostly() ? 3 : upto(3)), 3, upto(50) > 0});
    } else if (std::holds_alternative<SendServices>(effect)) {
      return tell(ServicesSent{launch, failure});
    } else if (std::holds_alternative<SendAgain>(effect)) {
      return tell(SentAgain{launch, failure, upto(3) == 0});
    } else if (std::holds_alternative<LookUpCatalog>(effect)) {
      return tell(CatalogSeen{launch, static_cast<CatalogAnswer>(upto(5)), node});
    } else if (std::holds_alternative<LookAround>(effect)) {
      return tell(LookedAround{launch, {}, false, failure});
    } else if (std::holds_alternative<Join>(effect)) {
      return tell(Joined{launch});
    } else if (std::holds_alternative<TakeIdBack>(effect)) {
      return tell(IdTakenBack{node, failure});
    } else if (std::holds_alternative<RunHook>(effect)) {
      return tell(HookEnded{launch, failure});
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
        REQUIRE((course.spent[i] == Duration{} || (i >= +Step::settle) == stops));
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
    const bool stopping = phase_of(life_) >= Phase::settle;
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

namespace {

std::vector<Course> example() {
  Course start, restart, stop;
  start.outcome = CourseOutcome::ready;
  start.began = std::chrono::floor<seconds>(wall);
  start.spent[+Step::settings] = Duration(4'000);
  start.spent[+Step::api] = Duration(496'000);
  start.spent[+Step::leader] = Duration(1'500'000);
  restart.kind = CourseKind::restart;
  restart.reason = RestartReason::hung;
  restart.began = start.began + seconds(60);
  restart.spent[+Step::former] = Duration(1);
  stop.kind = CourseKind::stop;
  stop.outcome = CourseOutcome::confirmed;
  stop.budget = seconds(25);
  stop.began = start.began + seconds(90);
  stop.spent[+Step::leave] = Duration(900'000);
  stop.spent[+Step::linger] = Duration(1'000'000);
  stop.spent[+Step::sweep] = Duration(100);
  return {start, restart, stop};
}

}  // namespace

TEST_CASE("A timeline is read as it was written") {
  CHECK(*parse_timeline("f", timeline_json(example())) == example());
  CHECK(parse_timeline("f", timeline_json({}))->empty());
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Course course = example().back();
    for (std::size_t i = +Step::settle; i < step_count; ++i) course.spent[i] = Duration(random());
    CHECK(*parse_timeline("f", timeline_json({course})) == std::vector{course});
  }
}

TEST_CASE("What is no timeline is a problem that names the file and quotes nothing") {
  const auto course = [](const std::string& members) { return R"({"stop": {)" + members + "}}"; };
  const std::string date = R"("began": "2025-11-25T10:37:39Z", )", outcome = R"("outcome": "stayed", )";
  REQUIRE(parse_timeline("f", course(date + outcome + R"("steps": [])")).has_value());
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "line 1, column 1"},
      {"{", "syntax error"},
      {"[]", "not a JSON object"},
      {R"({"stop": 1})", "\"stop\" is no object"},
      {R"({"stop": null})", "\"stop\" is no object"},
      {course(outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": "2025-13-25T10:37:39Z", )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": "2025-11-25T10:37:39Z\u001b[2J", )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": 17, )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(date + R"("steps": [])"), "\"outcome\" is no word"},
      {course(date + R"("outcome": "hunter2", "steps": [])"), "\"outcome\" is no word"},
      {course(date + outcome + R"("reason": "hunter2", "steps": [])"), "\"reason\" is no word"},
      {course(date + outcome + R"("budget": "25s", "steps": [])"), "\"budget\" is no number"},
      {course(date + outcome + R"("no_steps": [])"), "\"steps\" is missing"},
      {course(date + outcome + R"("steps": {})"), "\"steps\" is no list"},
      {course(date + outcome + R"("steps": [1])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "hunter2", "seconds": 1}])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "api", "seconds": 1}])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "leave"}])"), "\"seconds\" is missing"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": -1}])"), "\"seconds\" is no number"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": 1e300}])"), "\"seconds\" is no number"},
      {course(date + outcome + R"("steps": [{"step": "sweep", "seconds": 1}, {"step": "leave", "seconds": 1}])"),
       "out of order"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": 1}, {"step": "leave", "seconds": 1}])"),
       "out of order"},
      {std::string(60'000, '['), ""}};
  for (const auto& [text, why] : rows) {
    INFO(text.substr(0, 200));
    const auto read = parse_timeline("/data/f", text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().what == "/data/f");
    CHECK_THAT(read.error().why, Contains(why));
    CHECK(read.error().why.find("hunter2") == std::string::npos);
    CHECK((read.error().exit == Exit::incomplete && !read.error().hint.empty()));
  }
}

// ---- for people

namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

// Where the bar of a line stands, and how long it is.
std::pair<std::size_t, std::size_t> bar(const std::string& line) {
  const std::string drawn = line.substr(37);
  const std::size_t begin = drawn.find_first_not_of(' ');
  return {begin, drawn.size() - begin};
}

}  // namespace

TEST_CASE("The text shows each step's time and a bar as long as its share") {
  Course start;
  start.outcome = CourseOutcome::ready;
  start.began = std::chrono::floor<seconds>(wall);
  // Of 42 columns: an eighth of one, a quarter, half, the rest.
  start.spent[+Step::settings] = Duration(3'000);
  start.spent[+Step::prepare] = Duration(249'000);
  start.spent[+Step::api] = Duration(504'000);
  start.spent[+Step::catalog] = Duration(252'000);
  const auto shown = lines(timeline_text({start}, false));
  REQUIRE(shown.size() == 6);
  CHECK(shown[0] == "last start                  1008 ms  2025-11-25 10:37:39 UTC");
  CHECK(shown[1] == "  ready");
  CHECK(shown[2] == "  settings read              3.0 ms  |");
  CHECK(shown[3] == "  host prepared              249 ms  " + std::string(11, '#'));
  CHECK(shown[4] == "  agent's API answers        504 ms  " + std::string(11, ' ') + std::string(21, '#'));
  CHECK(shown[5] == "  seen in the catalog        252 ms  " + std::string(32, ' ') + std::string(10, '#'));
}

TEST_CASE("Bars meet, the last one ends at the right, and nothing is wider than 80 columns") {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    Course course = example()[static_cast<std::size_t>(round % 3)];
    std::fill(course.spent.begin(), course.spent.end(), Duration{});
    const std::size_t first = +(round % 3 == 0 ? Step::settings : round % 3 == 1 ? Step::former : Step::settle);
    const std::size_t last = +(round % 3 == 2 ? Step::sweep : Step::catalog);
    // From microseconds to days.
    for (std::size_t i = first; i <= last; ++i) {
      if (random() % 3 > 0) course.spent[i] = Duration(1 + random() % (1ULL << random() % 37));
    }
    const auto shown = lines(timeline_text({course}, false));
    const auto steps = static_cast<std::size_t>(
        std::count_if(course.spent.begin(), course.spent.end(), [](Duration d) { return d > Duration{}; }));
    REQUIRE(shown.size() == 2 + steps);
    std::size_t end = 0, step = 0;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      INFO(shown[i]);
      REQUIRE(shown[i].size() <= 80);
      if (i < 2) continue;
      while (course.spent[step] == Duration{}) ++step;
      const auto [begin, length] = bar(shown[i]);
      const double share =
          42.0 * static_cast<double>(course.spent[step++].count()) / static_cast<double>(course.total().count());
      if (shown[i].back() == '|') {
        REQUIRE((length == 1 && share < 1 && begin == std::min<std::size_t>(end, 41)));
      } else {
        REQUIRE(std::abs(static_cast<double>(length) - share) <= 1);
        REQUIRE(begin == end);
        end = begin + length;
      }
    }
    if (steps > 0) REQUIRE(end == 42);
  }
}

TEST_CASE("Every step and every outcome has a name of its own, in the text and in the drawing") {
  Course start = example()[0], restart = example()[1], stop = example()[2];
  for (std::size_t i = 0; i < step_count; ++i) (i < +Step::settle ? start : stop).spent[i] = milliseconds(1);
  const std::string text = timeline_text({start, restart, stop}, false), svg = timeline_svg({start, restart, stop});
  std::vector<std::string> labels;
  for (const std::string& line : lines(text)) {
    if (line.find("1.0 ms") == std::string::npos) continue;
    labels.push_back(line.substr(2, line.find("  ", 2) - 2));
    CHECK(svg.find(">" + labels.back() + "<") != std::string::npos);
  }
  std::sort(labels.begin(), labels.end());
  CHECK(labels.size() == step_count);
  CHECK(std::unique(labels.begin(), labels.end()) == labels.end());
  for (const char* words : {"last start", "last restart of the agent", "(reason: hung)", "last stop",
                            "a server confirmed the leave; stop.timeout is 25s", "10 ms", "2025-11-25 10:37:39 UTC"}) {
    CHECK_THAT(text, Contains(words));
    CHECK_THAT(svg, Contains(words));
  }
  std::vector<std::string> endings;
  for (const CourseOutcome outcome : outcomes) {
    stop.outcome = outcome;
    endings.push_back(lines(timeline_text({stop}, false))[1]);
  }
  std::sort(endings.begin(), endings.end());
  CHECK(std::unique(endings.begin(), endings.end()) == endings.end());
}

TEST_CASE("Times are told in milliseconds, and in seconds where those say enough") {
  const std::vector<std::pair<Duration, std::string>> rows{
      {Duration(40), "0.0 ms"},        {Duration(60), "0.1 ms"},         {Duration(9'949), "9.9 ms"},
      {Duration(9'960), "10 ms"},      {Duration(2'134'400), "2134 ms"}, {Duration(9'999'499), "9999 ms"},
      {Duration(9'999'600), "10.0 s"}, {seconds(86'400), "86400.0 s"}};
  for (const auto& [length, shown] : rows) {
    Course course;
    course.spent[+Step::api] = length;
    CHECK_THAT(lines(timeline_text({course}, false))[0], Contains(" " + shown + " "));
  }
}

TEST_CASE("Colour is all that a terminal adds, and the longest step has one of its own") {
  const std::string plain = timeline_text(example(), false);
  std::string coloured = timeline_text(example(), true);
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK_THAT(coloured, Contains("\x1b[1;33m" + std::string(31, '#') + "\x1b[0m\n"));  // 1.5 of 2 s
  for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b'))
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  CHECK(coloured == plain);
}

TEST_CASE("The drawing's bars stand behind one another and are as long as their shares") {
  const std::string svg = timeline_svg({example()[0]});
  // 4, 496 and 1,500 of 2,000 ms over 456 units.
  CHECK_THAT(svg, Contains(R"(class="bar" x="284.0" y="70" width="1.0")"));
  CHECK_THAT(svg, Contains(R"(class="bar" x="284.9" y="92" width="113.1")"));
  CHECK_THAT(svg, Contains(R"(class="longest" x="398.0" y="114" width="342.0")"));
  CHECK_THAT(timeline_svg({}), Contains("</svg>"));
  CHECK(timeline_text({}, true).empty());
}

// ---- the file

TEST_CASE("What a life leaves behind is read again, and replaced as a whole") {
  TemporaryFolder folder;
  CHECK(left_timeline(folder.path)->empty());
  REQUIRE(leave_timeline(example(), folder.path, {.mode = 0644, .uid = {}, .gid = {}}).has_value());
  CHECK(*left_timeline(folder.path) == example());
  REQUIRE(leave_timeline({example().back()}, folder.path, {.mode = 0644, .uid = {}, .gid = {}}).has_value());
  CHECK(left_timeline(folder.path)->size() == 1);
  CHECK_FALSE(leave_timeline(example(), folder / "nowhere", {.mode = 0644, .uid = {}, .gid = {}}).has_value());
}

TEST_CASE("A file that is too long, or no file, is a problem") {
  TemporaryFolder folder;
  const std::string path = timeline_path(folder.path);
  const auto why = [&folder] {
    const auto left = left_timeline(folder.path);
    REQUIRE_FALSE(left.has_value());
    CHECK(left.error().exit == Exit::incomplete);
    return left.error().why;
  };
  REQUIRE(write_atomically(path, timeline_json(example()) + std::string(70'000, ' '), {}).has_value());
  CHECK(why() != "");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK(why() != "");
}
