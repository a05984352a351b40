// Whether the servers hold this node for failed: life/standing.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <string>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

bool says(const Story& s, Tone tone, const std::string& text) {
  return std::any_of(s.effects.begin(), s.effects.end(), [&](const Effect& effect) {
    const auto* say = std::get_if<Say>(&effect);
    return say && say->tone == tone && say->text.find(text) != std::string::npos;
  });
}
bool told(const Story& s) { return says(s, Tone::warn, "hold this node for failed"); }
bool over(const Story& s) { return says(s, Tone::info, "alive again"); }

Story& seen(Story& s, Duration at, StandingAnswer answer) { return s.at(at, StandingSeen{1, answer}); }

// The next question, on its time.
const AwaitStanding* asked(Story& s) {
  REQUIRE(s.life.standing.ask_at);
  s.at(s.life.standing.ask_at->time_since_epoch(), Tick{});
  return s.first<AwaitStanding>();
}

}  // namespace

TEST_CASE("the servers have the question from the first leader on, and keep it for minutes while all is well") {
  Story s;
  s.launched();
  CHECK_FALSE(s.has<AwaitStanding>());
  REQUIRE(s.at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).has<AwaitStanding>());
  seen(s, milliseconds(70), StandingAnswer::untold);
  CHECK(*s.life.standing.ask_at == Time(milliseconds(60) + standing_pause));
  REQUIRE(asked(s));
  CHECK(s.first<AwaitStanding>()->limit == standing_wait);
  seen(s, minutes(5), StandingAnswer::alive);
  CHECK(s.first<AwaitStanding>());  // at once: it was with the servers for longer than the pause
}

TEST_CASE("a node that is held for failed says so once, joins again until it is over, and stays ready") {
  Story s;
  s.serving().at(milliseconds(76), LookedAround{1, {}, ""});
  seen(s, milliseconds(80), StandingAnswer::alive);
  REQUIRE(asked(s));
  seen(s, seconds(60), StandingAnswer::failed);
  CHECK(told(s));
  CHECK(s.has<Rejoin>());
  CHECK(LifeView(s.life).held_for_failed());
  CHECK(ready(s.life));
  CHECK(s.has<LookAround>());  // whoever has its place may be seen there

  REQUIRE(s.has<AwaitStanding>());
  CHECK(s.first<AwaitStanding>()->limit == standing_pause);
  seen(s, seconds(63), StandingAnswer::failed);
  CHECK(s.has<Rejoin>());
  CHECK_FALSE(told(s));

  seen(s, seconds(65), StandingAnswer::alive);
  CHECK_FALSE(over(s));
  CHECK_FALSE(s.has<Rejoin>());
  CHECK(LifeView(s.life).held_for_failed());
  REQUIRE(asked(s));
  CHECK(s.first<AwaitStanding>()->limit == seconds(65) + alive_again(3) - s.now.time_since_epoch());
  seen(s, seconds(79), StandingAnswer::alive);
  CHECK(over(s));
  CHECK_FALSE(LifeView(s.life).held_for_failed());
  CHECK(LifeView(s.life).looks_failed() == 2);
}

TEST_CASE("joining again for a minute is enough; the servers have the question all the same") {
  Story s;
  s.serving();
  seen(s, seconds(60), StandingAnswer::failed);
  for (int at = 63; at < 120; at += 3) CHECK(seen(s, seconds(at), StandingAnswer::failed).has<Rejoin>());
  CHECK_FALSE(seen(s, seconds(120), StandingAnswer::failed).has<Rejoin>());
  REQUIRE(s.has<AwaitStanding>());
  CHECK(s.first<AwaitStanding>()->limit == standing_wait);
}

TEST_CASE("what is held for alive again is so only after members have had the time to find otherwise") {
  CHECK(alive_again(0) == seconds(14));
  CHECK(alive_again(10) == seconds(14));
  CHECK(alive_again(10'000) == seconds(26));
}

TEST_CASE("what the catalog has from before this agent has a moment to be corrected in") {
  Story s;
  s.serving();
  seen(s, milliseconds(80), StandingAnswer::failed);
  CHECK(s.has<Rejoin>());
  CHECK_FALSE(told(s));
  REQUIRE(asked(s));
  SECTION("and is") {
    seen(s, seconds(4), StandingAnswer::alive);
    CHECK_FALSE(over(s));
  }
  SECTION("or is not") { CHECK(told(seen(s, seconds(6), StandingAnswer::failed))); }
}

TEST_CASE("a node that comes and goes at the servers is told of less and less often") {
  Story s;
  s.serving();
  seen(s, seconds(1), StandingAnswer::alive);
  seconds at(100);
  int times = 0;
  // Failed for 3 s, alive for 20 s, for 20 minutes.
  for (; at < minutes(20); at += seconds(23)) {
    if (!s.life.standing.asking) asked(s);
    times += told(seen(s, at, StandingAnswer::failed));
    if (!s.life.standing.asking) asked(s);
    seen(s, at + seconds(3), StandingAnswer::alive);
    if (!s.life.standing.asking) asked(s);
    seen(s, at + seconds(20), StandingAnswer::alive);
  }
  CHECK(times == 2);  // once more after it had been alive for alive_again() for twice as long
  CHECK(LifeView(s.life).held_for_failed());
}

TEST_CASE("questions that fail or are forbidden change nothing, and are asked seldom") {
  Story s;
  s.serving();
  SECTION("failed: within 12 s, by chance") {
    for (int i = 0; i < 5; ++i) {
      seen(s, s.now.time_since_epoch(), StandingAnswer::unanswered);
      CHECK(*s.life.standing.ask_at >= s.now + standing_pause);
      CHECK(*s.life.standing.ask_at <= s.now + standing_retry + standing_retry / 5);
      REQUIRE(asked(s));
    }
  }
  SECTION("forbidden: after a minute") {
    seen(s, s.now.time_since_epoch(), StandingAnswer::forbidden);
    CHECK(*s.life.standing.ask_at >= s.now + standing_forbidden);
  }
  CHECK_FALSE(told(s));
  CHECK_FALSE(LifeView(s.life).held_for_failed());
}

TEST_CASE("a stop and a restart drop the question, and another agent begins anew") {
  Story s;
  s.serving();
  REQUIRE(s.life.standing.asking);
  SECTION("stop") { CHECK(s.at(seconds(10), Signal{SignalKind::terminate}).has<DropStanding>()); }
  SECTION("restart") {
    CHECK(s.at(seconds(10), Signal{SignalKind::restart}).has<DropStanding>());
    s.at(seconds(11), AgentEnded{1, 0}).at(seconds(11), Launched{43});
    CHECK(s.at(seconds(12), Probed{2, ProbeAnswer::leader, 3}).has<AwaitStanding>());
  }
}

TEST_CASE("of a name that is another node's the servers' word is not about this one") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, {"n1", "id-9", "10.0.0.9"}});
  seen(s, seconds(20), StandingAnswer::failed);
  CHECK_FALSE(told(s));
  CHECK_FALSE(s.has<Rejoin>());
}
