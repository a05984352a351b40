// What the agent is told of the node, through whole lives: when the check passes, when it is critical, and what is said how often.
#include "report/node_word.hpp"

#include "test.hpp"

using namespace lictor;
using std::chrono::seconds;

namespace {

const auto noon = std::chrono::sys_days(std::chrono::November / 30 / 2026) + std::chrono::hours(12);

// A life, and what its agent hears of it.
class Heard {
 public:
  std::optional<NodeWord> after(Duration since_start, const Happening& what) {
    step(life, {Time(since_start), what});
    return at(since_start);
  }
  // What is told when the loop is awake.
  std::optional<NodeWord> at(Duration since_start) {
    const Time now(since_start);
    facts.wall = noon + std::chrono::duration_cast<std::chrono::system_clock::duration>(since_start);
    telling.observe(life, facts, now);
    const auto word = telling.due(life, facts, now);
    if (word && answers) telling.answered(true, word->write, now);
    return word;
  }

  void start() {
    after({}, Begin{});
    after({}, Prepared{life.reloading.in_force.rules, {"n1", "id-1", "10.0.0.5"}, false});
    launched({}, 1);
  }
  void launched(Duration when, int launch) {
    after(when, Launched{40 + launch});
    after(when, Probed{launch, ProbeAnswer::leader, 3});
  }
  std::optional<NodeWord> registered(Duration when, int launch) {
    facts.there = true;
    auto sent = after(when, ServicesSent{launch, {}});
    auto seen = after(when, CatalogSeen{launch, CatalogAnswer::registered});
    return seen ? seen : sent;
  }

  Life life = new_life({}, 7);
  NodeFacts facts{.there = false, .begun = 0, .lictor = "0.1.0", .consul = "1.8.7"};
  NodeTelling telling;
  bool answers = true;
};

const char* const well = "ready; phase serve; no problems; lictor 0.1.0; consul 1.8.7; started 2026-11-30T12:00Z";

}  // namespace

TEST_CASE("nothing is said of a check that the agent does not have") {
  Heard heard;
  heard.start();
  CHECK_FALSE(heard.at(seconds(1)));
  CHECK_FALSE(heard.telling.wake());
  heard.facts.there = true;
  CHECK(heard.at(seconds(2)));
}

TEST_CASE("a node that is ready passes, and that is said again before the agent could miss it") {
  Heard heard;
  heard.start();
  heard.facts.begun = 1;
  const auto word = heard.registered(seconds(1), 1);
  REQUIRE(word);
  CHECK((word->passing && word->write));
  CHECK(word->output == well);
  CHECK(heard.telling.wake() == Time(seconds(1)) + node_check_interval);
  CHECK_FALSE(heard.at(seconds(2)));
  CHECK_FALSE(heard.at(seconds(1) + node_check_interval - node_check_early - Duration(1)));
  const auto again = heard.at(seconds(1) + node_check_interval);
  REQUIRE(again);
  CHECK(again->output == well);
  CHECK_FALSE(again->write);
  // A lictor that has missed one renewal is still in time with the next.
  CHECK(2 * node_check_interval < node_check_ttl);
}

TEST_CASE("a check that is registered anew has no words, and is told and written again") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  heard.facts.begun = 1;
  const auto word = heard.at(seconds(2));
  REQUIRE(word);
  CHECK((word->output == well && word->write));
}

TEST_CASE("what is written waits for the agent's version, but not for ever") {
  Heard heard;
  heard.facts.consul = "";
  heard.start();
  auto word = heard.registered(seconds(1), 1);
  CHECK((word && word->passing && !word->write));
  CHECK(heard.telling.wake() == Time(seconds(1)) + node_check_pause);
  SECTION("it comes") {
    heard.facts.consul = "1.8.7";
    word = heard.at(seconds(2));
    CHECK((word && word->output == well && word->write));
  }
  SECTION("it does not") {
    CHECK_FALSE(heard.at(seconds(2)));
    word = heard.at(seconds(1) + node_check_pause);
    CHECK((word && word->write));
  }
}

TEST_CASE("without a leader a node is critical after a while, and says why") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  CHECK_FALSE(heard.after(seconds(5), Probed{1, ProbeAnswer::no_leader, 3}));
  CHECK(heard.telling.wake() == Time(seconds(13)));
  const auto renewed = heard.at(seconds(13));
  REQUIRE(renewed);
  CHECK((renewed->passing && renewed->output == well));
  CHECK(heard.telling.wake() == Time(seconds(5)) + node_check_patience);
  const auto lost = heard.at(seconds(15));
  REQUIRE(lost);
  CHECK_FALSE(lost->passing);
  CHECK(lost->output ==
        "not ready; phase serve; problems no_leader; lictor 0.1.0; consul 1.8.7; started 2026-11-30T12:00Z");
  const auto back = heard.after(seconds(100), Probed{1, ProbeAnswer::leader, 3});
  CHECK((back && back->passing && back->output == well));
}

TEST_CASE("where no leader is needed the node passes without one") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  heard.life.reloading.in_force.rules.ready_needs_leader = false;
  const auto word = heard.after(seconds(5), Probed{1, ProbeAnswer::no_leader, 3});
  REQUIRE(word);
  CHECK((word->passing && contains(word->output, "ready; phase serve; problems no_leader;")));
  for (int second = 6; second < 100; ++second) {
    if (const auto later = heard.at(seconds(second))) CHECK(later->passing);
  }
}

TEST_CASE("a restart in place does not make the check flip, and is told of") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  heard.after(seconds(120), AgentEnded{-1, 9});
  heard.after(seconds(121), Tick{});
  heard.after(seconds(121), Launched{42});
  const auto first = heard.after(seconds(121), Probed{2, ProbeAnswer::leader, 3});
  REQUIRE(first);
  CHECK(first->passing);
  CHECK_FALSE(first->write);
  CHECK(first->output == std::string(well) + "; restarts 2026-11-30T12:02Z died");
  const auto ready = heard.registered(seconds(122), 2);
  CHECK((ready && ready->passing && ready->write && ready->output == first->output));
}

TEST_CASE("of many restarts the last are told") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  for (int minute = 1; minute <= 8; ++minute) {
    const Duration when = std::chrono::minutes(3 * minute);
    heard.after(when, AgentEnded{-1, 9});
    heard.after(when + seconds(40), Tick{});
    heard.launched(when + seconds(40), minute + 1);
    heard.registered(when + seconds(40), minute + 1);
  }
  const auto word = heard.at(std::chrono::hours(1));
  REQUIRE(word);
  CHECK(parse_node_check(word->output).restarts.size() == node_restarts_told);
  CHECK(parse_node_check(word->output).restarts.back().at == noon + std::chrono::minutes(24));
}

TEST_CASE("a node that gets no further than registering is critical after a while") {
  Heard heard;
  heard.start();
  heard.facts.there = true;
  heard.life.reloading.in_force.rules.post_start = {OnFailure::retry};
  const auto first = heard.after(seconds(1), ServicesSent{1, {}});
  CHECK((!first || first->passing));
  const auto stuck = heard.at(node_check_patience + seconds(1));
  REQUIRE(stuck);
  CHECK_FALSE(stuck->passing);
  CHECK(contains(stuck->output, "not ready; phase register; problems hooks_unfinished;"));
  SECTION("an agent that does not get there gives it no more time by meeting a leader again") {
    heard.after(seconds(20), Probed{1, ProbeAnswer::no_leader, 3});
    const auto again = heard.after(seconds(21), Probed{1, ProbeAnswer::leader, 3});
    CHECK((!again || !again->passing));
  }
}

TEST_CASE("what the agent does not take is tried again after a pause, one at a time") {
  Heard heard;
  heard.answers = false;
  heard.start();
  REQUIRE(heard.registered(seconds(1), 1));
  CHECK_FALSE(heard.at(seconds(2)));
  heard.telling.answered(false, false, Time(seconds(3)));
  CHECK_FALSE(heard.at(seconds(4)));
  CHECK(heard.telling.wake() == Time(seconds(3)) + node_check_pause);
  CHECK(heard.at(seconds(5)));
  SECTION("after another failure when it would be said again anyway") {
    heard.telling.answered(false, false, Time(seconds(5)));
    CHECK_FALSE(heard.at(seconds(5) + node_check_interval - Duration(1)));
    CHECK(heard.at(seconds(5) + node_check_interval));
  }
  SECTION("what only the servers did not take is written again, too") {
    heard.telling.answered(true, false, Time(seconds(5)));
    CHECK_FALSE(heard.at(seconds(6)));
    const auto word = heard.at(seconds(7));
    CHECK((word && word->write));
    heard.telling.answered(true, true, Time(seconds(7)));
    CHECK_FALSE(heard.at(seconds(8)));
  }
}

TEST_CASE("a stop says nothing any more") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  heard.after(seconds(20), Signal{SignalKind::terminate});
  CHECK_FALSE(heard.at(seconds(40)));
}

TEST_CASE("problems have names, in one order") {
  Heard heard;
  heard.start();
  heard.registered(seconds(1), 1);
  CHECK(problems_of(heard.life, {}, Time(seconds(2))).empty());
  heard.life.standing.held = true;
  heard.life.address.missing = "10.0.0.5";
  const auto found = problems_of(heard.life, {.settings_refused = true, .keyring_differs = true}, Time(seconds(2)));
  CHECK(found == std::vector{NodeProblem::held_for_failed, NodeProblem::address_missing, NodeProblem::settings_refused,
                             NodeProblem::keyring_differs});
  std::set<std::string> names;
  for (const NodeProblem problem : node_problems) names.insert(to_string(problem));
  CHECK(names.size() == node_problems.size());
}
