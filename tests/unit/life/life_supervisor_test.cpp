// The agent's process: life/supervisor.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <string>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("an agent that goes on after TERM is told again, soon, and killed only after three seconds, in one line") {
  struct Row {
    const char* name;
    bool leave;
    SignalKind why;
  };
  for (const Row& row :
       {Row{"a stop that stays", false, SignalKind::terminate}, {"a restart", true, SignalKind::restart}}) {
    CAPTURE(row.name);
    Rules rules;
    rules.stop_policy = row.leave ? StopPolicy::leave : StopPolicy::stay;
    Story s(rules);
    s.serving().at(seconds(10), Signal{row.why});
    REQUIRE(s.first<EndAgent>()->signal == SIGTERM);
    int terms = 0, lines = 0;
    std::optional<Time> killed;
    while (!killed || s.now < *killed + seconds(2)) {
      REQUIRE(next_wake(s.life));
      s.at(next_wake(s.life)->time_since_epoch(), Tick{});
      for (const Effect& effect : s.effects) {
        const auto* said = std::get_if<Say>(&effect);
        if (said && said->text == "killing the agent") ++lines;
        const auto* end = std::get_if<EndAgent>(&effect);
        if (!end) continue;
        if (terms++ == 0) CHECK(s.now <= Time(seconds(10) + milliseconds(400)));
        if (end->signal == SIGKILL && !killed) killed = s.now;
        CHECK((end->signal == SIGKILL) == killed.has_value());
      }
    }
    CHECK(*killed == Time(seconds(13)));
    CHECK(lines == 1);
  }
}

TEST_CASE("backoff doubles up to its bound with a fifth of jitter, and lictor gives up only before it was ever ready") {
  Rules rules;
  rules.give_up_after = 9;
  Story s(rules);
  s.at({}, Begin{}).at({}, Prepared{rules, node, false});
  Duration now{};
  for (int death = 1; death < 9; ++death) {
    s.at(now, Launched{42}).at(now, AgentEnded{1, 0}).at(now, FaultFound{death, {}});
    const auto wait = std::chrono::duration_cast<milliseconds>(*next_wake(s.life) - s.now);
    const auto plain = std::min<milliseconds>(milliseconds(100) * (1 << (death - 1)), seconds(30));
    CAPTURE(death, wait.count());
    CHECK(wait >= plain * 8 / 10);
    CHECK(wait <= plain * 12 / 10);
    now += wait;
    CHECK(s.at(now, Tick{}).has<Launch>());
  }
  s.at(now, Launched{42}).at(now, AgentEnded{3, 0}).at(now, ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::retry);
  CHECK(s.end->reason.find("exit code 3") != std::string::npos);
}

TEST_CASE(
    "an agent that ends by itself before the node was ever ready has its settings looked at, and a fault of them ends "
    "lictor") {
  const Problem fault{"log_level (/a.json)", "no log level", "write another"};
  const Problem host{"cert_file (/a.json)", "no certificate", "write one", Exit::retry};
  const auto dead = [](int code) {
    Story s;
    s.launched().at({}, AgentEnded{code, code < 0 ? SIGKILL : 0});
    return s;
  };
  CHECK(dead(1).first<FindFault>()->after == 1);
  CHECK_FALSE(dead(-1).has<FindFault>());  // somebody else's doing

  Story at_fault = dead(1);
  at_fault.at(milliseconds(50), FaultFound{1, fault}).at(milliseconds(50), ChildrenGone{});
  REQUIRE(at_fault.end);
  CHECK(at_fault.end->exit == Exit::config);
  CHECK(at_fault.end->reason == to_string(fault));

  // The next one waits for the answer, and for the backoff where that is longer.
  Story good = dead(1);
  CHECK_FALSE(next_wake(good.life));
  good.at(milliseconds(50), FaultFound{1, {}});
  CHECK(*next_wake(good.life) >= Time(milliseconds(80)));
  Story late = dead(1);
  CHECK(late.at(seconds(3), FaultFound{1, {}}).first<Launch>()->launch == 2);
  Story may_mend = dead(1);
  CHECK(may_mend.at(milliseconds(50), FaultFound{1, host}).first<Say>()->text == to_string(host));
  for (Story* s : {&good, &may_mend}) CHECK(s->at(*next_wake(s->life) - Time{}, Tick{}).has<Launch>());
  // What was found of one that another has followed by now is no matter: that one will be looked at by itself.
  CHECK_FALSE(good.at(good.now - Time{}, Launched{43}).at(good.now - Time{}, FaultFound{1, fault}).has<Quit>());
  CHECK(good.at(good.now - Time{}, AgentEnded{1, 0}).first<FindFault>()->after == 2);
  CHECK(good.at(good.now - Time{}, FaultFound{1, fault}).effects.empty());

  Story served;
  served.serving().at(seconds(1), AgentEnded{1, 0});
  CHECK_FALSE(served.has<FindFault>());
}

TEST_CASE("a child that never became the agent ends a life that was never ready, and costs a later one a launch") {
  const Problem missing{"/usr/bin/consul", "execute: no loader", "install it", Exit::not_found};
  Story first;
  first.launched().at({}, AgentEnded{127, 0, missing}).at({}, ChildrenGone{});
  REQUIRE(first.end);
  CHECK(first.end->exit == Exit::not_found);
  CHECK(first.end->reason == to_string(missing));

  Story later;
  later.serving().at(seconds(1), AgentEnded{1, 0}).at(seconds(2), Tick{}).at(seconds(2), Launched{43});
  later.at(seconds(2), AgentEnded{127, 0, missing});
  REQUIRE(later.has<Say>());
  CHECK(later.first<Say>()->text == to_string(missing));
  CHECK(phase_of(later.life) == Phase::launch);
  CHECK(later.life.supervisor.deaths == 2);
  // The restart after the first death is one; this was none.
  CHECK(later.life.supervisor.restarts[static_cast<std::size_t>(RestartReason::died)] == 1);
}

TEST_CASE("after a minute of serving earlier deaths are forgotten") {
  Story s;
  s.serving().at(seconds(1), AgentEnded{1, 0}).at(milliseconds(1130), Tick{});
  s.at(milliseconds(1130), Launched{43}).at(milliseconds(1200), Probed{2, ProbeAnswer::leader, 3});
  s.at(milliseconds(1200), ServicesSent{2, ""}).at(milliseconds(1200), CatalogSeen{2, CatalogAnswer::registered});
  s.at(seconds(62), AgentEnded{1, 0});
  CHECK(s.life.supervisor.deaths == 1);
}

TEST_CASE("an agent is replaced only while it runs; one that waits for its moment is launched at once") {
  struct Row {
    AgentState state;
    bool taken, said;
  };
  for (const Row& row : {Row{AgentState::none, false, true}, Row{AgentState::waiting, false, false},
                         Row{AgentState::launching, false, true}, Row{AgentState::running, true, true},
                         Row{AgentState::ending, false, true}}) {
    CAPTURE(row.state);
    Surroundings s;
    s.with_agent();
    s.agent.state = row.state;
    s.agent.deadline = Time(seconds(100));
    Turn turn = s.turn(seconds(10));
    CHECK(Supervisor(s.agent, turn).takes_restart(RestartReason::asked, {}) == row.taken);
    CHECK(turn.effects.size() == (row.said ? 1 : 0));
    CHECK((s.agent.deadline == Time(seconds(10))) == (row.state == AgentState::waiting));
  }
}

TEST_CASE("an agent that outlives every KILL is not waited for for ever, nor a launch that is not over in time") {
  Surroundings s;
  s.with_agent();
  const Time end = Time(seconds(100));
  Turn first = s.turn(seconds(10));
  Supervisor(s.agent, first).end_for_good(end, true, "a test");
  CHECK(first_of<EndAgent>(first.effects)->signal == SIGKILL);
  std::optional<Duration> remains;
  for (Duration now = seconds(10); !remains && now < seconds(30);) {
    REQUIRE(s.agent.deadline);
    now = s.agent.deadline->time_since_epoch();
    Turn turn = s.turn(now);
    Supervisor(s.agent, turn).on_deadline();
    if (first_of<AgentRemains>(turn.messages)) remains = now;
    CHECK(turn.effects.empty() == remains.has_value());
  }
  CHECK(remains >= seconds(10) + unkillable_after);
  CHECK_FALSE(s.agent.deadline);

  s.agent = {.state = AgentState::launching, .launches = 1};
  Turn launching = s.turn(seconds(10));
  Supervisor(s.agent, launching).end_for_good(end, false, "");
  CHECK(launching.effects.empty());
  CHECK(s.agent.deadline == end);
  Turn late = s.turn(seconds(100));
  Supervisor(s.agent, late).on_deadline();
  CHECK(first_of<AgentRemains>(late.messages));
}
