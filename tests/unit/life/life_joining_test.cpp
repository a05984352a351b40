// Whether the agent answers and knows a leader: life/joining.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <string>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("an agent silent for watch.hung_after is killed and started anew") {
  Story s;
  s.serving();
  s.at(milliseconds(15060), Tick{});
  REQUIRE(s.has<Probe>());
  // Asked first at 15.06 s: before, it had no chance to be silent.
  CHECK_FALSE(s.at(seconds(31), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  REQUIRE(s.at(seconds(32), Tick{}).has<Probe>());
  CHECK_FALSE(s.at(milliseconds(45000), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  SECTION("an answer ends the silence") {
    s.at(milliseconds(45010), Tick{}).at(milliseconds(45050), Probed{1, ProbeAnswer::leader, 3});
    s.at(seconds(61), Tick{});
    CHECK_FALSE(s.at(seconds(62), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  }
  SECTION("no answer ends the agent") {
    s.at(milliseconds(45010), Tick{});
    CHECK(s.at(milliseconds(45060), Probed{1, ProbeAnswer::silent, 0}).first<EndAgent>()->signal == SIGKILL);
    s.at(milliseconds(45070), AgentEnded{-1, SIGKILL});
    CHECK(s.at(milliseconds(45300), Tick{}).has<Launch>());
  }
}

TEST_CASE(
    "an agent that has yet to answer and works is given ten times watch.hung_after, one that does not work that once") {
  const auto silent = [](bool works) { return Probed{.launch = 1, .answer = ProbeAnswer::silent, .works = works}; };
  // Asked each second; worked until then. When it was ended.
  const auto ended = [&](Duration worked) {
    Story s;
    s.launched();
    for (Duration now = seconds(0);; now += seconds(1)) {
      REQUIRE(now < minutes(10));
      s.at(now, Tick{});
      if (s.at(now, silent(now <= worked)).has<EndAgent>()) return now;
    }
  };
  CHECK(ended(seconds(-1)) == seconds(30));
  CHECK(ended(seconds(20)) == seconds(50));
  CHECK(ended(seconds(47)) == seconds(77));
  CHECK(ended(minutes(9)) == minutes(5));
  // What has answered and is silent now is hung, whatever else it does: an agent gossips on.
  Story s;
  s.serving().at(seconds(16), Tick{}).at(seconds(31), silent(true)).at(seconds(32), Tick{});
  CHECK(s.at(seconds(47), silent(true)).has<EndAgent>());
}

TEST_CASE("an agent that ends each connection without an answer is told of, once, and left alone") {
  const auto told = [](const Story& s) {
    return std::count_if(s.effects.begin(), s.effects.end(), [](const Effect& effect) {
      const auto* say = std::get_if<Say>(&effect);
      return say && say->tone == Tone::warn && say->text.find("without an answer") != std::string::npos;
    });
  };
  for (const bool was_ready : {false, true}) {
    CAPTURE(was_ready);
    Story s;
    was_ready ? s.serving() : s.launched();
    const Duration began = seconds(16);
    int said = 0, asked = 0;
    for (Time now(began); now < Time(was_ready ? minutes(5) : minutes(60));) {
      s.at(now.time_since_epoch(), Tick{});
      CHECK_FALSE((s.has<EndAgent>() || s.has<Launch>() || s.end));
      if (s.life.joining.probing) {
        ++asked;
        s.at(now.time_since_epoch(), Probed{1, ProbeAnswer::closed, 0});
        CHECK_FALSE((s.has<EndAgent>() || s.end));
        said += static_cast<int>(told(s));
        CHECK(ready(s.life) == (was_ready && now < Time(began + closing_limit)));
      }
      if (s.life.joining.joining) s.at(now.time_since_epoch(), Joined{1});
      now = std::max(now + milliseconds(1), *next_wake(s.life));
    }
    CHECK(said == 1);
    CHECK(asked < 10000);  // two each second
    // It has not answered as an agent that can start does.
    CHECK(s.life.joining.answered.has_value() == was_ready);
  }
}

TEST_CASE("a node that is registered is ready without a leader where control.ready_needs_leader is off") {
  for (const bool needed : {true, false}) {
    CAPTURE(needed);
    Rules rules;
    rules.ready_needs_leader = needed;
    rules.rejoin_after = minutes(5);
    Story s(rules);
    s.launched();
    // One that is yet to register needs one, whatever the setting.
    CHECK_FALSE(ready(s.at(milliseconds(50), Probed{1, ProbeAnswer::no_leader, 1}).life));
    s.at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
    CHECK_FALSE(ready(s.life));
    s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::registered});
    CHECK(ready(s.life));
    s.at(seconds(20), Tick{}).at(seconds(20), Probed{1, ProbeAnswer::no_server, 1});
    CHECK(ready(s.life) == !needed);
    SECTION("it is known again") {
      s.at(seconds(30), Tick{}).at(seconds(30), Probed{1, ProbeAnswer::leader, 3});
      CHECK(ready(s.life));
    }
    SECTION("another agent is yet to register") {
      s.at(seconds(30), AgentEnded{-1, SIGKILL}).at(seconds(31), Tick{}).at(seconds(31), Launched{4712});
      s.at(seconds(32), Probed{2, ProbeAnswer::no_server, 1});
      CHECK_FALSE(ready(s.life));
    }
    SECTION("an agent that ends each connection serves nobody") {
      for (int i = 30; i < 60; ++i) s.at(seconds(i), Tick{}).at(seconds(i), Probed{1, ProbeAnswer::closed, 0});
      CHECK_FALSE(ready(s.life));
    }
    SECTION("the setting can change while it runs") {
      s.life.reloading.in_force.rules.ready_needs_leader = !needed;
      CHECK(ready(s.life) == needed);
    }
  }
}

TEST_CASE("an agent whose API opens only once a server has signed its certificate is not hung before that") {
  Rules rules;
  rules.api_after_join = true;
  Story s(rules);
  s.launched();
  for (int i = 1; i < 20; ++i) {
    s.at(minutes(i), Tick{});
    CHECK_FALSE(s.at(minutes(i), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  }
  s.at(minutes(20), Probed{1, ProbeAnswer::no_leader, 1}).at(minutes(20) + seconds(1), Tick{});
  s.at(minutes(21), Tick{});
  CHECK(s.at(minutes(21), Probed{1, ProbeAnswer::silent, 0}).first<EndAgent>()->signal == SIGKILL);
}

namespace {

// Servers are away from the first second on, for `time`: when the agent was told to join, or asked for a leader. `told`: somebody
// takes a connection each time, in vain.
struct Away {
  std::vector<Time> joins, names, probes;
};
Away away(Story& s, Duration time, ProbeAnswer answer, bool told, int members) {
  Away seen;
  const Time from = std::max(s.now, Time(seconds(1)));
  s.at(from.time_since_epoch(), Probed{1, answer, members});
  for (Time now = from; now < Time(seconds(1) + time);) {
    s.at(now.time_since_epoch(), Tick{});
    for (int turn = 0; turn < 2; ++turn) {
      if (const auto* join = s.first<Join>()) {
        seen.joins.push_back(now);
        if (join->names) seen.names.push_back(now);
        s.at(now.time_since_epoch(), Joined{1, told || join->names});
      }
      if (s.life.joining.probing) {
        seen.probes.push_back(now);
        s.at(now.time_since_epoch(), Probed{1, answer, members});
      }
    }
    now = std::max(now + milliseconds(1), *next_wake(s.life));
  }
  return seen;
}

Rules joining(std::size_t addresses, std::size_t names) {
  Rules rules;
  rules.rejoin_after = {};
  rules.joins = {addresses, names, seconds(30)};
  return rules;
}

// The longest of those that begin between the two.
Duration longest_gap(const std::vector<Time>& times, Duration from, Duration to) {
  Duration longest{};
  for (std::size_t i = 1; i < times.size(); ++i) {
    if (times[i] > Time(from) && times[i] <= Time(to)) longest = std::max(longest, times[i] - times[i - 1]);
  }
  return longest;
}

long between(const std::vector<Time>& times, Duration from, Duration to) {
  return std::count_if(times.begin(), times.end(), [&](Time t) { return t > Time(from) && t <= Time(to); });
}

}  // namespace

TEST_CASE("an agent without a server is told to join, again and again, not in step with others") {
  Story s(joining(1, 0));
  s.launched().at(seconds(1), Probed{1, ProbeAnswer::no_server, 1});
  CHECK_FALSE(s.at(seconds(1) + join_pause / 2, Tick{}).has<Join>());
  REQUIRE(s.at(seconds(2), Tick{}).has<Join>());
  s.at(seconds(3), Probed{1, ProbeAnswer::no_server, 1});
  CHECK_FALSE(s.at(seconds(9), Tick{}).has<Join>());  // the answer is still outstanding
  s.at(seconds(10), Probed{1, ProbeAnswer::no_server, 1});
  CHECK(s.at(seconds(10), Joined{1, true}).has<Probe>());  // it may have worked
  s.at(seconds(10), Probed{1, ProbeAnswer::no_server, 1});
  CHECK(s.at(seconds(11), Tick{}).has<Join>());
  CHECK_FALSE(s.at(seconds(12), Joined{1, false}).has<Probe>());  // nobody was there: nothing is new
  s.at(seconds(12), Probed{1, ProbeAnswer::leader, 3});
  CHECK_FALSE(s.at(seconds(14), Tick{}).has<Join>());
  const auto first_join = [](std::uint64_t seed) {
    Life life = new_life(joining(1, 0), seed);
    step(life, {Time(), Begin{}});
    step(life, {Time(), Prepared{life.reloading.in_force.rules, node, false}});
    step(life, {Time(), Launched{42}});
    step(life, {Time(), Probed{1, ProbeAnswer::no_server, 1}});
    return *life.joining.join_at;
  };
  CHECK(first_join(1) != first_join(2));
}

TEST_CASE("an agent that knows a server, or has nobody to join, is not told to join") {
  for (const auto& [rules, answer] :
       {std::pair{joining(1, 1), ProbeAnswer::no_leader}, {joining(0, 0), ProbeAnswer::no_server}}) {
    Story s(rules);
    s.serving();
    CHECK(away(s, minutes(10), answer, false, 3).joins.empty());
  }
}

TEST_CASE("addresses are knocked at each second, and after an hour often enough to be back within ten") {
  Story s(joining(2, 0));
  s.serving();
  const Away seen = away(s, std::chrono::hours(9), ProbeAnswer::no_server, false, 3);
  CHECK(longest_gap(seen.joins, seconds(1), minutes(1)) <= seconds(1));
  CHECK(longest_gap(seen.joins, minutes(1), minutes(10)) <= milliseconds(1500));
  // And a large cluster is asked for a leader so much later.
  CHECK(longest_gap(seen.joins, minutes(10), std::chrono::hours(9)) + ask_servers_at_first * 4 / 3 <= seconds(10));
  CHECK(seen.joins.size() < 8000);
  CHECK(longest_gap(seen.probes, seconds(1), std::chrono::hours(9)) <= milliseconds(501));  // costs the agent nothing
}

TEST_CASE("an agent that is told to join in vain is told ever more seldom, down to its own retry_interval") {
  Story s(joining(1, 0));
  s.serving();
  const Away seen = away(s, minutes(10), ProbeAnswer::no_server, true, 3);
  CHECK(between(seen.joins, seconds(1), seconds(11)) >= 6);
  CHECK(between(seen.joins, seconds(1), minutes(1)) <= 26);
  CHECK(between(seen.joins, minutes(4), minutes(10)) <= 18);  // a third less by chance
  CHECK(between(seen.joins, minutes(4), minutes(10)) >= 9);
}

TEST_CASE(
    "names are handed on each once in five seconds at first, and no more to an agent that looks for them itself") {
  SECTION("it has never found anybody") {
    Story s(joining(0, 3));
    s.launched();
    const Away seen = away(s, minutes(10), ProbeAnswer::no_server, false, 1);
    CHECK(longest_gap(seen.names, seconds(1), seconds(20)) <= seconds(3));
    CHECK(between(seen.names, {}, milliseconds(4999)) == 0);  // it has looked them up at its start
    CHECK(between(seen.names, {}, seconds(21)) <= 11);
    CHECK(between(seen.names, minutes(1), minutes(10)) == 0);
    CHECK(seen.joins == seen.names);
  }
  SECTION("it has, and no longer looks") {
    Story s(joining(1, 3));
    s.serving();
    const Away seen = away(s, minutes(10), ProbeAnswer::no_server, false, 3);
    CHECK(between(seen.names, {}, seconds(7)) > 0);
    CHECK(between(seen.names, {}, seconds(21)) <= 13);
    // Each name each half minute, as an agent that looks itself.
    CHECK(between(seen.names, minutes(4), minutes(10)) >= 33);
    CHECK(between(seen.names, minutes(4), minutes(10)) <= 36);
  }
  SECTION("it has found clients alone") {
    Story s(joining(0, 1));
    s.launched();
    CHECK(between(away(s, minutes(10), ProbeAnswer::no_server, false, 2).names, minutes(4), minutes(10)) >= 11);
  }
}

TEST_CASE("servers without a leader are asked for one ever more seldom") {
  Story s(joining(1, 1));
  s.serving();
  const Away seen = away(s, minutes(10), ProbeAnswer::no_leader, false, 3);
  CHECK(between(seen.probes, seconds(1), seconds(11)) <= 18);
  CHECK(longest_gap(seen.probes, seconds(1), seconds(5)) <= milliseconds(700));
  CHECK(longest_gap(seen.probes, seconds(1), minutes(10)) == ask_servers_at_most);
  // At a start, when they are about to elect one, often.
  Story starting(joining(1, 1));
  starting.launched();
  CHECK(between(away(starting, seconds(10), ProbeAnswer::no_leader, false, 3).probes, seconds(1), seconds(2)) >= 20);
}

TEST_CASE("servers that come back are asked for a leader after a moment, the longer the more nodes there are to ask") {
  struct Row {
    int members;
    Duration least, most;
  };
  const Row row = GENERATE(Row{5, {}, {}}, Row{50, {}, {}}, Row{120, milliseconds(800), milliseconds(1600)},
                           Row{10000, milliseconds(1333), milliseconds(2667)});
  CAPTURE(row.members);
  Story s(joining(1, 0));
  s.serving();
  away(s, minutes(10), ProbeAnswer::no_server, false, row.members);
  while (!s.has<Join>()) {
    REQUIRE(s.now <= Time(minutes(11)));
    s.has<Probe>() ? s.at(s.now.time_since_epoch(), Probed{1, ProbeAnswer::no_server, row.members})
                   : s.at(next_wake(s.life)->time_since_epoch(), Tick{});
  }
  const Time joined = s.now;
  s.at(joined.time_since_epoch(), Joined{1, true});
  for (bool asked = false; !asked;) {
    REQUIRE(s.now - joined <= seconds(5));
    if (const auto* probe = s.first<Probe>()) {
      asked = probe->servers;
      if (!asked) s.at(s.now.time_since_epoch(), Probed{1, ProbeAnswer::no_leader, row.members});
    } else {
      s.at(next_wake(s.life)->time_since_epoch(), Tick{});
    }
  }
  CHECK(s.now - joined >= row.least);
  CHECK(s.now - joined <= row.most);
}

TEST_CASE("an agent that has joined and knew no leader for watch.rejoin_after is replaced without leaving, once") {
  Rules rules;
  rules.rejoin_after = seconds(60);
  Story s(rules);
  s.serving().at(seconds(10), Probed{1, ProbeAnswer::no_leader, 3}).at(seconds(40), Probed{1, ProbeAnswer::leader, 3});
  s.at(seconds(50), Probed{1, ProbeAnswer::no_leader, 3});
  CHECK_FALSE(s.at(seconds(109), Probed{1, ProbeAnswer::no_leader, 3}).has<EndAgent>());
  SECTION("zero: never") {
    s.life.reloading.in_force.rules.rejoin_after = {};
    CHECK_FALSE(s.at(seconds(900), Probed{1, ProbeAnswer::no_leader, 3}).has<EndAgent>());
  }
  SECTION("it knows no server, and nobody takes a connection: another one would find none either") {
    for (const bool others : {false, true}) {
      CAPTURE(others);
      Story alone(joining(1, 0));
      alone.life.reloading.in_force.rules.rejoin_after = minutes(1);
      alone.life.reloading.in_force.rules.joins.others = others;
      alone.serving();
      away(alone, minutes(10), ProbeAnswer::no_server, false, 3);
      CHECK(alone.life.supervisor.process->ending.has_value() ==
            others);  // cloud providers: the agent alone can ask them
    }
  }
  SECTION("it knows no server, though it has been told for so long to join one that is there") {
    Story told(joining(1, 0));
    told.life.reloading.in_force.rules.rejoin_after = minutes(5);
    told.serving();
    away(told, minutes(5) - seconds(10), ProbeAnswer::no_server, true, 3);
    CHECK_FALSE(told.life.supervisor.process->ending);
    away(told, minutes(6), ProbeAnswer::no_server, true, 3);
    CHECK(told.life.supervisor.process->ending == RestartReason::no_leader);
  }
  SECTION("servers that it has just met again are given as long to elect one") {
    Story back(joining(1, 0));
    back.life.reloading.in_force.rules.rejoin_after = minutes(1);
    back.serving();
    away(back, minutes(10), ProbeAnswer::no_server, false, 3);
    away(back, minutes(10) + seconds(58), ProbeAnswer::no_leader, false, 3);
    CHECK_FALSE(back.life.supervisor.process->ending);
    away(back, minutes(11) + seconds(10), ProbeAnswer::no_leader, false, 3);
    CHECK(back.life.supervisor.process->ending == RestartReason::no_leader);
  }
  SECTION("a stop is under way: its business") {
    s.at(seconds(109), Signal{SignalKind::terminate}).at(seconds(110), Probed{1, ProbeAnswer::no_leader, 3});
    CHECK_FALSE((s.has<EndAgent>() || s.has<Launch>()));
  }
  SECTION("the new agent has not joined: its retry_join never stops looking") {
    CHECK(s.at(seconds(110), Probed{1, ProbeAnswer::no_leader, 3}).first<EndAgent>()->signal == SIGTERM);
    CHECK(s.at(seconds(111), AgentEnded{1, 0}).first<Launch>()->launch == 2);
    s.at(seconds(111), Launched{43}).at(seconds(112), Probed{2, ProbeAnswer::no_leader, 1});
    CHECK_FALSE(s.at(seconds(900), Probed{2, ProbeAnswer::no_leader, 1}).has<EndAgent>());
  }
}

TEST_CASE("the sync window follows Consul's scale factor") {
  // 3 s; doubled above 128 members, one more for each further doubling; and a tenth of a second for the sync itself.
  for (const auto& [members, scale] : std::initializer_list<std::pair<int, int>>{
           {0, 1}, {3, 1}, {128, 1}, {129, 2}, {256, 2}, {257, 3}, {8192, 7}, {8193, 8}}) {
    CAPTURE(members);
    CHECK(sync_window(members) == scale * seconds(3) + milliseconds(100));
  }
}

TEST_CASE("what the others are told of an answer depends on where the life is") {
  struct Row {
    const char* name;
    RegistrationStep registration;
    StopStep stop;
    bool gossip, found, shut_down;
  };
  for (const Row& row : {Row{"joining", RegistrationStep::off, StopStep::none, true, true, false},
                         Row{"registering", RegistrationStep::registering, StopStep::none, true, false, false},
                         Row{"serving", RegistrationStep::serving, StopStep::none, true, true, false},
                         Row{"without gossip", RegistrationStep::off, StopStep::none, false, false, true},
                         Row{"in a stop", RegistrationStep::off, StopStep::settle, false, false, false}}) {
    CAPTURE(row.name);
    Surroundings s;
    s.with_agent();
    s.registration.state = row.registration;
    s.stop.step = row.stop;
    JoiningState state;
    const ClaimsState claims;
    Turn turn = s.turn(seconds(1));
    Joining(state, turn, claims).on(Probed{1, ProbeAnswer::leader, 3, row.gossip});
    REQUIRE(first_of<Answered>(turn.messages));
    CHECK(first_of<Answered>(turn.messages)->first);
    CHECK((first_of<LeaderFound>(turn.messages) != nullptr) == row.found);
    CHECK((first_of<GossipShutDown>(turn.messages) != nullptr) == row.shut_down);
    CHECK(state.leader);
    CHECK(state.synced() == Time(seconds(1)) + sync_window(3));
  }
}
