// New settings that nobody on this node has asked for and that need another agent: life/reloading.hpp.
#include "life_story.hpp"

#include <csignal>
#include <set>

using namespace lictor;
using namespace story;
using std::chrono::seconds;

namespace {

Reloaded read(ReloadResult result, Duration spread = seconds(10)) {
  Reloaded news{result, {}, "new settings: recursors", node, "recursors"};
  news.rules.restart_spread = spread;
  return news;
}

// A node that serves and has read of a change that needs another agent, at ten seconds.
Story held(std::uint64_t seed = 7) {
  Story s;
  s.life = new_life({}, seed);
  s.serving().at(seconds(10), SettingsChanged{});
  REQUIRE(s.has<Reload>());
  s.at(seconds(10), read(ReloadResult::restart));
  return s;
}

const Held& wait_of(const Story& s) { return *s.life.reloading.held; }

}  // namespace

TEST_CASE(
    "spread: settings of a changed file that need another agent wait, and are read once more when their turn comes") {
  Story s = held();
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  REQUIRE(s.has<Say>());
  CHECK(s.first<Say>()->text.find("restart.spread") != std::string::npos);
  const Time due = wait_of(s).due;
  CHECK(due > s.now);
  CHECK(due <= s.now + seconds(10));
  CHECK(LifeView(s.life).ready());
  s.at(due.time_since_epoch(), Tick{});
  REQUIRE(s.has<Reload>());
  s.at(due.time_since_epoch(), read(ReloadResult::restart));
  CHECK(s.has<Adopt>());
  CHECK(s.has<EndAgent>());
  CHECK_FALSE(s.life.reloading.held);
}

TEST_CASE("spread: nodes take their turns all over the time") {
  std::set<std::int64_t> tenths;
  for (std::uint64_t seed = 1; seed <= 200; ++seed)
    tenths.insert((wait_of(held(seed)).due - Time(seconds(10))) / seconds(1));
  CHECK(tenths.size() == 10);
}

TEST_CASE("spread: what was asked for on the node waits for nothing") {
  Story s;
  s.serving().at(seconds(1), Signal{SignalKind::reload}).at(seconds(1), read(ReloadResult::restart));
  CHECK(s.has<Adopt>());

  // Also where it is asked for while a changed file is being read, or waits.
  s = Story();
  s.serving().at(seconds(1), SettingsChanged{}).at(seconds(1), Signal{SignalKind::reload});
  CHECK(s.at(seconds(1), read(ReloadResult::restart)).has<Adopt>());

  s = held();
  s.at(seconds(10), Signal{SignalKind::reload});
  REQUIRE(s.has<Reload>());
  CHECK(s.at(seconds(10), read(ReloadResult::restart)).has<Adopt>());
}

TEST_CASE("spread: with 0s nothing waits, and nothing does that a reload is enough for or while no agent answers") {
  Story s;
  s.serving().at(seconds(1), SettingsChanged{});
  CHECK(s.at(seconds(1), read(ReloadResult::restart, {})).has<Adopt>());

  for (const auto result : {ReloadResult::reloaded, ReloadResult::services, ReloadResult::unchanged}) {
    Story t;
    t.serving().at(seconds(10), SettingsChanged{});
    CHECK(t.at(seconds(10), read(result)).has<Adopt>());
  }

  Story u;
  u.launched().at(seconds(1), SettingsChanged{});
  CHECK(u.at(seconds(1), read(ReloadResult::restart)).has<Adopt>());
}

TEST_CASE(
    "spread: another change is taken with the first, at the same moment; a longer wait is cut where the time is") {
  Story s = held();
  const Held first = wait_of(s);
  s.at(seconds(10), SettingsChanged{}).at(seconds(10), read(ReloadResult::restart));
  CHECK_FALSE(s.has<Adopt>());
  CHECK(wait_of(s) == first);
  s.at(seconds(10), SettingsChanged{}).at(seconds(10), read(ReloadResult::restart, std::chrono::microseconds(1)));
  CHECK(wait_of(s).since == first.since);
  CHECK(wait_of(s).due <= s.now + std::chrono::microseconds(1));
  s.at(seconds(10), SettingsChanged{}).at(seconds(10), read(ReloadResult::restart, {}));
  CHECK(s.has<Adopt>());
}

TEST_CASE("spread: a change back, or one that breaks them, ends the wait") {
  Story s = held();
  s.at(seconds(10), SettingsChanged{}).at(seconds(10), read(ReloadResult::unchanged));
  CHECK_FALSE(s.life.reloading.held);
  s.at(seconds(60), Tick{});
  CHECK_FALSE(s.has<EndAgent>());

  s = held();
  s.at(seconds(10), SettingsChanged{}).at(seconds(10), read(ReloadResult::broken));
  CHECK_FALSE(s.life.reloading.held);
}

TEST_CASE("spread: an agent that ends meanwhile is followed by one with the new settings") {
  Story s = held();
  s.at(seconds(10), Signal{SignalKind::restart});
  REQUIRE(s.has<EndAgent>());
  s.at(seconds(10), AgentEnded{0, 0});
  CHECK(s.has<Reload>());
  CHECK_FALSE(s.has<Launch>());
  s.at(seconds(10), read(ReloadResult::restart));
  CHECK(s.has<Adopt>());
  CHECK(s.has<Launch>());

  s = held();
  s.at(seconds(10), AgentEnded{-1, SIGKILL});
  CHECK(s.has<Reload>());
  CHECK_FALSE(s.has<Launch>());
}

TEST_CASE("spread: a stop does not wait, and another address is the node's own affair") {
  Story s = held();
  s.at(seconds(10), Signal{SignalKind::terminate});
  CHECK(s.has<AskLeave>());
  CHECK_FALSE(s.life.reloading.held);

  Story t;
  Rules at_once;
  at_once.bind_settle = {};
  t.life = new_life(at_once, 7);
  t.serving().at(seconds(1), HostChanged{}).at(seconds(2), Tick{});
  t.at(seconds(2), AddressRead{AddressState::other, "10.0.0.7"});
  REQUIRE(t.has<Reload>());
  t.at(seconds(2), Reloaded{ReloadResult::restart, {}, "bind_addr", {"n1", "id-1", "10.0.0.7"}, "bind_addr", false});
  CHECK(t.has<Adopt>());
}
