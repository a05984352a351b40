// The stop, from the first signal to the last word: life/stopping.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("TERM before anything was started ends at once, with nothing to leave") {
  Story s;
  s.at({}, Begin{}).at({}, PrepareFailed{Problem{"bind.interface", "none", "add one", Exit::retry}});
  s.at(seconds(1), Signal{SignalKind::terminate}).at(seconds(1), ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
}

TEST_CASE("a young agent is not asked to leave before its full sync is over") {
  Story s;
  s.serving().at(milliseconds(200), Signal{SignalKind::terminate});
  CHECK_FALSE(s.has<AskLeave>());
  CHECK_FALSE(s.at(milliseconds(3100), Tick{}).has<AskLeave>());
  CHECK(s.at(milliseconds(3200), Tick{}).has<AskLeave>());  // joined at 60 ms, and 3.1 s more
}

TEST_CASE("how the leave ended is told as it was") {
  struct Row {
    const char* name;
    std::vector<Happening> events;  // one each second from 11 s on
    Exit expected;
  };
  const CatalogSeen present{1, CatalogAnswer::registered}, gone{1, CatalogAnswer::gone},
      forbidden{1, CatalogAnswer::forbidden}, failed{1, CatalogAnswer::failed};
  const LeaveAnswered left{1, ""}, refused{1, "403"};
  for (const Row& row : std::vector<Row>{
           {"a server confirmed", {present, gone, Tick{}, AgentEnded{-1, SIGKILL}}, Exit::ok},
           {"confirmed, though the agent's answer got lost",
            {gone, refused, Tick{}, AgentEnded{-1, SIGKILL}},
            Exit::ok},
           {"no permission to look, the agent's word", {forbidden, left, AgentEnded{-1, SIGKILL}}, Exit::ok},
           {"the agent ends by itself with 0 after that", {forbidden, AgentEnded{0, 0}}, Exit::ok},
           {"the agent says so, no server does", {failed, left, Tick{}, AgentEnded{-1, SIGKILL}}, Exit::incomplete},
           {"refused", {failed, refused, Tick{}, AgentEnded{-1, SIGKILL}}, Exit::incomplete},
           {"the agent dies of it", {present, AgentEnded{2, 0}}, Exit::incomplete},
           {"came back and can't be taken out",
            {gone, Tick{}, present, Deregistered{1, "403"}, AgentEnded{-1, SIGKILL}},
            Exit::incomplete},
           {"a second INT cuts it short",
            {Signal{SignalKind::interrupt}, Signal{SignalKind::interrupt}, AgentEnded{-1, SIGKILL}},
            Exit::incomplete},
           {"QUIT cuts it short", {Signal{SignalKind::quit}, AgentEnded{-1, SIGKILL}}, Exit::incomplete},
           {"a second TERM changes nothing",
            {Signal{SignalKind::terminate}, gone, Tick{}, AgentEnded{-1, SIGKILL}},
            Exit::ok},
       }) {
    CAPTURE(row.name);
    Rules rules;
    rules.linger = row.events.size() > 4 ? seconds(5) : seconds(1);
    Story s(rules);
    s.leaving();
    seconds when(11);
    for (const Happening& event : row.events) s.at(when++, event);
    s.at(when, ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == row.expected);
    CHECK_FALSE(s.end->reason.empty());
    // What undoes it, ready to be copied.
    const bool unconfirmed = s.end->reason.find("does not come back") != std::string::npos;
    CHECK(unconfirmed == (s.end->reason.find("`consul force-leave -prune n1`") != std::string::npos));
    CHECK(unconfirmed == (row.expected != Exit::ok && !s.life.stopping.stop->came_back));
  }
}

TEST_CASE("while a leave runs the catalog is looked at when the servers tell of a change, and now and then") {
  const CatalogSeen present{1, CatalogAnswer::registered}, gone{1, CatalogAnswer::gone};
  const ChangeSeen told{1, true}, untold{1, false};
  Story s;
  CHECK(s.leaving().at(milliseconds(10200), Tick{}).has<LookUpCatalog>());
  REQUIRE(s.at(milliseconds(10210), present).has<AwaitChange>());
  CHECK_FALSE(s.at(milliseconds(10600), Tick{}).has<LookUpCatalog>());

  SECTION("at once when they tell") {
    CHECK(s.at(milliseconds(10650), told).has<LookUpCatalog>());
    s.at(milliseconds(10655), gone);
    CHECK(s.life.stopping.stop->confirmed);
    REQUIRE(s.has<AwaitChange>());
    CHECK(s.first<AwaitChange>()->limit == seconds(1));  // stop.linger
    // Now and then, and shortly before the end.
    CHECK(s.at(milliseconds(11155), Tick{}).has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(11160), gone).has<AwaitChange>());
    CHECK(s.at(milliseconds(11555), Tick{}).has<LookUpCatalog>());
    // An entry that comes back is told of as well.
    s.at(milliseconds(11560), gone);
    CHECK(s.at(milliseconds(11570), told).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(11580), present).has<Deregister>());
  }
  SECTION("a word that is lost costs half a second") {
    CHECK(s.at(milliseconds(10710), Tick{}).has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(10715), present).has<AwaitChange>());  // the first one is outstanding
  }
  SECTION("in a busy catalog not more often than without") {
    s.at(milliseconds(10650), told).at(milliseconds(10655), present);
    REQUIRE(s.has<AwaitChange>());
    CHECK_FALSE(s.at(milliseconds(10656), told).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(10675), Tick{}).has<LookUpCatalog>());
  }
  SECTION("often where they can't be asked") {
    s.at(milliseconds(10650), untold);
    REQUIRE(s.has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(10655), present).has<AwaitChange>());
    CHECK(s.at(milliseconds(10675), Tick{}).has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(10680), gone).has<AwaitChange>());
    CHECK(s.at(milliseconds(10780), Tick{}).has<LookUpCatalog>());
  }
  SECTION("often when the agent is done") {
    CHECK(s.at(milliseconds(10650), LeaveAnswered{1, ""}).has<LookUpCatalog>());
    s.at(milliseconds(10655), present);
    CHECK(s.at(milliseconds(10675), Tick{}).has<LookUpCatalog>());
  }
  SECTION("what can't be read just now is looked at again, and not all the time") {
    s.at(milliseconds(10710), Tick{}).at(milliseconds(11600), CatalogSeen{1, CatalogAnswer::failed});
    CHECK_FALSE(s.has<LookUpCatalog>());
    CHECK(s.at(milliseconds(11700), Tick{}).has<LookUpCatalog>());
  }
}

TEST_CASE("a leave that the servers have not heard of is told again four times, and then the entry is taken out") {
  const CatalogSeen present{1, CatalogAnswer::registered}, gone{1, CatalogAnswer::gone};
  Story s;
  s.leaving();
  // Has the catalog looked at, and shows the node's entry.
  const auto look = [&](int after) {
    s.at(milliseconds(10000 + after), Tick{});
    if (!s.has<LookUpCatalog>()) s.at(milliseconds(10000 + after), ChangeSeen{1, true});
    REQUIRE(s.has<LookUpCatalog>());
    s.at(milliseconds(10000 + after), present);
  };
  look(1400);
  CHECK_FALSE(s.has<RepeatLeave>());
  for (const int after : {1500, 1700, 1900, 2100}) {
    CAPTURE(after);
    look(after);
    CHECK(s.has<RepeatLeave>());
    CHECK_FALSE(s.has<Deregister>());
  }
  look(2300);
  CHECK_FALSE(s.has<RepeatLeave>());
  CHECK(s.has<Deregister>());

  SECTION("a server confirms it then") {
    CHECK(s.at(milliseconds(12310), Deregistered{1, ""}).has<LookUpCatalog>());
    s.at(milliseconds(12320), gone);
    CHECK(s.life.stopping.stop->confirmed);
    CHECK_FALSE(s.life.stopping.stop->came_back);
  }
  SECTION("it is no entry that came back, whatever becomes of the request") {
    s.at(milliseconds(12305), Tick{}).at(milliseconds(12306), ChangeSeen{1, true}).at(milliseconds(12320), gone);
    CHECK_FALSE(s.at(milliseconds(12330), Deregistered{1, "403"}).has<EndAgent>());
    CHECK(s.life.stopping.stop->confirmed);
    CHECK_FALSE(s.life.stopping.stop->came_back);
  }
  SECTION("once only") {
    s.at(milliseconds(12310), Deregistered{1, "403"});
    look(2600);
    look(3000);
    CHECK_FALSE(s.has<RepeatLeave>());
    CHECK_FALSE(s.has<Deregister>());
  }
}

TEST_CASE("a short stop.timeout whose half a hook uses up: what is left is the leave's but for the time of a KILL") {
  Rules rules;
  rules.stop_timeout = seconds(4);
  rules.pre_stop = {OnFailure::ignore};
  Story s(rules);
  s.serving().at(seconds(10), Signal{SignalKind::terminate});
  REQUIRE(s.has<RunHook>());
  s.at(seconds(12), Tick{});
  REQUIRE(s.has<AskLeave>());
  CHECK(s.first<AskLeave>()->deadline == milliseconds(1800));
  s.at(milliseconds(13700), CatalogSeen{1, CatalogAnswer::gone}).at(milliseconds(13800), Tick{});
  CHECK(s.has<EndAgent>());
  s.ended_and_swept({-1, SIGKILL});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
}

TEST_CASE("the first INT leaves, the second ends at once") {
  Story s;
  s.serving().at(seconds(10), Signal{SignalKind::interrupt});
  CHECK(s.has<AskLeave>());
  CHECK(s.at(milliseconds(10100), Signal{SignalKind::interrupt}).first<EndAgent>()->signal == SIGKILL);
}

TEST_CASE("stay and QUIT end the agent without a leave") {
  Rules stay;
  stay.stop_policy = StopPolicy::stay;
  Story s(stay);
  s.serving().at(seconds(10), Signal{SignalKind::terminate});
  CHECK_FALSE(s.has<AskLeave>());
  CHECK(s.first<EndAgent>()->signal == SIGTERM);
  CHECK(s.at(seconds(13), Tick{}).first<EndAgent>()->signal == SIGKILL);  // one that swallows TERM for good
  s.ended_and_swept({-1, SIGKILL});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);

  Story quit;
  quit.serving().at(seconds(10), Signal{SignalKind::quit});
  CHECK(std::count_if(quit.effects.begin(), quit.effects.end(),
                      [](const Effect& e) { return std::holds_alternative<AskLeave>(e); }) == 0);
  quit.ended_and_swept({-1, SIGKILL});
  REQUIRE(quit.end);
  CHECK(quit.end->exit == Exit::ok);
}

TEST_CASE("a reload that is under way when the stop comes is over before the agent is asked to leave") {
  Story s;
  s.serving().at(seconds(10), Signal{SignalKind::reload});
  REQUIRE(s.has<Reload>());
  SECTION("as soon as it is over") {
    CHECK_FALSE(s.at(seconds(11), Signal{SignalKind::terminate}).has<AskLeave>());
    CHECK_FALSE(s.at(seconds(12), Probed{1, ProbeAnswer::leader, 3}).has<AskLeave>());
    CHECK(
        s.at(seconds(13), Reloaded{ReloadResult::reloaded, s.life.reloading.in_force.rules, "", node}).has<AskLeave>());
    CHECK_FALSE(s.at(seconds(14), Signal{SignalKind::reload}).has<Reload>());
  }
  SECTION("or can't be waited for any longer") {
    s.at(seconds(11), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(seconds(11) + settle_limit - milliseconds(1), Tick{}).has<AskLeave>());
    CHECK(s.at(seconds(11) + settle_limit, Tick{}).has<AskLeave>());
  }
}

TEST_CASE("a stop just after a leader is known again waits for the agent's full sync, as just after the first join") {
  Story s;
  s.serving().at(seconds(20), Probed{1, ProbeAnswer::no_leader, 3}).at(seconds(22), Probed{1, ProbeAnswer::leader, 3});
  CHECK_FALSE(s.at(seconds(23), Signal{SignalKind::terminate}).has<AskLeave>());
  CHECK_FALSE(s.at(seconds(22) + sync_window(3) - milliseconds(1), Tick{}).has<AskLeave>());
  CHECK(s.at(seconds(22) + sync_window(3), Tick{}).has<AskLeave>());

  Story t;
  t.serving().at(seconds(20), Probed{1, ProbeAnswer::leader, 3});
  CHECK(t.at(seconds(21), Signal{SignalKind::terminate}).has<AskLeave>());
}

TEST_CASE("an agent that outlives every KILL and ends at last, in the sweep, is not followed by another one") {
  Story s;
  s.serving().at(seconds(10), Signal{SignalKind::quit});
  REQUIRE(s.has<EndAgent>());
  while (!s.has<AwaitChildren>() && s.now < Time(seconds(60))) s.at(next_wake(s.life)->time_since_epoch(), Tick{});
  REQUIRE(s.has<AwaitChildren>());
  CHECK(phase_of(s.life) == Phase::sweep);
  s.at(s.now.time_since_epoch(), AgentEnded{-1, SIGKILL});
  CHECK(s.effects.empty());
  CHECK(phase_of(s.life) == Phase::sweep);
  s.at((s.now + seconds(5)).time_since_epoch(), Tick{});
  CHECK(s.end);
}

TEST_CASE("an agent that outlives stop.timeout wakes the life only where it is told to end once more") {
  Story s;
  s.leaving();
  while (!s.has<AwaitChildren>() && s.now < Time(seconds(60))) {
    const std::optional<Time> wake = next_wake(s.life);
    REQUIRE(wake > s.now);
    s.at(wake->time_since_epoch(), Tick{});
  }
  CHECK(s.has<AwaitChildren>());
  CHECK(s.now > Time(seconds(10)) + Rules{}.stop_timeout);
}

TEST_CASE("nothing but the sweep wakes a life that is being swept up, and nothing follows its last word") {
  Story s;
  s.at({}, Begin{}).at({}, Prepared{{}, node, false}).at(seconds(1), Signal{SignalKind::terminate});
  // The launch is not over in time, and comes late.
  while (!s.has<AwaitChildren>() && s.now < Time(seconds(60))) s.at(next_wake(s.life)->time_since_epoch(), Tick{});
  REQUIRE(s.has<AwaitChildren>());
  s.at(s.now.time_since_epoch(), Launched{42});
  CHECK(next_wake(s.life) == s.now + sweep_grace);
  s.at((s.now + milliseconds(1)).time_since_epoch(), ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.effects.size() == 1);
}
