// Stories of a life, told event by event: what users see at each turn. The laws are the walk's (tests/walk).
#include "decide/life.hpp"

#include "test.hpp"

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const NodeKey node{"n1", "id-1", "10.0.0.5"};

// A dead member at the node's own address, and one that is alive there.
Claim dead() {
  Claim claim;
  claim.name = "old";
  claim.state = "failed";
  claim.prune = claim.deregister = true;
  return claim;
}
Claim alive() {
  Claim claim;
  claim.name = "other";
  claim.state = "alive";
  return claim;
}

class Story {
 public:
  explicit Story(const Rules& rules = {}) : life(new_life(rules, 7)) {}

  Story& at(Duration since_start, Happening what) {
    now = Time(since_start);
    effects = step(life, {now, std::move(what)});
    for (const Effect& effect : effects) {
      if (const auto* quit = std::get_if<Quit>(&effect)) end = *quit;
    }
    return *this;
  }

  template <class E>
  const E* first() const {
    for (const Effect& effect : effects) {
      if (const auto* found = std::get_if<E>(&effect)) return found;
    }
    return nullptr;
  }
  template <class E>
  bool has() const {
    return first<E>() != nullptr;
  }

  Story& launched() { return at({}, Begin{}).at({}, Prepared{life.rules, node, false}).at({}, Launched{42}); }
  Story& serving() {
    launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
    at(milliseconds(75), CatalogSeen{1, CatalogAnswer::registered});
    REQUIRE(ready(life));
    return *this;
  }
  // Until the agent has been asked to leave, at ten seconds.
  Story& leaving() {
    serving().at(seconds(10), Signal{SignalKind::terminate});
    REQUIRE(has<AskLeave>());
    return *this;
  }
  Story& ended_and_swept(const AgentEnded& how) {
    return at(now.time_since_epoch(), how).at(now.time_since_epoch(), ChildrenGone{});
  }

  Life life;
  Time now{};
  std::vector<Effect> effects;
  std::optional<Quit> end;
};

}  // namespace

TEST_CASE("a healthy life: prepare, launch, join, register, serve, leave") {
  Story s;
  CHECK(s.at({}, Begin{}).has<Prepare>());
  CHECK(s.at({}, Prepared{Rules{}, node, false}).first<Launch>()->launch == 1);
  CHECK(s.at({}, Launched{42}).has<Probe>());
  CHECK_FALSE(s.at(milliseconds(50), Probed{1, ProbeAnswer::no_leader, 0}).has<SendServices>());
  CHECK(s.at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).has<SendServices>());
  CHECK(s.at(milliseconds(65), ServicesSent{1, ""}).has<LookUpCatalog>());
  CHECK_FALSE(ready(s.life));
  s.at(milliseconds(70), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(ready(s.life));
  CHECK(s.at(seconds(10), Signal{SignalKind::terminate}).has<AskLeave>());
  CHECK_FALSE(ready(s.life));
  CHECK(s.at(milliseconds(10200), Tick{}).has<LookUpCatalog>());
  s.at(milliseconds(10600), CatalogSeen{1, CatalogAnswer::gone});
  CHECK_FALSE(s.at(milliseconds(11500), Tick{}).has<EndAgent>());
  CHECK(s.at(milliseconds(11600), Tick{}).first<EndAgent>()->signal == SIGKILL);
  s.ended_and_swept({-1, SIGKILL});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
}

TEST_CASE("TERM before anything was started ends at once, with nothing to leave") {
  Story s;
  s.at({}, Begin{}).at({}, PrepareFailed{Problem{"bind.interface", "none", "add one", Exit::retry}});
  s.at(seconds(1), Signal{SignalKind::terminate}).at(seconds(1), ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::ok);
}

TEST_CASE("no address within bind.wait: try again later; a host that can't work: no retry") {
  Story s;
  const Problem none{"bind.interface", "no address", "add one", Exit::retry};
  s.at({}, Begin{}).at({}, PrepareFailed{none}).at(seconds(20), HostChanged{});
  CHECK(s.has<Prepare>());
  s.at(seconds(20), PrepareFailed{none}).at(seconds(60), Tick{}).at(seconds(60), ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::retry);
  CHECK(s.end->reason == to_string(none));

  Story hopeless;
  hopeless.at({}, Begin{})
      .at({}, PrepareFailed{Problem{"agent.user", "no such user", "create it"}})
      .at({}, ChildrenGone{});
  REQUIRE(hopeless.end);
  CHECK(hopeless.end->exit == Exit::config);
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
    CHECK(unconfirmed == (row.expected != Exit::ok && !s.life.stop->came_back));
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
    CHECK(s.life.stop->confirmed);
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
  stay.leave = false;
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

TEST_CASE("an agent that goes on after TERM is told again, soon, and killed only after three seconds, in one line") {
  struct Row {
    const char* name;
    bool leave;
    SignalKind why;
  };
  for (const Row& row :
       {Row{"a stop that stays", false, SignalKind::terminate}, {"a restart", true, SignalKind::restart}}) {
    CAPTURE(row.name);
    Rules rules;
    rules.leave = row.leave;
    Story s(rules);
    s.serving().at(seconds(10), Signal{row.why});
    REQUIRE(s.first<EndAgent>()->signal == SIGTERM);
    int terms = 0, lines = 0;
    std::optional<Time> killed;
    while (!killed || s.now < *killed + seconds(2)) {
      REQUIRE(next_wake(s.life));
      s.at(next_wake(s.life)->time_since_epoch(), Tick{});
      for (const Effect& effect : s.effects) {
        const auto* said = std::get_if<Say>(&effect);
        if (said && said->text == "killing the agent") ++lines;
        const auto* end = std::get_if<EndAgent>(&effect);
        if (!end) continue;
        if (terms++ == 0) CHECK(s.now <= Time(seconds(10) + milliseconds(400)));
        if (end->signal == SIGKILL && !killed) killed = s.now;
        CHECK((end->signal == SIGKILL) == killed.has_value());
      }
    }
    CHECK(*killed == Time(seconds(13)));
    CHECK(lines == 1);
  }
}

TEST_CASE("a reload that is under way when the stop comes is over before the agent is asked to leave") {
  Story s;
  s.serving().at(seconds(10), Signal{SignalKind::reload});
  REQUIRE(s.has<Reload>());
  SECTION("as soon as it is over") {
    CHECK_FALSE(s.at(seconds(11), Signal{SignalKind::terminate}).has<AskLeave>());
    CHECK_FALSE(s.at(seconds(12), Probed{1, ProbeAnswer::leader, 3}).has<AskLeave>());
    CHECK(s.at(seconds(13), Reloaded{ReloadResult::reloaded, s.life.rules, "", node}).has<AskLeave>());
    CHECK_FALSE(s.at(seconds(14), Signal{SignalKind::reload}).has<Reload>());
  }
  SECTION("or can't be waited for any longer") {
    s.at(seconds(11), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(seconds(11) + settle_limit - milliseconds(1), Tick{}).has<AskLeave>());
    CHECK(s.at(seconds(11) + settle_limit, Tick{}).has<AskLeave>());
  }
}

TEST_CASE("backoff doubles up to its bound with a fifth of jitter, and lictor gives up only before it was ever ready") {
  Rules rules;
  rules.give_up_after = 9;
  Story s(rules);
  s.at({}, Begin{}).at({}, Prepared{rules, node, false});
  Duration now{};
  for (int death = 1; death < 9; ++death) {
    s.at(now, Launched{42}).at(now, AgentEnded{1, 0});
    const auto wait = std::chrono::duration_cast<milliseconds>(*next_wake(s.life) - s.now);
    const auto plain = std::min<milliseconds>(milliseconds(100) * (1 << (death - 1)), seconds(30));
    CAPTURE(death, wait.count());
    CHECK(wait >= plain * 8 / 10);
    CHECK(wait <= plain * 12 / 10);
    now += wait;
    CHECK(s.at(now, Tick{}).has<Launch>());
  }
  s.at(now, Launched{42}).at(now, AgentEnded{3, 0}).at(now, ChildrenGone{});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::retry);
  CHECK(s.end->reason.find("exit code 3") != std::string::npos);
}

TEST_CASE("a child that never became the agent ends a life that was never ready, and costs a later one a launch") {
  const Problem missing{"/usr/bin/consul", "execute: no loader", "install it", Exit::not_found};
  Story first;
  first.launched().at({}, AgentEnded{127, 0, missing}).at({}, ChildrenGone{});
  REQUIRE(first.end);
  CHECK(first.end->exit == Exit::not_found);
  CHECK(first.end->reason == to_string(missing));

  Story later;
  later.serving().at(seconds(1), AgentEnded{1, 0}).at(seconds(2), Tick{}).at(seconds(2), Launched{43});
  later.at(seconds(2), AgentEnded{127, 0, missing});
  REQUIRE(later.has<Say>());
  CHECK(later.first<Say>()->text == to_string(missing));
  CHECK(later.life.phase == Phase::launch);
  CHECK(later.life.deaths == 2);
  // The restart after the first death is one; this was none.
  CHECK(later.life.tally.restarts[static_cast<std::size_t>(RestartReason::died)] == 1);
}

TEST_CASE("after a minute of serving earlier deaths are forgotten") {
  Story s;
  s.serving().at(seconds(1), AgentEnded{1, 0}).at(milliseconds(1130), Tick{});
  s.at(milliseconds(1130), Launched{43}).at(milliseconds(1200), Probed{2, ProbeAnswer::leader, 3});
  s.at(milliseconds(1200), ServicesSent{2, ""}).at(milliseconds(1200), CatalogSeen{2, CatalogAnswer::registered});
  s.at(seconds(62), AgentEnded{1, 0});
  CHECK(s.life.deaths == 1);
}

TEST_CASE("an agent silent for watch.hung_after is killed and started anew") {
  Story s;
  s.serving();
  s.at(milliseconds(15060), Tick{});
  REQUIRE(s.has<Probe>());
  // Asked first at 15.06 s: before, it had no chance to be silent.
  CHECK_FALSE(s.at(seconds(31), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  REQUIRE(s.at(seconds(32), Tick{}).has<Probe>());
  CHECK_FALSE(s.at(milliseconds(45000), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  SECTION("an answer ends the silence") {
    s.at(milliseconds(45010), Tick{}).at(milliseconds(45050), Probed{1, ProbeAnswer::leader, 3});
    s.at(seconds(61), Tick{});
    CHECK_FALSE(s.at(seconds(62), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  }
  SECTION("no answer ends the agent") {
    s.at(milliseconds(45010), Tick{});
    CHECK(s.at(milliseconds(45060), Probed{1, ProbeAnswer::silent, 0}).first<EndAgent>()->signal == SIGKILL);
    s.at(milliseconds(45070), AgentEnded{-1, SIGKILL});
    CHECK(s.at(milliseconds(45300), Tick{}).has<Launch>());
  }
}

TEST_CASE("an agent that ends each connection without an answer is told of, once, and left alone") {
  const auto told = [](const Story& s) {
    return std::count_if(s.effects.begin(), s.effects.end(), [](const Effect& effect) {
      const auto* say = std::get_if<Say>(&effect);
      return say && say->tone == Tone::warn && say->text.find("without an answer") != std::string::npos;
    });
  };
  for (const bool was_ready : {false, true}) {
    CAPTURE(was_ready);
    Story s;
    was_ready ? s.serving() : s.launched();
    const Duration began = seconds(16);
    int said = 0, asked = 0;
    for (Time now(began); now < Time(was_ready ? minutes(5) : minutes(60));) {
      s.at(now.time_since_epoch(), Tick{});
      CHECK_FALSE((s.has<EndAgent>() || s.has<Launch>() || s.end));
      if (s.life.agent->probing) {
        ++asked;
        s.at(now.time_since_epoch(), Probed{1, ProbeAnswer::closed, 0});
        CHECK_FALSE((s.has<EndAgent>() || s.end));
        said += static_cast<int>(told(s));
        CHECK(ready(s.life) == (was_ready && now < Time(began + closing_limit)));
      }
      if (s.life.agent->joining) s.at(now.time_since_epoch(), Joined{1});
      now = std::max(now + milliseconds(1), *next_wake(s.life));
    }
    CHECK(said == 1);
    CHECK(asked < 10000);  // two each second
    // It has not answered as an agent that can start does.
    CHECK(s.life.agent->answered.has_value() == was_ready);
  }
}

TEST_CASE("an agent whose API opens only once a server has signed its certificate is not hung before that") {
  Rules rules;
  rules.api_after_join = true;
  Story s(rules);
  s.launched();
  for (int i = 1; i < 20; ++i) {
    s.at(minutes(i), Tick{});
    CHECK_FALSE(s.at(minutes(i), Probed{1, ProbeAnswer::silent, 0}).has<EndAgent>());
  }
  s.at(minutes(20), Probed{1, ProbeAnswer::no_leader, 1}).at(minutes(20) + seconds(1), Tick{});
  s.at(minutes(21), Tick{});
  CHECK(s.at(minutes(21), Probed{1, ProbeAnswer::silent, 0}).first<EndAgent>()->signal == SIGKILL);
}

TEST_CASE("an agent without a leader is told to join, again and again, not in step with others") {
  Story s;
  s.launched().at(seconds(1), Probed{1, ProbeAnswer::no_leader, 1});
  CHECK_FALSE(s.at(seconds(1) + join_at_least - milliseconds(1), Tick{}).has<Join>());
  REQUIRE(s.at(seconds(1) + join_at_most, Tick{}).has<Join>());
  s.at(seconds(3), Probed{1, ProbeAnswer::no_leader, 1});
  CHECK_FALSE(s.at(seconds(9), Tick{}).has<Join>());  // the answer is still outstanding
  s.at(seconds(10), Probed{1, ProbeAnswer::no_leader, 1});
  CHECK(s.at(seconds(10), Joined{1}).has<Probe>());  // it may have worked
  CHECK(s.at(seconds(10) + join_at_most, Tick{}).has<Join>());
  s.at(seconds(12), Joined{1}).at(seconds(12), Probed{1, ProbeAnswer::leader, 3});
  CHECK_FALSE(s.at(seconds(14), Tick{}).has<Join>());
  const auto first_join = [](std::uint64_t seed) {
    Life life = new_life({}, seed);
    step(life, {Time(), Begin{}});
    step(life, {Time(), Prepared{life.rules, node, false}});
    step(life, {Time(), Launched{42}});
    step(life, {Time(), Probed{1, ProbeAnswer::no_leader, 1}});
    return *life.agent->join_at;
  };
  CHECK(first_join(1) != first_join(2));
}

TEST_CASE("an agent that has joined and knew no leader for watch.rejoin_after is replaced without leaving, once") {
  Rules rules;
  rules.rejoin_after = seconds(60);
  Story s(rules);
  s.serving().at(seconds(10), Probed{1, ProbeAnswer::no_leader, 3}).at(seconds(40), Probed{1, ProbeAnswer::leader, 3});
  s.at(seconds(50), Probed{1, ProbeAnswer::no_leader, 3});
  CHECK_FALSE(s.at(seconds(109), Probed{1, ProbeAnswer::no_leader, 3}).has<EndAgent>());
  SECTION("zero: never") {
    s.life.rules.rejoin_after = {};
    CHECK_FALSE(s.at(seconds(900), Probed{1, ProbeAnswer::no_leader, 3}).has<EndAgent>());
  }
  SECTION("a stop is under way: its business") {
    s.at(seconds(109), Signal{SignalKind::terminate}).at(seconds(110), Probed{1, ProbeAnswer::no_leader, 3});
    CHECK_FALSE((s.has<EndAgent>() || s.has<Launch>()));
  }
  SECTION("the new agent has not joined: its retry_join never stops looking") {
    CHECK(s.at(seconds(110), Probed{1, ProbeAnswer::no_leader, 3}).first<EndAgent>()->signal == SIGTERM);
    CHECK(s.at(seconds(111), AgentEnded{1, 0}).first<Launch>()->launch == 2);
    s.at(seconds(111), Launched{43}).at(seconds(112), Probed{2, ProbeAnswer::no_leader, 1});
    CHECK_FALSE(s.at(seconds(900), Probed{2, ProbeAnswer::no_leader, 1}).has<EndAgent>());
  }
}

TEST_CASE("what the catalog has shown and lacks now is sent again at once, also where the agent has lost nothing") {
  Story s;
  s.serving().at(seconds(70), Tick{});
  CHECK(s.first<SendServices>()->what == Sending::difference);
  s.at(seconds(70), ServicesSent{1, "", false, false}).at(seconds(70), CatalogSeen{1, CatalogAnswer::gone});
  CHECK_FALSE(ready(s.life));
  REQUIRE(s.has<SendAgain>());
  CHECK(s.first<SendAgain>()->seen);
  CHECK(s.at(milliseconds(70010), SentAgain{1, ""}).has<LookUpCatalog>());
  CHECK(ready(s.at(milliseconds(70020), CatalogSeen{1, CatalogAnswer::registered}).life));
  // And once more.
  s.at(seconds(140), Tick{}).at(seconds(140), ServicesSent{1, "", false, false});
  CHECK(s.at(seconds(140), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
}

TEST_CASE(
    "what the agent has only just taken is given a second to come to the catalog; taken in vain, it is sent less and "
    "less") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  CHECK_FALSE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  CHECK_FALSE(s.at(milliseconds(1060), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  REQUIRE(s.at(milliseconds(1070), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  s.at(milliseconds(1080), SentAgain{1, ""});
  Time last = s.now;
  Duration before{};
  for (int ms = 1100; ms < 60000; ms += 100) {
    if (!s.at(milliseconds(ms), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>()) continue;
    CHECK(s.now - last >= std::max<Duration>(before, on_its_way));
    before = s.now - last;
    last = s.now;
    s.at(milliseconds(ms), SentAgain{1, ""});
  }
  CHECK(before >= seconds(10));
}

TEST_CASE(
    "while an agent may be waiting for a full sync, it is made to send what it has; afterwards, and in a stop, it is "
    "not") {
  const auto flushes_until = [](Story& s, seconds end) {
    int flushes = 0;
    for (int turns = 0; turns < 1000; ++turns) {
      const Time next = next_wake(s.life).value_or(Time::max());
      if (next > Time(end)) return flushes;
      const bool flush = s.at(next.time_since_epoch(), Tick{}).has<Flush>();
      flushes += flush;
      CHECK((!flush || s.first<Flush>()->anew == (flushes == 1)));
      if (flush) s.at(next.time_since_epoch(), Flushed{1});
      if (s.has<SendServices>()) s.at(next.time_since_epoch(), ServicesSent{1, "", false, false});
      if (s.has<LookUpCatalog>()) s.at(next.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered});
    }
    FAIL("the life wakes up all the time");
    return flushes;
  };
  Story s;
  s.serving();
  SECTION("3 s, and up to 30 s more where that full sync fell into a registration") {
    CHECK(flushes_until(s, seconds(34)) == 66);
    CHECK(flushes_until(s, seconds(50)) == 0);
    // A registration pauses it, too, and so does a reload.
    s.at(seconds(50), Signal{SignalKind::reload})
        .at(seconds(50), Reloaded{ReloadResult::services, s.life.rules, "", node});
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
    s.at(seconds(1), Probed{1, ProbeAnswer::leader, 3}).at(seconds(1), ServicesSent{1, "", false, false});
    CHECK(s.at(milliseconds(1600), Tick{}).has<Flush>());
    s.at(milliseconds(1600), Flushed{1}).at(milliseconds(1700), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(milliseconds(2200), Tick{}).has<Flush>());
  }
}

TEST_CASE("what an agent has kept from one before is sent as soon as the catalog is seen without it") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  s.at(milliseconds(70), ServicesSent{1, "", false, false});
  REQUIRE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  // Where the agent itself lacks something, that comes first.
  CHECK(s.at(milliseconds(90), SentAgain{1, "", false, true}).first<SendServices>()->what == Sending::difference);
}

TEST_CASE(
    "an agent that follows a registered one takes the services while it joins; what the catalog lacks is sent then") {
  const auto taken = [](CatalogAnswer shown) {
    Story s;
    s.serving().at(seconds(20), AgentEnded{-1, SIGKILL}).at(seconds(21), Tick{}).at(seconds(21), Launched{43});
    CHECK(s.at(milliseconds(21060), Probed{2, ProbeAnswer::no_leader, 1}).has<SendServices>());
    CHECK_FALSE(s.at(milliseconds(21062), Probed{2, ProbeAnswer::leader, 3}).has<SendServices>());
    CHECK_FALSE(s.has<Flush>());
    CHECK(s.at(milliseconds(21063), ServicesSent{2, ""}).has<LookUpCatalog>());
    CHECK(s.has<Flush>());  // taken when there was nobody to tell
    return s.at(milliseconds(21064), CatalogSeen{2, shown});
  };
  CHECK(ready(taken(CatalogAnswer::registered).life));
  CHECK(taken(CatalogAnswer::incomplete).has<SendAgain>());
}

TEST_CASE("what a failed look or a hidden catalog does not show is not written there") {
  Rules rules;
  rules.acl = true;
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  CHECK_FALSE(s.at(seconds(2), CatalogSeen{1, CatalogAnswer::failed}).has<SendAgain>());
  REQUIRE(s.at(seconds(3), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  CHECK_FALSE(s.first<SendAgain>()->seen);
  s.at(seconds(3), SentAgain{1, ""});
  CHECK(ready(s.at(seconds(6), CatalogSeen{1, CatalogAnswer::gone}).life));
}

TEST_CASE("what the servers refuse is a problem, asked for again every moment, and there as soon as they let it in") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  REQUIRE(s.at(seconds(2), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  for (int i = 0; i < 20; ++i) {
    s.at(s.now.time_since_epoch(), SentAgain{1, "registering web: Permission denied", true});
    CHECK(s.has<Say>() == (i == 0));  // told of once
    CHECK(s.life.agent->failure == "registering web: Permission denied");
    CHECK(s.at((s.now + refusal_interval).time_since_epoch(), Tick{}).has<LookUpCatalog>());
    s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
    CHECK(s.life.agent->failure == "registering web: Permission denied");
    REQUIRE(s.has<SendAgain>());
  }
  // Another token: what the agent takes by it has been refused before, and it may not know that it has to send it.
  s.at(s.now.time_since_epoch(), SentAgain{1, "registering web: Permission denied", true});
  s.at((s.now + milliseconds(5)).time_since_epoch(), Signal{SignalKind::reload});
  s.at(s.now.time_since_epoch(), Reloaded{ReloadResult::reloaded, {}, "", node, ""});
  REQUIRE(s.at(s.now.time_since_epoch(), AgentReloaded{1, ""}).has<SendServices>());
  s.at(s.now.time_since_epoch(), ServicesSent{1, ""});
  REQUIRE(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  s.at(s.now.time_since_epoch(), SentAgain{1, ""});
  CHECK(ready(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered}).life));
  CHECK(s.life.agent->failure.empty());
}

TEST_CASE("services that the agent does not take: the catalog is looked at all the same, and tells why") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  const NodeKey before{"n1", "id-0", "10.0.0.5"};
  const ServicesSent closed{1, "registering web: read: end of stream"};
  SECTION("a former entry of this node stands in the way") {
    REQUIRE(s.at(milliseconds(70), closed).has<LookUpCatalog>());
    s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, before}).at(milliseconds(600), Tick{});
    REQUIRE(s.at(milliseconds(610), closed).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(620), CatalogSeen{1, CatalogAnswer::taken, before}).first<TakeIdBack>()->id == "id-0");
  }
  SECTION("nothing does: an hour of it is a few lines and ever longer pauses, and no end") {
    int sent = 0, said = 0;
    for (s.at(milliseconds(70), closed); s.now < Time(seconds(3600));) {
      said += s.has<Say>();
      REQUIRE(s.has<LookUpCatalog>());
      s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
      CHECK_FALSE(s.has<SendAgain>());
      REQUIRE(s.life.task_at);
      REQUIRE(s.at(s.life.task_at->time_since_epoch(), Tick{}).has<SendServices>());
      s.at(s.now.time_since_epoch(), closed);
      ++sent;
    }
    CHECK(sent < 900);
    CHECK(said == 1);
    CHECK_FALSE(s.end);
    CHECK(s.life.agent->failure == closed.failure);
    // It takes them at last.
    s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
    REQUIRE(s.at(s.life.task_at->time_since_epoch(), Tick{}).has<SendServices>());
    REQUIRE(s.at(s.now.time_since_epoch(), ServicesSent{1, ""}).has<LookUpCatalog>());
    CHECK(ready(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered}).life));
  }
}

TEST_CASE("a sending that goes on and on: the catalog is looked at beside it, and tells of a former entry in the way") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(s.has<SendServices>());
  CHECK_FALSE(s.at(milliseconds(300), Tick{}).has<LookUpCatalog>());
  CHECK(s.at(milliseconds(310), Tick{}).has<LookUpCatalog>());
  SECTION("what is missing is on its way") {
    s.at(milliseconds(320), CatalogSeen{1, CatalogAnswer::incomplete});
    CHECK(s.effects.empty());
    CHECK(s.at(milliseconds(570), Tick{}).has<LookUpCatalog>());
    // What it shows was asked for before all was sent.
    CHECK_FALSE(s.at(milliseconds(580), ServicesSent{1, ""}).has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(590), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
    CHECK(ready(s.at(milliseconds(600), CatalogSeen{1, CatalogAnswer::registered}).life));
  }
  SECTION("the id is taken back, whatever has been sent by then") {
    const NodeKey former{"n1", "id-0", node.address};
    s.at(milliseconds(320), CatalogSeen{1, CatalogAnswer::taken, former});
    CHECK_FALSE(s.has<TakeIdBack>());
    CHECK(s.at(milliseconds(520), Tick{}).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(560), CatalogSeen{1, CatalogAnswer::taken, former}).first<TakeIdBack>()->id == "id-0");
  }
}

TEST_CASE("an entry cleared away without a member may come back: it is looked for a minute") {
  Story s;
  Claim ghost;
  ghost.name = "old";
  ghost.state = "no member";
  ghost.deregister = true;
  s.serving().at(seconds(1), LookedAround{1, {ghost}, false, ""});
  REQUIRE(s.has<Clear>());
  s.at(seconds(1), Cleared{1, ClearAnswer::cleared, ""});
  s.at(seconds(4), Tick{});
  REQUIRE(s.has<LookAround>());
  s.at(seconds(4), LookedAround{1, {}, false, ""});
  REQUIRE(s.at(seconds(7), Tick{}).has<LookAround>());
  s.at(seconds(7), LookedAround{1, {ghost}, false, ""});
  REQUIRE(s.has<Clear>());
  s.at(seconds(7), Cleared{1, ClearAnswer::cleared, ""});
  for (int at = 10; at < 68; at += 3) {
    CAPTURE(at);
    REQUIRE(s.at(seconds(at), Tick{}).has<LookAround>());
    s.at(seconds(at), LookedAround{1, {}, false, ""});
  }
  CHECK_FALSE(s.at(seconds(72), Tick{}).has<LookAround>());
}

TEST_CASE("services that the catalog keeps although the agent has given them up are told of, once") {
  Story s;
  const CatalogSeen kept{1, CatalogAnswer::registered, {}, {"old"}};
  s.serving().at(seconds(1), Signal{SignalKind::reload});
  s.at(seconds(1), Reloaded{ReloadResult::services, {}, "", node, ""}).at(seconds(1), ServicesSent{1, ""});
  CHECK_FALSE(s.at(seconds(1), kept).has<Say>());  // it may be on its way out
  REQUIRE(s.at(seconds(3), Tick{}).has<SendServices>());
  CHECK(s.at(seconds(3), ServicesSent{1, "", false, false}).at(seconds(3), kept).first<Say>()->fields ==
        Fields{{"services", "old"}});
  CHECK(ready(s.life));
  for (const int at : {4, 64}) {  // the agent's full sync is over, and a minute later
    REQUIRE(s.at(seconds(at), Tick{}).has<SendServices>());
    s.at(seconds(at), ServicesSent{1, "", false, false});
    CHECK_FALSE(s.at(seconds(at), kept).has<Say>());
    CHECK_FALSE(s.at(seconds(at + 50), Tick{}).has<SendServices>());
    CHECK(s.life.agent->left_over.lasts(s.now));
  }
  s.at(seconds(124), Tick{}).at(seconds(124), ServicesSent{1, "", false, false});
  s.at(seconds(124), CatalogSeen{1, CatalogAnswer::registered});
  CHECK_FALSE(s.life.agent->left_over.lasts(s.now));
}

TEST_CASE("new settings send what is news, later looks what the agent lacks") {
  Story s;
  const Reloaded same{ReloadResult::unchanged, {}, "", node, ""};
  REQUIRE(s.serving().at(seconds(1), Signal{SignalKind::reload}).has<Reload>());
  REQUIRE(s.at(seconds(1), same).has<SendServices>());
  CHECK(s.first<SendServices>()->what == Sending::news);
  s.at(seconds(2), ServicesSent{1, ""}).at(seconds(2), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(s.at(seconds(4), Tick{}).first<SendServices>()->what == Sending::difference);
}

TEST_CASE("what was registered is looked at once more when the agent's full sync is over, and then each minute") {
  Story s;
  s.serving();  // its leader is known since 60 ms
  CHECK_FALSE(s.at(milliseconds(3150), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(3160), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(3170), ServicesSent{1, ""}).has<LookUpCatalog>());
  s.at(milliseconds(3180), CatalogSeen{1, CatalogAnswer::registered});
  CHECK_FALSE(s.at(milliseconds(63170), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(63180), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(63190), ServicesSent{1, ""}).has<LookUpCatalog>());
  s.at(milliseconds(63200), CatalogSeen{1, CatalogAnswer::registered});

  SECTION("and where the agent meets its servers anew") {
    s.at(seconds(70), Probed{1, ProbeAnswer::no_leader, 3});
    CHECK(s.at(seconds(80), Probed{1, ProbeAnswer::leader, 3}).has<SendServices>());
    s.at(seconds(80), ServicesSent{1, ""}).at(seconds(80), CatalogSeen{1, CatalogAnswer::registered});
    CHECK_FALSE(s.at(milliseconds(83090), Tick{}).has<SendServices>());
    CHECK(s.at(milliseconds(83100), Tick{}).has<SendServices>());
  }
  SECTION("a stop comes first") {
    s.at(seconds(90), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(milliseconds(90100), Tick{}).has<SendServices>());
  }
}

TEST_CASE("hooks run in order; fail stops the node, retry tries again, ignore goes on") {
  Rules rules;
  rules.post_start = {OnFailure::ignore, OnFailure::retry, OnFailure::fail};
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  CHECK(s.at(milliseconds(60), ServicesSent{1, ""}).first<RunHook>()->index == 0);
  CHECK(s.at(milliseconds(70), HookEnded{1, "exit code 1"}).first<RunHook>()->index == 1);
  CHECK_FALSE(s.at(milliseconds(80), HookEnded{1, "exit code 1"}).has<RunHook>());
  CHECK(s.at(milliseconds(1080), Tick{}).first<RunHook>()->index == 1);
  CHECK(s.at(milliseconds(1090), HookEnded{1, ""}).first<RunHook>()->index == 2);
  s.at(seconds(5), HookEnded{1, "exit code 2"});
  CHECK(s.life.stop.has_value());
  CHECK(s.has<AskLeave>());
}

TEST_CASE("an answer for an agent that is no more changes nothing") {
  Story s;
  s.serving().at(seconds(1), AgentEnded{1, 0}).at(milliseconds(1130), Tick{}).at(milliseconds(1130), Launched{43});
  s.at(milliseconds(1140), Probed{1, ProbeAnswer::leader, 3});
  CHECK_FALSE(s.has<SendServices>());
  CHECK_FALSE(ready(s.life));
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

TEST_CASE("the sync window follows Consul's scale factor") {
  // 3 s; doubled above 128 members, one more for each further doubling; and a tenth of a second for the sync itself.
  for (const auto& [members, scale] : std::initializer_list<std::pair<int, int>>{
           {0, 1}, {3, 1}, {128, 1}, {129, 2}, {256, 2}, {257, 3}, {8192, 7}, {8193, 8}}) {
    CAPTURE(members);
    CHECK(sync_window(members) == scale * seconds(3) + milliseconds(100));
  }
}

TEST_CASE("a name reserved for another id at our own address: the id is taken back and the agent restarted, once") {
  const NodeKey before{"n1", "id-0", "10.0.0.5"};
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  // At first it may be the old entry that a server is just replacing.
  CHECK_FALSE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, before}).has<TakeIdBack>());
  s.at(milliseconds(700), Tick{});
  s.at(milliseconds(700), CatalogSeen{1, CatalogAnswer::taken, before});
  REQUIRE(s.has<TakeIdBack>());
  CHECK(s.first<TakeIdBack>()->id == "id-0");
  CHECK(s.at(milliseconds(710), IdTakenBack{before, ""}).first<EndAgent>()->signal == SIGTERM);
  CHECK(s.at(milliseconds(1700), AgentEnded{1, 0}).first<Launch>()->launch == 2);
  CHECK(s.life.tally.ids_taken_back == 1);

  // Still refused: no second time.
  s.at(milliseconds(1700), Launched{43}).at(milliseconds(1760), Probed{2, ProbeAnswer::leader, 3});
  s.at(milliseconds(1770), ServicesSent{2, ""});
  for (int ms = 1800; ms < 8000; ms += 100) {
    s.at(milliseconds(ms), CatalogSeen{2, CatalogAnswer::taken, {"n1", "id-9", "10.0.0.5"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    s.at(milliseconds(ms + 50), Tick{});
  }
}

TEST_CASE("an id from the settings is never given up for one that the servers know") {
  Rules rules;
  rules.fixed_id = true;
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  for (int ms = 100; ms < 5000; ms += 100) {
    s.at(milliseconds(ms), CatalogSeen{1, CatalogAnswer::taken, {"n1", "id-0", "10.0.0.5"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    s.at(milliseconds(ms + 50), Tick{});
  }
}

TEST_CASE(
    "a name alive elsewhere: quarrels never make lictor give up, the pauses grow, and nothing is left in its name") {
  Rules rules;
  rules.give_up_after = 2;
  Story s(rules);
  s.launched();
  std::int64_t now = 0;
  Duration last{};
  for (int launch = 1; launch <= 6; ++launch) {
    const auto ms = [&now](int more) { return milliseconds(now += more); };
    s.at(ms(60), Probed{launch, ProbeAnswer::leader, 3}).at(ms(10), ServicesSent{launch, ""});
    s.at(ms(10), CatalogSeen{launch, CatalogAnswer::taken, {"n1", "id-7", "10.0.0.9"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    CHECK_FALSE(ready(s.life));
    s.at(ms(3200), Probed{launch, ProbeAnswer::leader, 3, false});
    REQUIRE(s.has<EndAgent>());
    s.at(ms(20), AgentEnded{1, 0});
    REQUIRE_FALSE(s.end);
    const Duration pause = *s.life.deadline - s.now;
    if (launch > 1) CHECK(pause > last);
    last = pause;
    now = std::chrono::ceil<milliseconds>(s.life.deadline->time_since_epoch()).count();
    CHECK(s.at(milliseconds(now), Tick{}).first<Launch>()->launch == launch + 1);
    s.at(milliseconds(now), Launched{50 + launch});
  }
  CHECK(s.life.tally.gossip_shut_down == 6);
  s.at(milliseconds(now + 100), Probed{7, ProbeAnswer::leader, 3}).at(milliseconds(now + 110), ServicesSent{7, ""});
  s.at(milliseconds(now + 120), CatalogSeen{7, CatalogAnswer::taken, {"n1", "id-7", "10.0.0.9"}});
  s.at(milliseconds(now + 200), Signal{SignalKind::terminate});
  for (int i = 1; i < 100 && !s.has<EndAgent>(); ++i) {
    s.at(milliseconds(now + 200 + 100 * i), Tick{});
    REQUIRE_FALSE(s.has<AskLeave>());
  }
  s.ended_and_swept({1, 0});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::incomplete);
  CHECK(s.end->reason.find("10.0.0.9") != std::string::npos);
}

TEST_CASE("claims: the dead are cleared away, the living told of and looked at again, a refusal is not tried again") {
  Story s;
  s.serving();
  REQUIRE(s.has<LookAround>());
  // Seen dead once, it may still be alive in the eyes of others; an entry without a member is no such matter.
  Claim entry = dead();
  entry.name = "entry";
  entry.prune = false;
  s.at(milliseconds(80), LookedAround{1, {dead(), alive(), entry}, false, ""});
  REQUIRE(s.has<Clear>());
  CHECK(s.first<Clear>()->claim == entry);
  CHECK_FALSE(s.at(milliseconds(85), Cleared{1, ClearAnswer::cleared, ""}).has<Clear>());
  CHECK(s.at(milliseconds(80) + look_interval, Tick{}).has<LookAround>());
  s.at(milliseconds(85) + look_interval, LookedAround{1, {dead(), alive()}, false, ""});
  REQUIRE(s.has<Clear>());
  CHECK(s.first<Clear>()->claim == dead());
  CHECK_FALSE(
      s.at(milliseconds(90) + look_interval, Cleared{1, ClearAnswer::forbidden, "operator:write"}).has<Clear>());
  CHECK(s.at(milliseconds(85) + 2 * look_interval, Tick{}).has<LookAround>());
  s.at(milliseconds(90) + 2 * look_interval, LookedAround{1, {dead(), alive()}, false, ""});
  CHECK_FALSE(s.has<Clear>());
  CHECK(s.life.tally.address_claims == 3);
  CHECK(s.life.tally.claims_cleared == 1);
  CHECK(s.life.tally.clearings_refused == 1);
  // Nothing open any more, and what was cleared without a member has had its time to come back: no further looks.
  s.at(milliseconds(85) + wary_for, Tick{});
  s.at(milliseconds(90) + wary_for, LookedAround{1, {}, false, ""});
  CHECK_FALSE(s.life.around_at);
}

TEST_CASE("claims by the hundred thousand: all are counted, some told of by name, and none takes long") {
  constexpr std::size_t many = 200'000;
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < many; ++i) {
    claims.push_back(dead());
    claims.back().name = std::to_string(i);
  }
  const auto said = [](const Story& s, const std::string& text) {
    return std::count_if(s.effects.begin(), s.effects.end(), [&text](const Effect& effect) {
      const auto* say = std::get_if<Say>(&effect);
      return say && say->text.starts_with(text);
    });
  };
  Story s;
  s.serving().at(milliseconds(80), LookedAround{1, claims, false, ""});
  CHECK(s.life.tally.address_claims == many);
  CHECK(said(s, "another node claims") == claims_told);
  CHECK(said(s, "more nodes claim") == 1);
  s.at(milliseconds(80) + look_interval, Tick{});
  // A claim that was there before is no news.
  s.at(milliseconds(85) + look_interval, LookedAround{1, claims, false, ""});
  CHECK(s.life.tally.address_claims == many);
  CHECK(s.life.agent->to_clear.size() == many);
  CHECK(said(s, "") == 0);
  s.at(milliseconds(85) + 2 * look_interval, Tick{});
  s.at(milliseconds(90) + 2 * look_interval, LookedAround{1, {}, false, ""});
  CHECK(said(s, "another node no longer claims") == claims_told);
  CHECK(said(s, "more nodes no longer claim") == 1);
}

TEST_CASE("node.heal off: everything is told of, nothing cleared away") {
  Rules rules;
  rules.heal = false;
  Story s(rules);
  s.serving().at(milliseconds(80), LookedAround{1, {dead()}, false, ""});
  CHECK_FALSE(s.has<Clear>());
  CHECK(s.life.claims.size() == 1);
}

TEST_CASE("a new address restarts the agent without leaving; none leaves it alone; ignore says so once") {
  Story s;
  s.serving().at(seconds(5), HostChanged{});
  CHECK_FALSE(s.has<ReadAddress>());
  CHECK(s.at(seconds(5) + address_settles, Tick{}).has<ReadAddress>());
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
  CHECK(s.life.tally.address_changes == 1);

  Rules rules;
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
  CHECK_FALSE(s.life.address_gone);  // what was read is older than the news
  CHECK_FALSE(s.at(seconds(10), AddressRead{AddressState::same, ""}).has<ReadAddress>());
}

TEST_CASE("servers that take the node for failed: it joins again until they don't") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  s.life.wary_until = Time(seconds(60));
  s.at(milliseconds(75), CatalogSeen{1, CatalogAnswer::registered});
  REQUIRE(s.has<LookAround>());
  CHECK(s.first<LookAround>()->health);
  CHECK(s.at(milliseconds(80), LookedAround{1, {}, true, ""}).has<Rejoin>());
  CHECK(s.at(milliseconds(80) + look_interval, Tick{}).has<LookAround>());
  CHECK_FALSE(s.at(milliseconds(90) + look_interval, LookedAround{1, {}, false, ""}).has<Rejoin>());
}

namespace {

const Reloaded restart_needed{ReloadResult::restart, {}, "new settings: recursors", node, "recursors"};

// A node that serves and whose agent is replaced because of new settings; the next one has just been launched.
Story on_trial() {
  Story s;
  s.serving();
  Reloaded news = restart_needed;
  news.rules.linger = seconds(3);
  news.own.name = "renamed";
  s.at(seconds(1), Signal{SignalKind::reload}).at(seconds(2), news);
  REQUIRE(s.has<Adopt>());
  CHECK(s.first<Adopt>()->keep);
  CHECK_FALSE(s.first<Adopt>()->reload);
  s.at(seconds(3), AgentEnded{1, 0});
  REQUIRE(s.has<Launch>());
  CHECK(s.life.own.name == "renamed");
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
  CHECK(s.life.own == node);
  CHECK(s.life.rules == Rules{});
  CHECK(s.life.deaths == 0);
  CHECK(s.life.tally.reloads[static_cast<std::size_t>(ReloadResult::broken)] == 1);
  // Nothing is gone back to a second time.
  s.at(milliseconds(3080), Launched{44}).at(milliseconds(3150), AgentEnded{1, 0});
  CHECK_FALSE(s.has<GoBack>());
  CHECK(s.life.deaths == 1);
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
  CHECK(s.life.own.name == "renamed");
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
  s.at(seconds(1), Signal{SignalKind::reload}).at(seconds(2), news);
  REQUIRE(s.has<Adopt>());
  CHECK(s.first<Adopt>()->reload);
  CHECK(s.life.reloading.running);
  s.at(seconds(3), AgentReloaded{1, "500"});
  REQUIRE(s.has<GoBack>());
  CHECK(s.first<GoBack>()->why.why == "500");
  CHECK_FALSE(s.life.reloading.running);
  CHECK_FALSE(s.has<EndAgent>());
  s.at(seconds(4), Signal{SignalKind::reload}).at(seconds(5), news).at(seconds(6), AgentReloaded{1, ""});
  CHECK(s.has<Forget>());
}

TEST_CASE("new settings: a stop ends with those it began with") {
  Rules rules;
  rules.pre_stop = {OnFailure::ignore};
  Story s(rules);
  s.serving();
  s.at(seconds(20), Signal{SignalKind::reload}).at(seconds(21), Signal{SignalKind::terminate});
  Reloaded news = restart_needed;  // without a hook, under another name
  news.own.name = "renamed";
  s.at(seconds(22), news);
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  CHECK(s.life.own == node);
  CHECK(s.has<RunHook>());  // what the stop had waited for is over
}

TEST_CASE("new settings: what was compared with settings that are gone back from is read once more") {
  Story s = on_trial();
  s.at(seconds(3), Launched{43}).at(seconds(3), Signal{SignalKind::reload});
  s.at(seconds(4), AgentEnded{1, 0});
  REQUIRE(s.has<GoBack>());
  s.at(seconds(5), Reloaded{ReloadResult::unchanged, {}, "", {"renamed", "id-1", "10.0.0.5"}});
  CHECK(s.has<Forget>());
  CHECK_FALSE(s.has<Adopt>());
  CHECK(s.has<Reload>());
}

TEST_CASE(
    "another address: settings that are being read do not hold it up for good, a refusal is looked at again and told "
    "once") {
  Story s;
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
