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

Story& seen(Story& s, Duration at, StandingAnswer answer) {
  return s.at(at, NewsSeen{1, NodePart::checks, NewsAnswer::same, answer});
}

// The limit of the question that is with the servers now.
Duration limit(const Story& s) {
  REQUIRE(s.life.watch.checks.asking);
  return s.life.watch.checks.limit;
}

// The next question, on its time.
void asked(Story& s) {
  if (s.life.watch.checks.asking) return;
  REQUIRE(s.life.watch.checks.ask_at);
  s.at(s.life.watch.checks.ask_at->time_since_epoch(), Tick{});
}

}  // namespace

TEST_CASE("a node that is held for failed says so once, joins again until it is over, and stays ready") {
  Story s;
  s.serving().at(milliseconds(76), LookedAround{1, {}, ""});
  asked(s);
  seen(s, milliseconds(400), StandingAnswer::alive);
  asked(s);
  seen(s, seconds(60), StandingAnswer::failed);
  CHECK(told(s));
  CHECK(s.has<Rejoin>());
  CHECK(LifeView(s.life).held_for_failed());
  CHECK(ready(s.life));
  CHECK(s.has<LookAround>());  // whoever has its place may be seen there

  CHECK(limit(s) == standing_pause);
  seen(s, seconds(63), StandingAnswer::failed);
  CHECK(s.has<Rejoin>());
  CHECK_FALSE(told(s));

  seen(s, seconds(65), StandingAnswer::alive);
  CHECK_FALSE(over(s));
  CHECK_FALSE(s.has<Rejoin>());
  CHECK(LifeView(s.life).held_for_failed());
  asked(s);
  CHECK(limit(s) == seconds(65) + alive_again(3) - s.now.time_since_epoch());
  seen(s, seconds(79), StandingAnswer::alive);
  CHECK(over(s));
  CHECK_FALSE(LifeView(s.life).held_for_failed());
  CHECK(LifeView(s.life).looks_failed() == 2);
}

TEST_CASE("joining again for a minute is enough; the servers have the question all the same") {
  Story s;
  s.serving();
  asked(s);
  seen(s, seconds(60), StandingAnswer::failed);
  for (int at = 63; at < 120; at += 3) CHECK(seen(s, seconds(at), StandingAnswer::failed).has<Rejoin>());
  CHECK_FALSE(seen(s, seconds(120), StandingAnswer::failed).has<Rejoin>());
  CHECK(limit(s) == watch_wait);
}

TEST_CASE("what is held for alive again is so only after members have had the time to find otherwise") {
  CHECK(alive_again(0) == seconds(14));
  CHECK(alive_again(10) == seconds(14));
  CHECK(alive_again(10'000) == seconds(26));
}

TEST_CASE("what the catalog has from before this agent has a moment to be corrected in") {
  Story s;
  s.serving();
  asked(s);
  seen(s, milliseconds(400), StandingAnswer::failed);
  CHECK(s.has<Rejoin>());
  CHECK_FALSE(told(s));
  asked(s);
  SECTION("and is") {
    seen(s, seconds(4), StandingAnswer::alive);
    CHECK_FALSE(over(s));
  }
  SECTION("or is not") { CHECK(told(seen(s, seconds(6), StandingAnswer::failed))); }
}

TEST_CASE("a node that comes and goes at the servers is told of less and less often") {
  Story s;
  s.serving();
  asked(s);
  seen(s, seconds(1), StandingAnswer::alive);
  seconds at(100);
  int times = 0;
  // Failed for 3 s, alive for 20 s, for 20 minutes.
  for (; at < minutes(20); at += seconds(23)) {
    asked(s);
    times += told(seen(s, at, StandingAnswer::failed));
    asked(s);
    seen(s, at + seconds(3), StandingAnswer::alive);
    asked(s);
    seen(s, at + seconds(20), StandingAnswer::alive);
  }
  CHECK(times == 2);  // once more after it had been alive for alive_again() for twice as long
  CHECK(LifeView(s.life).held_for_failed());
}

TEST_CASE("of a name that is another node's the servers' word is not about this one") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, {"n1", "id-9", "10.0.0.9"}});
  seen(s, seconds(20), StandingAnswer::failed);
  CHECK_FALSE(told(s));
  CHECK_FALSE(s.has<Rejoin>());
}
