// The address: life/address.hpp.
#include "life_story.hpp"

#include <csignal>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a new address restarts the agent without leaving; none leaves it alone; ignore says so once") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving().at(seconds(5), HostChanged{});
  CHECK_FALSE(s.has<ReadAddress>());
  CHECK(s.at(seconds(5) + address_looked_at, Tick{}).has<ReadAddress>());
  s.at(seconds(6), AddressRead{AddressState::gone, "no address"});
  CHECK(s.first<Say>()->tone == Tone::warn);
  CHECK_FALSE(s.has<EndAgent>());
  s.at(seconds(7), HostChanged{}).at(seconds(8), Tick{}).at(seconds(8), AddressRead{AddressState::gone, "no address"});
  CHECK_FALSE(s.has<Say>());
  s.at(seconds(9), HostChanged{}).at(seconds(10), Tick{}).at(seconds(10), AddressRead{AddressState::other, "10.0.0.7"});
  REQUIRE(s.has<Reload>());
  CHECK_FALSE(s.first<Reload>()->settings);
  s.at(seconds(10), Reloaded{ReloadResult::restart, {}, "bind_addr", {"n1", "id-1", "10.0.0.7"}});
  CHECK(s.first<EndAgent>()->signal == SIGTERM);
  CHECK(s.at(seconds(11), AgentEnded{1, 0}).has<Launch>());
  CHECK(s.life.reloading.address_changes == 1);

  Rules rules = at_once;
  rules.restart_on_change = false;
  Story t(rules);
  t.serving();
  int said = 0;
  for (int i = 5; i < 15; i += 2) {
    t.at(seconds(i), HostChanged{})
        .at(seconds(i + 1), Tick{})
        .at(seconds(i + 1), AddressRead{AddressState::other, "10.0.0.7"});
    CHECK_FALSE(t.has<EndAgent>());
    CHECK_FALSE(t.has<Reload>());
    if (t.has<Say>()) ++said;
  }
  CHECK(said == 1);
}

TEST_CASE("news of the host while the addresses are read: they are read once more") {
  Story s;
  s.serving().at(seconds(5), HostChanged{}).at(seconds(6), Tick{});
  REQUIRE(s.has<ReadAddress>());
  s.at(seconds(7), HostChanged{}).at(seconds(8), Tick{});
  CHECK_FALSE(s.has<ReadAddress>());
  s.at(seconds(9), AddressRead{AddressState::gone, "no address"});
  CHECK(s.has<ReadAddress>());
  CHECK_FALSE(s.life.address.missing);  // what was read is older than the news
  CHECK_FALSE(s.at(seconds(10), AddressRead{AddressState::same, ""}).has<ReadAddress>());
}

TEST_CASE(
    "another address: settings that are being read do not hold it up for good, a refusal is looked at again and told "
    "once") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving();
  s.at(seconds(1), Signal{SignalKind::reload}).at(seconds(1), HostChanged{}).at(seconds(2), Tick{});
  CHECK_FALSE(s.at(seconds(2), AddressRead{AddressState::other, "10.0.0.7"}).has<Reload>());
  s.at(seconds(2), Reloaded{ReloadResult::broken, {}, "syntax"});
  for (int round = 0; round < 2; ++round) {
    const Duration now = seconds(6 + 5 * round);
    REQUIRE(s.at(now, Tick{}).has<ReadAddress>());
    REQUIRE(s.at(now, AddressRead{AddressState::other, "10.0.0.7"}).has<Reload>());
    CHECK_FALSE(s.first<Reload>()->settings);
    s.at(now, Reloaded{ReloadResult::broken, {}, "consul validate: exit code 1", {}, "", false});
    CHECK(s.has<Say>() == (round == 0));
  }
}

TEST_CASE("another address is taken when it has been the one for bind.settle, and the node's own nowhere to be seen") {
  Story s;
  s.serving();
  const auto news = [&](int at, AddressState state, const char* text) {
    s.at(seconds(at), HostChanged{}).at(seconds(at) + address_looked_at, Tick{});
    REQUIRE(s.has<ReadAddress>());
    s.at(seconds(at) + address_looked_at, AddressRead{state, text, "10.0.0.5"});
  };
  news(10, AddressState::other, "10.0.0.7");
  CHECK_FALSE(s.has<Reload>());
  CHECK(s.life.address.missing == "10.0.0.5 is gone (10.0.0.7 would be taken)");
  news(12, AddressState::same, "");
  CHECK_FALSE(s.life.address.missing);
  news(14, AddressState::other, "10.0.0.7");
  news(16, AddressState::other, "10.0.0.8");  // another one still
  news(18, AddressState::gone, "no address");
  news(20, AddressState::other, "10.0.0.8");
  CHECK(s.life.address.lost == 2);
  const Duration settled = seconds(25) + address_looked_at;
  CHECK(next_wake(s.life) <= Time(settled));
  CHECK_FALSE(s.at(settled - milliseconds(1), Tick{}).has<ReadAddress>());
  REQUIRE(s.at(settled, Tick{}).has<ReadAddress>());
  REQUIRE(s.at(settled, AddressRead{AddressState::other, "10.0.0.8"}).has<Reload>());
  s.at(settled, Reloaded{ReloadResult::restart, {}, "bind_addr", {"n1", "id-1", "10.0.0.8"}, "", false});
  CHECK(s.has<EndAgent>());
  CHECK_FALSE(s.life.address.missing);
  CHECK_FALSE(s.life.address.settling);
}

TEST_CASE("an address that is found again, in a reading that news have overtaken, has settled on nothing") {
  Story s;
  s.serving().at(seconds(10), HostChanged{}).at(seconds(11), Tick{});
  s.at(seconds(11), AddressRead{AddressState::other, "10.0.0.7"}).at(seconds(12), HostChanged{});
  s.at(seconds(13), Tick{}).at(seconds(13), HostChanged{}).at(seconds(14), Tick{});
  s.at(seconds(14), AddressRead{AddressState::same, ""});
  REQUIRE(s.has<ReadAddress>());
  s.at(seconds(17), AddressRead{AddressState::other, "10.0.0.7"});
  CHECK_FALSE(s.has<Reload>());
}

TEST_CASE("an address that is found while a move is being prepared: the node stays") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving()
      .at(seconds(5), HostChanged{})
      .at(seconds(6), Tick{})
      .at(seconds(6), AddressRead{AddressState::other, "10.0.0.7"});
  REQUIRE(s.has<Reload>());
  s.at(seconds(6), HostChanged{}).at(seconds(7), Tick{}).at(seconds(7), AddressRead{AddressState::same, ""});
  s.at(seconds(8), Reloaded{ReloadResult::restart, {}, "bind_addr", {"n1", "id-1", "10.0.0.7"}, "", false});
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<EndAgent>());
  REQUIRE(s.has<Reload>());
  CHECK_FALSE(s.first<Reload>()->moves);
}

TEST_CASE("a host that can't be looked at: all stays as it is, told once, and it is looked at again each minute") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving().at(seconds(5), HostChanged{}).at(seconds(6), Tick{});
  REQUIRE(s.has<ReadAddress>());
  s.at(seconds(6), AddressRead{AddressState::unknown, "no buffer space"});
  CHECK(s.has<Say>());
  CHECK(s.life.address.unseen == "no buffer space");
  s.at(seconds(6) + address_looked_at_again, Tick{});
  REQUIRE(s.has<ReadAddress>());
  s.at(seconds(67), AddressRead{AddressState::unknown, "no buffer space"});
  CHECK_FALSE(s.has<Say>());
  s.at(seconds(130), Tick{}).at(seconds(130), AddressRead{AddressState::other, "10.0.0.7"});
  CHECK(s.has<Reload>());  // what has changed unheard is found
  CHECK_FALSE(s.life.address.unseen);
}
