// New settings, on trial and taken back: life/reloading.hpp.
#include "life_story.hpp"

#include <csignal>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Reloaded restart_needed{ReloadResult::restart, {}, "new settings: recursors", node, "recursors"};

// A node that serves and whose agent is replaced because of new settings; the next one has just been launched.
Story on_trial() {
  Story s;
  s.serving();
  Reloaded news = restart_needed;
  news.rules.linger = seconds(3);
  news.own.id = "id-2";
  s.at(seconds(1), Signal{SignalKind::reload}).at(seconds(2), news);
  REQUIRE(s.has<Adopt>());
  CHECK(s.first<Adopt>()->keep);
  CHECK_FALSE(s.first<Adopt>()->reload);
  s.at(seconds(3), AgentEnded{1, 0});
  REQUIRE(s.has<Launch>());
  CHECK(s.life.reloading.in_force.own.id == "id-2");
  return s;
}

}  // namespace

TEST_CASE(
    "settings on trial: an agent that ends before its API has answered is followed at once by one with those before") {
  Story s = on_trial();
  s.at(seconds(3), Launched{43}).at(milliseconds(3070), AgentEnded{1, 0});
  REQUIRE(s.has<GoBack>());
  const Problem& why = s.first<GoBack>()->why;
  CHECK(why.exit == Exit::config);
  CHECK(why.why == "with the new settings (recursors) it did not start: exit code 1");
  CHECK(s.has<Launch>());
  CHECK(s.life.reloading.in_force.own == node);
  CHECK(s.life.reloading.in_force.rules == Rules{});
  CHECK(s.life.supervisor.deaths == 0);
  CHECK(s.life.reloading.results[static_cast<std::size_t>(ReloadResult::broken)] == 1);
  // Nothing is gone back to a second time.
  s.at(milliseconds(3080), Launched{44}).at(milliseconds(3150), AgentEnded{1, 0});
  CHECK_FALSE(s.has<GoBack>());
  CHECK(s.life.supervisor.deaths == 1);
}

TEST_CASE(
    "settings on trial: one that can't be launched with them, or is hung, counts as well; one that was replaced does "
    "not") {
  Story s = on_trial();
  s.at(seconds(3), LaunchFailed{Problem{"agent", "no", "", Exit::cannot_execute}});
  CHECK(s.has<GoBack>());
  CHECK(s.has<Launch>());

  s = on_trial();
  s.at(seconds(3), Launched{43});
  Duration now = seconds(3);
  while (!s.has<EndAgent>() && now < minutes(2))
    s.at(now += seconds(1), Probed{2, ProbeAnswer::silent, 0}).at(now, Tick{});
  CHECK(s.at(now, AgentEnded{-1, SIGKILL}).has<GoBack>());

  s = on_trial();
  s.at(seconds(3), Launched{43}).at(seconds(4), Signal{SignalKind::restart}).at(seconds(5), AgentEnded{1, 0});
  CHECK_FALSE(s.has<GoBack>());
  CHECK(s.at(seconds(5), Launched{44}).at(seconds(5), AgentEnded{1, 0}).has<GoBack>());
}

TEST_CASE("settings on trial: an agent that answers ends the trial, and its later death is one as ever") {
  Story s = on_trial();
  s.at(seconds(3), Launched{43}).at(seconds(4), Probed{2, ProbeAnswer::no_leader, 0});
  CHECK(s.has<Forget>());
  s.at(seconds(5), AgentEnded{1, 0});
  CHECK_FALSE(s.has<GoBack>());
  CHECK(s.life.reloading.in_force.own.id == "id-2");
}

TEST_CASE(
    "settings on trial: there is nothing to go back to before an agent has answered, and no way back to an address") {
  Story s;
  s.launched().at(seconds(1), Signal{SignalKind::reload}).at(seconds(2), restart_needed);
  CHECK_FALSE(s.first<Adopt>()->keep);
  Story t;
  t.serving();
  Reloaded moved{ReloadResult::restart, {}, "bind_addr", {"n1", "id-1", "10.0.0.7"}, "bind_addr", false};
  t.at(seconds(1), HostChanged{}).at(seconds(2), Tick{}).at(seconds(2), AddressRead{AddressState::other, "10.0.0.7"});
  t.at(seconds(2), moved);
  REQUIRE(t.has<Adopt>());
  CHECK_FALSE(t.first<Adopt>()->keep);
}

TEST_CASE("new settings: what the running agent refuses to reload is taken back") {
  Story s;
  s.serving();
  Reloaded news{ReloadResult::reloaded, {}, "new settings, taken: log_level", node, "log_level"};
  s.at(seconds(11), Signal{SignalKind::reload}).at(seconds(12), news);
  REQUIRE(s.has<Adopt>());
  CHECK(s.first<Adopt>()->reload);
  CHECK(s.life.reloading.work.running);
  s.at(seconds(13), AgentReloaded{1, "500"});
  REQUIRE(s.has<GoBack>());
  CHECK(s.first<GoBack>()->why.why == "500");
  CHECK_FALSE(s.life.reloading.work.running);
  CHECK_FALSE(s.has<EndAgent>());
  s.at(seconds(14), Signal{SignalKind::reload}).at(seconds(15), news).at(seconds(16), AgentReloaded{1, ""});
  CHECK(s.has<Forget>());
}

TEST_CASE("new settings: the running agent is told of them once its full sync is over") {
  const Reloaded news{ReloadResult::reloaded, {}, "new settings, taken: log_level", node, "log_level"};
  Story s;
  s.serving().at(seconds(1), Signal{SignalKind::reload}).at(seconds(1), news);
  REQUIRE((s.has<Forget>() && !s.has<Adopt>()));
  CHECK(LifeView(s.life).reloading());  // whoever has asked waits for it
  const Time synced = s.life.joining.synced().value();
  const auto just = [&](Duration later) { return (synced + later).time_since_epoch(); };
  SECTION("and they are read anew then") {
    CHECK_FALSE(s.at(just(milliseconds(-1)), Tick{}).has<Reload>());
    REQUIRE(s.at(just({}), Tick{}).has<Reload>());
    CHECK(s.first<Reload>()->settings);
    s.at(just(milliseconds(5)), news);
    REQUIRE(s.has<Adopt>());
    CHECK(s.first<Adopt>()->reload);
    s.at(just(milliseconds(9)), AgentReloaded{1, ""});
    CHECK_FALSE(LifeView(s.life).reloading());
  }
  SECTION("others that come meanwhile are read with them, once") {
    CHECK_FALSE(s.at(seconds(2), SettingsChanged{}).has<Reload>());
    REQUIRE(s.at(just({}), Tick{}).has<Reload>());
    s.at(just(milliseconds(5)), news).at(just(milliseconds(9)), AgentReloaded{1, ""});
    CHECK_FALSE((s.has<Reload>() || LifeView(s.life).reloading()));
  }
  SECTION("an agent that ends does not have them wait") {
    REQUIRE(s.at(seconds(2), AgentEnded{1, 0}).has<Reload>());
    s.at(seconds(2), news);
    REQUIRE(s.has<Adopt>());
    CHECK_FALSE(s.first<Adopt>()->reload);
  }
  SECTION("a stop does not wait for them") {
    s.at(seconds(2), Signal{SignalKind::terminate});
    CHECK_FALSE(s.life.reloading.work.running);
    CHECK_FALSE(s.at(just({}), Tick{}).has<Reload>());
  }
  SECTION("what the agent has no part in does not wait") {
    Story t;
    t.serving().at(seconds(1), Signal{SignalKind::reload});
    CHECK(t.at(seconds(1), Reloaded{ReloadResult::services, {}, "", node, "services"}).has<Adopt>());
  }
}

TEST_CASE(
    "new settings: what the running agent refuses to reload is taken back, too, where the address alone was looked "
    "at") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving().at(seconds(11), HostChanged{}).at(seconds(12), Tick{});
  s.at(seconds(12), AddressRead{AddressState::other, "10.0.0.7"});
  REQUIRE(s.has<Reload>());
  // It has come back meanwhile, and the content of a file with a certificate is another.
  s.at(seconds(12), Reloaded{ReloadResult::reloaded, {}, "new settings, taken: cert_file", node, "cert_file", false});
  REQUIRE(s.has<Adopt>());
  CHECK(s.first<Adopt>()->keep);
  s.at(seconds(13), AgentReloaded{1, "500"});
  REQUIRE(s.has<GoBack>());
  CHECK(s.first<GoBack>()->why.why == "500");
}

TEST_CASE("new settings: a stop ends with those it began with") {
  Rules rules;
  rules.pre_stop = {OnFailure::ignore};
  Story s(rules);
  s.serving();
  s.at(seconds(20), Signal{SignalKind::reload}).at(seconds(21), Signal{SignalKind::terminate});
  Reloaded news = restart_needed;  // without a hook, with another id
  news.own.id = "id-2";
  s.at(seconds(22), news);
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  CHECK(s.life.reloading.in_force.own == node);
  CHECK(s.has<RunHook>());  // what the stop had waited for is over
}

TEST_CASE("new settings: what was compared with settings that are gone back from is read once more") {
  Story s = on_trial();
  s.at(seconds(3), Launched{43}).at(seconds(3), Signal{SignalKind::reload});
  s.at(seconds(4), AgentEnded{1, 0});
  REQUIRE(s.has<GoBack>());
  s.at(seconds(5), Reloaded{ReloadResult::unchanged, {}, "", {"n1", "id-2", "10.0.0.5"}});
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  CHECK(s.has<Reload>());
}

TEST_CASE("new settings: what changes while an address is looked at that turns out to be there is read with it") {
  Rules at_once;
  at_once.bind_settle = {};
  Story s(at_once);
  s.serving().at(seconds(11), HostChanged{}).at(seconds(12), Tick{});
  s.at(seconds(12), AddressRead{AddressState::other, "10.0.0.7"});
  REQUIRE((s.has<Reload>() && !s.first<Reload>()->settings));
  CHECK_FALSE(s.at(seconds(13), SettingsChanged{}).has<Reload>());
  s.at(seconds(13), HostChanged{}).at(seconds(14), Tick{}).at(seconds(14), AddressRead{AddressState::same, ""});
  s.at(seconds(15), Reloaded{ReloadResult::restart, {}, "", {"n1", "id-1", "10.0.0.7"}, "", false});
  REQUIRE((s.has<Forget>() && s.has<Reload>()));
  CHECK(s.first<Reload>()->settings);
  CHECK_FALSE(s.first<Reload>()->moves);
}
