// Whether a stop leaves or stays, and what it does with little time: life/deciding.hpp.
#include "life_story.hpp"

#include <csignal>
#include <string>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Serves, and has been told to stop at ten seconds; the platform is yet to answer.
Story asked(Rules rules = {}, SignalKind kind = SignalKind::terminate) {
  Story s(rules);
  s.why.reset();
  s.serving().at(seconds(10), Signal{kind});
  return s;
}

bool leaves(const Story& s) { return s.has<AskLeave>() && !s.has<EndAgent>(); }
bool stays(const Story& s) { return !s.has<AskLeave>() && s.has<EndAgent>() && s.first<EndAgent>()->signal == SIGTERM; }

}  // namespace

TEST_CASE("a stop by auto goes on once it is told why, and until then nothing is done with the agent") {
  for (const auto& [cause, stay] : {std::pair{StopCause::untold, false},
                                    {StopCause::unknown, false},
                                    {StopCause::goes, false},
                                    {StopCause::reboots, false},
                                    {StopCause::comes_back, true}}) {
    CAPTURE(static_cast<int>(cause));
    Story s = asked();
    REQUIRE(s.has<AskWhy>());
    CHECK(s.first<AskWhy>()->within == decide_within);
    CHECK_FALSE(s.first<AskWhy>()->grace_only);
    CHECK_FALSE((s.has<AskLeave>() || s.has<EndAgent>() || s.has<Say>()));
    CHECK((!ready(s.life) && phase_of(s.life) == Phase::deciding));
    s.at(milliseconds(10020), WhyAnswered{{.cause = cause, .evidence = "because"}});
    CHECK((stay ? stays(s) : leaves(s)));
    const Say* said = s.first<Say>();
    REQUIRE(said);
    CHECK(said->text == (stay ? "stopping: the node stays in the catalog" : "stopping: the node leaves the cluster"));
    CHECK(said->fields == Fields{{"policy", "auto"}, {"evidence", "because"}});
  }
}

TEST_CASE("what stop.reboot says goes for a host that reboots") {
  Rules rules;
  rules.stay_over_reboot = true;
  CHECK(stays(asked(rules).at(milliseconds(10020), WhyAnswered{{.cause = StopCause::reboots}})));
}

TEST_CASE("who does not tell why in time has the node leave, and is not heard any more") {
  Story s = asked();
  CHECK(next_wake(s.life) == Time(seconds(10)) + decide_within);
  CHECK_FALSE(s.at(milliseconds(10299), Tick{}).has<AskLeave>());
  CHECK(leaves(s.at(milliseconds(10300), Tick{})));
  CHECK(s.at(milliseconds(10310), WhyAnswered{{.cause = StopCause::comes_back}}).effects.empty());
  CHECK(s.life.stopping.stop->leave);
}

TEST_CASE("by leave the platform is asked for its grace alone, by stay for nothing") {
  Rules rules;
  rules.stop_policy = StopPolicy::leave;
  Story s = asked(rules);
  REQUIRE(s.has<AskWhy>());
  CHECK(s.first<AskWhy>()->grace_only);
  s.at(milliseconds(10020), WhyAnswered{{.cause = StopCause::comes_back, .grace = seconds(2)}});
  CHECK(leaves(s));
  CHECK(s.first<Say>()->fields == Fields{{"policy", "leave"}, {"grace", "2s"}});
  rules.stop_policy = StopPolicy::stay;
  s = asked(rules);
  CHECK_FALSE(s.has<AskWhy>());
  CHECK(stays(s));
}

TEST_CASE("an order says itself what is to be done") {
  CHECK(leaves(asked({}, SignalKind::leave)));
  CHECK(stays(asked({}, SignalKind::stay)));
  Rules rules;
  rules.stop_policy = StopPolicy::leave;
  CHECK(stays(asked(rules, SignalKind::stay)));
  rules.stop_policy = StopPolicy::stay;
  CHECK(stays(asked(rules, SignalKind::leave)));
}

TEST_CASE("what happens while it is decided") {
  Story s = asked();
  SECTION("QUIT ends the agent at once") {
    s.at(milliseconds(10010), Signal{SignalKind::quit});
    CHECK(s.first<EndAgent>()->signal == SIGKILL);
    CHECK(s.at(milliseconds(10020), WhyAnswered{{.cause = StopCause::goes}}).effects.empty());
  }
  SECTION("the agent dies: a stop that is to stay is what was asked for, one that is to leave is not") {
    s.at(milliseconds(10010), AgentEnded{-1, SIGKILL});
    CHECK(phase_of(s.life) == Phase::deciding);
    SECTION("stay") {
      s.at(milliseconds(10020), WhyAnswered{{.cause = StopCause::comes_back}}).at(milliseconds(10030), ChildrenGone{});
      CHECK(s.end->exit == Exit::ok);
    }
    SECTION("leave") {
      s.at(milliseconds(10020), WhyAnswered{{.cause = StopCause::goes}}).at(milliseconds(10030), ChildrenGone{});
      CHECK(s.end->exit == Exit::incomplete);
    }
  }
  SECTION("the agent leaves, as somebody else has told it to: it is not asked to, nor kept from it") {
    s.at(milliseconds(10010), AgentEnded{0, 0}).at(milliseconds(10020), WhyAnswered{{.cause = StopCause::comes_back}});
    CHECK((s.life.stopping.stop->by_other && s.life.stopping.stop->leave));
    CHECK_FALSE(s.has<AskLeave>());
  }
}

TEST_CASE("the last word tells what somebody has told") {
  const auto end = [](StopReason reason) {
    Story s = asked();
    s.at(milliseconds(10020), WhyAnswered{std::move(reason)});
    s.at(milliseconds(10300), CatalogSeen{1, CatalogAnswer::gone}).at(seconds(12), Tick{});
    s.ended_and_swept({-1, SIGKILL});
    return s.end->reason;
  };
  CHECK(end({.cause = StopCause::goes, .evidence = "the node is deleted"}) ==
        "the node has left the cluster, confirmed by a server (the node is deleted)");
  CHECK(end({.evidence = "nothing here tells why"}) == "the node has left the cluster, confirmed by a server");
  Story s = asked();
  s.at(milliseconds(10020), WhyAnswered{{.cause = StopCause::comes_back, .evidence = "a restart"}});
  s.ended_and_swept({0, 0});
  CHECK(s.end->reason == "stopped without leaving; a node that does not come back is a failed member (a restart)");
  CHECK(s.end->exit == Exit::ok);
}

TEST_CASE("a stop has what the platform gives, where that is less than stop.timeout") {
  const auto budget = [](Duration timeout, std::optional<Duration> grace) {
    return budget_of(Stop{.grace = grace}, Rules{.stop_timeout = timeout});
  };
  CHECK(budget(seconds(25), std::nullopt) == seconds(25));
  CHECK(budget(seconds(25), seconds(30)) == seconds(25));
  CHECK(budget(seconds(25), seconds(10)) == milliseconds(9500));
  CHECK(budget(seconds(25), seconds(2)) == milliseconds(1800));
}

TEST_CASE("with 2 s of grace the leave comes first, and hooks and linger get what is left") {
  Rules rules;
  rules.pre_stop = {OnFailure::ignore, OnFailure::retry};
  const auto told = [](Story& s) {
    s.at(milliseconds(10050), WhyAnswered{{.cause = StopCause::goes, .evidence = "x", .grace = seconds(2)}});
  };
  SECTION("without hooks it lingers until half of the time is over") {
    Story s = asked();
    told(s);
    REQUIRE(leaves(s));
    s.at(milliseconds(10600), CatalogSeen{1, CatalogAnswer::gone});
    CHECK_FALSE(s.at(milliseconds(10899), CatalogSeen{1, CatalogAnswer::gone}).has<EndAgent>());
    CHECK(s.at(milliseconds(10900), Tick{}).first<EndAgent>()->signal == SIGKILL);
  }
  SECTION("what is unheard is said again in time, and does not linger when it is late") {
    Story s = asked();
    told(s);
    REQUIRE(leaves(s));
    CHECK(s.first<AskLeave>()->deadline == milliseconds(1550));  // 1.8 s, less 0.2 s for the KILL, less what is over
    // Asked at 50 ms: half of the 1.55 s later.
    s.at(milliseconds(10250), Tick{}).at(milliseconds(10820), CatalogSeen{1, CatalogAnswer::registered});
    CHECK_FALSE(s.has<RepeatLeave>());
    s.at(milliseconds(10825), ChangeSeen{1, true}).at(milliseconds(10830), CatalogSeen{1, CatalogAnswer::registered});
    CHECK(s.has<RepeatLeave>());
    CHECK(s.at(milliseconds(10900), CatalogSeen{1, CatalogAnswer::gone}).first<EndAgent>()->signal == SIGKILL);
  }
  SECTION("hooks run after the leave, one by one, once each, until the time is up") {
    Story s = asked(rules);
    told(s);
    REQUIRE(leaves(s));
    CHECK_FALSE(s.has<RunHook>());
    s.at(milliseconds(10600), CatalogSeen{1, CatalogAnswer::gone});
    REQUIRE(s.has<RunHook>());
    CHECK(s.first<RunHook>()->kind == HookKind::pre_stop);
    // Longer than linger alone.
    CHECK_FALSE(s.at(milliseconds(11200), CatalogSeen{1, CatalogAnswer::gone}).has<EndAgent>());
    s.at(milliseconds(11250), HookEnded{1, ""});
    REQUIRE(s.has<RunHook>());
    CHECK(s.first<RunHook>()->index == 1);
    SECTION("one that fails is not tried again") {
      s.at(milliseconds(11300), HookEnded{1, "exit code 1"});
      CHECK((!s.has<RunHook>() && s.has<EndAgent>()));
    }
    SECTION("one that takes too long is ended") { CHECK(s.at(milliseconds(11600), Tick{}).has<EndAgent>()); }
    s.ended_and_swept({-1, SIGKILL});
    CHECK(s.end->exit == Exit::ok);
  }
  SECTION("a grace that is enough for both leaves hooks where they are") {
    Story s = asked(rules);
    s.at(milliseconds(10050), WhyAnswered{{.cause = StopCause::goes, .grace = seconds(10)}});
    REQUIRE(s.has<RunHook>());
    // Half of 9.5 s.
    CHECK_FALSE(s.at(milliseconds(14749), Tick{}).has<AskLeave>());
    CHECK(s.at(milliseconds(14750), Tick{}).has<AskLeave>());
  }
  SECTION("a young agent's sync is awaited for a third of it") {
    Story s;
    s.why = StopReason{.cause = StopCause::goes, .grace = seconds(2)};
    s.serving().at(milliseconds(200), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(milliseconds(799), Tick{}).has<AskLeave>());
    CHECK(s.at(milliseconds(800), Tick{}).has<AskLeave>());
  }
}
