// The node gets another name: its agent leaves under the one that it has, and another one follows.
#include "life_story.hpp"

#include <csignal>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Reloaded renamed{ReloadResult::restart,      {},          "new settings: node_name",
                       {"n9", "id-9", "10.0.0.5"}, "node_name", false};

// The servers' full sync is over; the host's new name has been heard, and the agent has been asked to leave.
Story asked_to_leave(const Rules& rules = {}) {
  Story s(rules);
  s.serving().at(seconds(20), HostRenamed{});
  REQUIRE(s.has<Reload>());
  CHECK_FALSE(s.first<Reload>()->settings);
  s.at(seconds(20), renamed);
  REQUIRE(s.has<AskLeave>());
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  CHECK_FALSE(s.has<EndAgent>());
  return s;
}

// A server has confirmed it, and the agent is being ended.
Story left() {
  Story s = asked_to_leave();
  s.at(milliseconds(20200), Tick{});
  REQUIRE(s.has<LookUpCatalog>());
  s.at(milliseconds(20400), CatalogSeen{1, CatalogAnswer::gone});
  CHECK_FALSE(s.has<EndAgent>());
  s.at(seconds(22), Tick{});
  REQUIRE(s.has<EndAgent>());
  CHECK(s.first<EndAgent>()->signal == SIGKILL);
  return s;
}

}  // namespace

TEST_CASE("renamed: the agent leaves, and the next one has the new name and the id that the leave has set free") {
  Story s = asked_to_leave();
  CHECK_FALSE(ready(s.life));
  CHECK(phase_of(s.life) == Phase::restart);
  CHECK_FALSE(LifeView(s.life).stop());
  CHECK(LifeView(s.life).own().name == "n1");
  s = left();
  CHECK(phase_of(s.life) == Phase::restart);
  s.at(milliseconds(22010), AgentEnded{-1, SIGKILL});
  REQUIRE(s.has<Reload>());
  CHECK(s.first<Reload>()->left);
  CHECK_FALSE(s.first<Reload>()->settings);
  // Under which name is not known yet.
  CHECK_FALSE(s.at(seconds(60), Tick{}).has<Launch>());
  CHECK_FALSE(s.at(seconds(60), Signal{SignalKind::restart}).has<Launch>());
  Reloaded news = renamed;
  news.own.id = "id-1";
  s.at(seconds(61), news);
  CHECK(s.has<Adopt>());
  CHECK(s.has<Launch>());
  CHECK(LifeView(s.life).own() == NodeKey{"n9", "id-1", "10.0.0.5"});
  REQUIRE(s.life.supervisor.last_restart);
  CHECK(s.life.supervisor.last_restart->reason == RestartReason::renamed);
  CHECK(s.life.supervisor.deaths == 0);
}

TEST_CASE("renamed: no pre_stop hook runs, and the policy of a stop does not matter") {
  Rules rules;
  rules.stop_policy = StopPolicy::stay;
  rules.pre_stop = {OnFailure::fail};
  CHECK_FALSE(asked_to_leave(rules).has<RunHook>());
}

TEST_CASE("renamed: what is not confirmed sets no id free, and is told of") {
  Story s = asked_to_leave();
  s.at(seconds(21), LeaveAnswered{1, "500"}).at(seconds(22), Tick{});
  REQUIRE(s.has<EndAgent>());
  REQUIRE(s.has<Say>());
  CHECK(s.first<Say>()->tone == Tone::warn);
  s.at(seconds(23), AgentEnded{-1, SIGKILL});
  REQUIRE(s.has<Reload>());
  CHECK_FALSE(s.first<Reload>()->left);
  // One that ends by itself in its leave is followed all the same.
  s = asked_to_leave();
  s.at(seconds(21), AgentEnded{1, 0});
  REQUIRE(s.has<Reload>());
  CHECK_FALSE(s.first<Reload>()->left);
  CHECK(s.at(seconds(22), renamed).has<Launch>());
}

TEST_CASE("renamed: another reload, a restart and a new address wait for the leave, and are not forgotten") {
  Story s = asked_to_leave();
  for (const SignalKind kind : {SignalKind::reload, SignalKind::restart}) {
    s.at(milliseconds(20100), Signal{kind});
    CHECK_FALSE(s.has<Reload>());
    CHECK_FALSE(s.has<EndAgent>());
  }
  CHECK(LifeView(s.life).reloading());
  s.at(milliseconds(20400), CatalogSeen{1, CatalogAnswer::gone}).at(seconds(22), Tick{});
  s.at(seconds(22), AgentEnded{-1, SIGKILL});
  REQUIRE(s.has<Reload>());
  CHECK(s.first<Reload>()->settings);
  // Broken by now: the node goes on as it was.
  s.at(seconds(23), Reloaded{ReloadResult::broken, {}, "nonsense"});
  CHECK(s.has<Launch>());
  CHECK(LifeView(s.life).own() == node);
}

TEST_CASE("renamed: a stop takes over wherever the leave is, and asks no second time") {
  Story s = asked_to_leave();
  s.at(milliseconds(20300), Signal{SignalKind::terminate});
  CHECK_FALSE(s.has<AskLeave>());
  CHECK(phase_of(s.life) == Phase::leaving);
  s.at(milliseconds(20400), CatalogSeen{1, CatalogAnswer::gone}).at(seconds(22), Tick{});
  s.ended_and_swept({-1, SIGKILL});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
  CHECK(contains(s.end->reason, "confirmed by a server"));

  s = left();
  s.at(milliseconds(22005), Signal{SignalKind::terminate});
  CHECK((!s.has<EndAgent>() || s.first<EndAgent>()->signal == SIGKILL));
  s.ended_and_swept({-1, SIGKILL});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);

  s = left();
  s.at(milliseconds(22005), AgentEnded{-1, SIGKILL}).at(milliseconds(22006), Signal{SignalKind::terminate});
  s.at(milliseconds(22007), ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
  CHECK(contains(s.end->reason, "confirmed by a server"));
}

TEST_CASE("renamed: an agent that has never answered is known to nobody, and has nothing to leave") {
  Story s;
  s.launched().at(seconds(1), HostRenamed{}).at(seconds(1), renamed);
  CHECK(s.has<Adopt>());
  CHECK_FALSE(s.has<AskLeave>());
  CHECK(s.has<EndAgent>());
}

TEST_CASE("renamed: while settings are being prepared they are so once more; before there are any, at once") {
  Story s;
  s.serving().at(seconds(20), Signal{SignalKind::reload}).at(seconds(20), HostRenamed{});
  CHECK_FALSE(s.has<Reload>());
  CHECK(s.at(seconds(21), Reloaded{ReloadResult::unchanged, {}, "", node}).has<Reload>());
  Story t;
  t.at({}, Begin{}).at({}, PrepareFailed{Problem{"node.name", "none", "", Exit::retry}});
  CHECK(t.at(seconds(1), HostRenamed{}).has<Prepare>());
}
