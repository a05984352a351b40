// An agent that leaves without lictor's asking: life/departure.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const NewsSeen no_check{1, NodePart::checks, NewsAnswer::same, StandingAnswer::untold};
const CatalogSeen present{1, CatalogAnswer::registered}, gone{1, CatalogAnswer::gone};

bool says(const Story& s, const std::string& text) {
  return std::any_of(s.effects.begin(), s.effects.end(), [&](const Effect& effect) {
    const auto* said = std::get_if<Say>(&effect);
    return said && said->text == text;
  });
}

// A node that serves for ten seconds, until the agent has said that it leaves.
Story seen_to_leave(const Rules& rules = {}) {
  Story s(rules);
  s.serving();
  s.at(seconds(1), Tick{});
  s.says = MemberAnswer::leaves;
  s.at(seconds(10), no_check);
  REQUIRE(says(s, "the agent was told to leave by somebody else"));
  CHECK_FALSE(ready(s.life));
  return s;
}

}  // namespace

TEST_CASE("an agent that is killed as hung is replaced, also if it is heard to leave in that moment") {
  Story s;
  s.serving().at(seconds(16), Tick{});
  REQUIRE(s.has<Probe>());
  s.at(seconds(20), Probed{1, ProbeAnswer::silent, 0}).at(seconds(47), Probed{1, ProbeAnswer::silent, 0});
  REQUIRE(s.life.supervisor.process->killed);
  s.at(seconds(47), MemberSeen{1, MemberAnswer::leaves});
  CHECK_FALSE(says(s, "the agent was told to leave by somebody else"));
  s.at(seconds(47), AgentEnded{-1, SIGKILL});
  CHECK_FALSE(s.end);
  CHECK(s.life.supervisor.state == AgentState::waiting);
}

TEST_CASE("a leave that lictor has not asked for is confirmed as one of its own, and ends lictor by itself") {
  Story s = seen_to_leave();
  CHECK(phase_of(s.life) == Phase::leaving);
  CHECK_FALSE(s.has<AskLeave>());
  CHECK(s.at(milliseconds(10200), Tick{}).has<LookUpCatalog>());
  CHECK(s.at(milliseconds(10210), present).has<AwaitChange>());
  s.at(milliseconds(10600), ChangeSeen{1, true}).at(milliseconds(10610), gone);
  CHECK(says(s, "a server confirmed the leave"));

  SECTION("and whoever has told the agent gets its answer: it is not killed, and lictor waits for its end") {
    while (s.now < Time(seconds(15))) {
      const Time wake = next_wake(s.life).value_or(Time(seconds(16)));
      CHECK_FALSE(s.at(wake.time_since_epoch(), Tick{}).has<EndAgent>());
      if (s.has<LookUpCatalog>()) s.at(wake.time_since_epoch(), gone);
    }
    s.ended_and_swept({0, 0});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::ok);
    CHECK(s.end->reason.find("confirmed by a server") != std::string::npos);
  }
  SECTION("however the agent ends after that") {
    s.ended_and_swept({1, 0});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::ok);
  }
  SECTION("an agent that outlives stop.timeout is killed") {
    CHECK(s.at(seconds(10) + Rules{}.stop_timeout, Tick{}).first<EndAgent>()->signal == SIGKILL);
  }
}

TEST_CASE("an agent that announces in its log that it leaves is asked until it says so itself, for a second") {
  Story s;
  s.serving();
  s.says = {};
  CHECK(s.at(seconds(10), LeaveAnnounced{}).has<LookAtMember>());
  CHECK(ready(s.life));
  s.at(milliseconds(10005), MemberSeen{1, MemberAnswer::member});
  CHECK(ready(s.life));
  CHECK(s.at(milliseconds(10105), Tick{}).has<LookAtMember>());
  SECTION("it does") {
    s.at(milliseconds(10110), MemberSeen{1, MemberAnswer::leaves});
    CHECK_FALSE(ready(s.life));
    CHECK(phase_of(s.life) == Phase::leaving);
  }
  SECTION("it does not") {
    s.at(seconds(11), MemberSeen{1, MemberAnswer::member});
    CHECK_FALSE(s.at(milliseconds(11200), Tick{}).has<LookAtMember>());
    CHECK(ready(s.life));
  }
}

TEST_CASE("how a leave that lictor has not asked for ended is told as it was") {
  struct Row {
    const char* name;
    std::vector<Happening> events;  // one each second from 11 s on
    Exit expected;
  };
  const CatalogSeen failed{1, CatalogAnswer::failed};
  for (const Row& row : std::vector<Row>{
           {"no server confirms it", {failed, AgentEnded{0, 0}}, Exit::incomplete},
           {"broken off", {present, AgentEnded{1, 0}}, Exit::incomplete},
           {"cut short", {Signal{SignalKind::quit}, AgentEnded{-1, SIGKILL}}, Exit::incomplete},
           {"told to stop as well", {Signal{SignalKind::terminate}, gone, AgentEnded{0, 0}}, Exit::ok},
       }) {
    CAPTURE(row.name);
    Story s = seen_to_leave();
    seconds when(11);
    for (const Happening& event : row.events) {
      s.at(when++, event);
      CHECK_FALSE(s.has<AskLeave>());
    }
    s.at(when, ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == row.expected);
  }
}

TEST_CASE("an agent that ends with 0 has left, and with anything else it has died") {
  Story s;
  SECTION("unconfirmed, where nothing but its end has told of it") {
    s.serving().at(seconds(10), AgentEnded{0, 0}).at(seconds(10), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::incomplete);
    CHECK(s.end->reason.find("no server confirmed it") != std::string::npos);
  }
  SECTION("unseen, where it knew no server") {
    s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::no_leader, 1});
    s.at(seconds(10), AgentEnded{0, 0}).at(seconds(10), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::incomplete);
    CHECK(s.end->reason.find("knew no server") != std::string::npos);
  }
  SECTION("by its own word, where the catalog may not be read") {
    s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
    s.at(milliseconds(75), CatalogSeen{1, CatalogAnswer::forbidden});
    REQUIRE(ready(s.life));
    s.at(seconds(10), AgentEnded{0, 0}).at(seconds(10), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::ok);
  }
  SECTION("nobody can have told one whose API has never answered") {
    s.launched().at(seconds(1), AgentEnded{0, 0});
    CHECK(says(s, "the agent has died"));
    CHECK(phase_of(s.life) == Phase::launch);
  }
  SECTION("a signal or a crash is no leave") {
    s.serving().at(seconds(10), AgentEnded{1, 0});
    CHECK(says(s, "the agent has died"));
    CHECK(phase_of(s.life) == Phase::launch);
  }
  SECTION("nor is the end of one that is restarted") {
    s.serving().at(seconds(10), Signal{SignalKind::restart}).at(seconds(11), AgentEnded{0, 0});
    CHECK(phase_of(s.life) == Phase::launch);
  }
}

TEST_CASE("an agent that leaves is followed by another one where it is to rejoin") {
  Rules rules;
  rules.rejoin_after_leave = true;
  SECTION("seen to leave") {
    Story s = seen_to_leave(rules);
    CHECK(phase_of(s.life) == Phase::restart);
    CHECK_FALSE(s.has<EndAgent>());
    SECTION("at once") {
      CHECK(s.at(seconds(15), AgentEnded{0, 0}).has<Launch>());
      CHECK(s.life.supervisor.last_restart->reason == RestartReason::left);
      CHECK(s.life.supervisor.deaths == 0);
    }
    SECTION("killed where it does not end within stop.timeout") {
      CHECK_FALSE(s.at(seconds(10) + rules.stop_timeout - milliseconds(1), Tick{}).has<EndAgent>());
      CHECK(s.at(seconds(10) + rules.stop_timeout, Tick{}).first<EndAgent>()->signal == SIGKILL);
    }
    SECTION("but not where a stop comes: then it is the leave of that, which is not asked for again") {
      s.at(seconds(11), Signal{SignalKind::terminate});
      CHECK_FALSE(s.has<AskLeave>());
      CHECK_FALSE(s.has<EndAgent>());
      s.at(milliseconds(11200), Tick{}).at(milliseconds(11210), gone).ended_and_swept({0, 0});
      REQUIRE(s.end);
      CHECK(s.end->exit == Exit::ok);
    }
  }
  SECTION("known by its end") {
    Story s(rules);
    s.serving().at(seconds(10), AgentEnded{0, 0});
    CHECK(s.has<Launch>());
    CHECK(s.life.supervisor.last_restart->reason == RestartReason::left);
  }
}

TEST_CASE("an entry that is gone is not written again before the agent has said that it does not leave") {
  Story s;
  s.serving();
  s.says = {};
  // When the agent's full sync is over.
  s.at(seconds(10), Tick{}).at(seconds(10), ServicesSent{1, "", false});
  REQUIRE(s.has<LookUpCatalog>());
  s.at(seconds(70), gone);
  REQUIRE(s.has<LookAtMember>());
  CHECK_FALSE(s.has<SendAgain>());
  CHECK_FALSE(ready(s.life));
  SECTION("it does not, and the entry is looked at once more") {
    CHECK(s.at(seconds(71), MemberSeen{1, MemberAnswer::member}).has<LookUpCatalog>());
    CHECK_FALSE(ready(s.life));
    CHECK(s.at(seconds(71), gone).has<SendAgain>());
  }
  SECTION("it does not say, as one that is blocked from saying it") {
    CHECK(s.at(seconds(71), MemberSeen{1, MemberAnswer::unanswered}).has<LookUpCatalog>());
    CHECK(s.at(seconds(71), gone).has<SendAgain>());
  }
  SECTION("the entry is there again") {
    s.at(seconds(71), MemberSeen{1, MemberAnswer::member}).at(seconds(71), present);
    CHECK(ready(s.life));
  }
}

TEST_CASE("an agent whose gossip has ended is restarted only once it has said that it does not leave") {
  Story s;
  s.serving();
  s.says = {};
  s.at(seconds(20), Probed{1, ProbeAnswer::leader, 3, false});
  REQUIRE(s.has<LookAtMember>());
  CHECK_FALSE(s.has<EndAgent>());
  SECTION("it does not") { CHECK(s.at(seconds(21), MemberSeen{1, MemberAnswer::member}).has<EndAgent>()); }
  SECTION("it leaves") {
    CHECK_FALSE(s.at(seconds(21), MemberSeen{1, MemberAnswer::leaves}).has<EndAgent>());
    CHECK(phase_of(s.life) == Phase::leaving);
  }
  SECTION("it does not say: it may be about to end") {
    CHECK_FALSE(s.at(seconds(21), MemberSeen{1, MemberAnswer::unanswered}).has<EndAgent>());
    CHECK(phase_of(s.life) == Phase::serve);
  }
}

TEST_CASE("an agent is asked whether it leaves already before it is asked to leave, and after each hook") {
  Rules rules;
  rules.pre_stop = {OnFailure::ignore};
  Story s(rules);
  s.serving();
  s.says = {};
  s.at(seconds(10), Signal{SignalKind::terminate});
  REQUIRE(s.has<LookAtMember>());
  CHECK_FALSE(s.has<RunHook>());
  SECTION("it leaves: no hook is run, and it is not asked") {
    s.at(seconds(10), MemberSeen{1, MemberAnswer::leaves});
    CHECK_FALSE(s.has<RunHook>());
    CHECK_FALSE(s.has<AskLeave>());
    CHECK(phase_of(s.life) == Phase::leaving);
  }
  SECTION("a hook has it leave") {
    s.at(seconds(10), MemberSeen{1, MemberAnswer::member});
    REQUIRE(s.has<RunHook>());
    SECTION("seen while it runs, and the hook is ended") {
      CHECK(s.at(seconds(11), Tick{}).has<LookAtMember>());
      CHECK(s.at(seconds(11), MemberSeen{1, MemberAnswer::leaves}).has<EndHook>());
      CHECK(phase_of(s.life) == Phase::leaving);
    }
    const auto over = [&s] {
      CHECK(s.at(seconds(12), HookEnded{1, ""}).has<LookAtMember>());
      CHECK_FALSE(s.has<AskLeave>());
    };
    SECTION("seen when it is over") {
      over();
      s.at(seconds(12), MemberSeen{1, MemberAnswer::leaves});
      CHECK_FALSE(s.has<AskLeave>());
      CHECK(phase_of(s.life) == Phase::leaving);
    }
    SECTION("known by its end") {
      over();
      s.at(seconds(12), AgentEnded{0, 0}).at(seconds(12), ChildrenGone{});
      REQUIRE(s.end);
      CHECK(s.end->reason.find("no server confirmed it") != std::string::npos);
    }
    SECTION("or not") {
      over();
      CHECK(s.at(seconds(12), MemberSeen{1, MemberAnswer::unanswered}).has<AskLeave>());
    }
  }
}
