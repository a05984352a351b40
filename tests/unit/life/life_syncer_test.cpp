// What the agent's own syncer leaves lying: life/syncer.hpp.
#include "life_story.hpp"

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE(
    "while an agent may be waiting for a full sync, it is made to send what it has; afterwards, and in a stop, it is "
    "not") {
  // The first may be one that sends whatever the agent has.
  const auto flushes_until = [](Story& s, seconds end, bool anew = false) {
    int flushes = 0;
    for (int turns = 0; turns < 1000; ++turns) {
      const Time next = next_wake(s.life).value_or(Time::max());
      if (next > Time(end)) return flushes;
      const bool flush = s.at(next.time_since_epoch(), Tick{}).has<Flush>();
      flushes += flush;
      CHECK((!flush || s.first<Flush>()->anew == (anew && flushes == 1)));
      if (flush) s.at(next.time_since_epoch(), Flushed{1});
      if (s.has<SendServices>()) s.at(next.time_since_epoch(), ServicesSent{1, "", false});
      if (s.has<LookUpCatalog>()) s.at(next.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered});
    }
    FAIL("the life wakes up all the time");
    return flushes;
  };
  Story s;
  s.serving();
  SECTION("3 s, and up to 30 s more where that full sync fell into a registration") {
    CHECK(flushes_until(s, seconds(34), true) == 66);
    CHECK(flushes_until(s, seconds(50)) == 0);
    // A registration pauses it, too, and so does a reload; with it the agent sends all that it has.
    s.at(seconds(50), Signal{SignalKind::reload})
        .at(seconds(50), Reloaded{ReloadResult::services, s.life.reloading.in_force.rules, "", node});
    s.at(seconds(51), ServicesSent{1, ""}).at(seconds(51), CatalogSeen{1, CatalogAnswer::registered});
    CHECK(flushes_until(s, seconds(60)) == 18);
  }
  SECTION("not again before it has answered, nor once it has refused") {
    CHECK(s.at(milliseconds(570), Tick{}).has<Flush>());
    CHECK_FALSE(s.at(seconds(2), Tick{}).has<Flush>());
    s.at(seconds(2), Flushed{1, true});
    CHECK(flushes_until(s, seconds(60)) == 0);
  }
  SECTION("not without a leader, nor in a stop") {
    s.at(milliseconds(400), Probed{1, ProbeAnswer::no_leader, 3});
    CHECK_FALSE(s.at(seconds(1), Tick{}).has<Flush>());
    CHECK(s.at(seconds(1), Probed{1, ProbeAnswer::leader, 3}).has<Flush>());
    s.at(milliseconds(1600), Flushed{1}).at(milliseconds(1700), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(milliseconds(2200), Tick{}).has<Flush>());
  }
}
