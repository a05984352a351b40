// Until there is something to launch: life/preparing.hpp.
#include "life_story.hpp"

#include <algorithm>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST_CASE("news while the node is being prepared: it is prepared once more, and only once") {
  Surroundings s;
  PreparingState state;
  Turn turn = s.turn({});
  Preparing preparing(state, turn);
  preparing.begin();
  preparing.prepare();
  preparing.prepare();
  REQUIRE(turn.effects.size() == 1);
  preparing.failed({Problem{"bind.interface", "no address", "add one", Exit::retry}});
  CHECK(std::count_if(turn.effects.begin(), turn.effects.end(),
                      [](const Effect& e) { return std::holds_alternative<Prepare>(e); }) == 2);
  CHECK(turn.messages.empty());
  preparing.stand_down();
  CHECK_FALSE(preparing.prepared());  // too late
}

TEST_CASE("a candidate is taken when it has been the one for bind.settle, or when bind.wait is over") {
  const auto only = [](const char* address) {
    return PrepareFailed{.problem = Problem{"bind.settle", "it would do", "wait", Exit::retry}, .candidate = address};
  };
  Story s;
  s.at({}, Begin{}).at({}, only("10.0.0.5")).at(seconds(3), HostChanged{}).at(seconds(3), only("10.0.0.5"));
  CHECK_FALSE(s.at(seconds(5) - milliseconds(1), Tick{}).has<Prepare>());
  REQUIRE(s.at(seconds(5), Tick{}).has<Prepare>());
  CHECK(s.first<Prepare>()->settled == "10.0.0.5");

  Story other;
  other.at({}, Begin{}).at({}, only("10.0.0.5")).at(seconds(3), HostChanged{}).at(seconds(3), only("10.0.0.6"));
  CHECK_FALSE(other.at(seconds(5), Tick{}).has<Prepare>());
  REQUIRE(other.at(seconds(8), Tick{}).has<Prepare>());
  CHECK(other.first<Prepare>()->settled == "10.0.0.6");

  Story late;
  late.at({}, Begin{}).at({}, only("")).at(seconds(58), HostChanged{}).at(seconds(58), only("10.0.0.5"));
  REQUIRE(late.at(seconds(60), Tick{}).has<Prepare>());
  CHECK(late.first<Prepare>()->settled == "10.0.0.5");
  CHECK_FALSE(late.end);
}

TEST_CASE(
    "files that are not there yet are awaited for wait.files, looked for once more at last, and given up on with 75") {
  Rules rules;
  rules.files_wait = seconds(40);
  const Problem missing{"agent.encrypt_file", "/key: no such file", "create it", Exit::retry};
  const Problem other{"wait.mounts", "/srv: nothing is mounted there", "mount it", Exit::retry};
  const auto fails = [](Problems files) { return PrepareFailed{.problem = files.front(), .files = files}; };
  Story s(rules);
  s.at({}, Begin{}).at({}, fails({missing, other}));
  REQUIRE(s.has<Say>());
  CHECK(s.first<Say>()->text == "waiting for files");
  CHECK(s.life.preparing.awaited.size() == 2);
  CHECK(next_wake(s.life) == Time(seconds(40)));  // nothing is polled
  SECTION("they come: each is told of while it is missing, and the node is launched") {
    s.at(seconds(5), Signal{SignalKind::reload});
    REQUIRE(s.has<Prepare>());
    s.at(seconds(5), fails({other}));
    CHECK(s.has<Say>());
    s.at(seconds(6), HostChanged{}).at(seconds(6), fails({other}));
    CHECK_FALSE(s.has<Say>());
    s.at(seconds(7), HostChanged{}).at(seconds(7), Prepared{rules, {"n1", "id-1", "10.0.0.5"}, false});
    CHECK(s.has<Launch>());
    CHECK(s.life.preparing.awaited.empty());
  }
  SECTION("they don't") {
    CHECK_FALSE(s.at(seconds(40) - milliseconds(1), Tick{}).has<Prepare>());
    CHECK(s.at(seconds(40), Tick{}).has<Prepare>());
    CHECK_FALSE(s.end);
    s.at(seconds(41), fails({missing})).at(seconds(41), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::retry);
    CHECK(s.end->reason == to_string(missing));
  }
  SECTION("one comes and is wrong: no retry will mend it") {
    s.at(seconds(5), Signal{SignalKind::reload});
    s.at(seconds(5), PrepareFailed{Problem{"agent.encrypt_file", "/key holds no gossip key", "write one"}, true});
    s.at(seconds(5), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::config);
  }
  SECTION("the address is awaited from when they are there") {
    const Problem none{"bind.interface", "no address", "add one", Exit::retry};
    s.at(seconds(30), Signal{SignalKind::reload}).at(seconds(30), PrepareFailed{none});
    CHECK(s.first<Say>()->text == "waiting for an address");
    CHECK(s.life.preparing.missing == Missing::address);
    CHECK(next_wake(s.life) == Time(seconds(90)));
  }
  SECTION("a stop ends the wait at once") {
    s.at(seconds(5), Signal{SignalKind::terminate}).at(seconds(5), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::ok);
  }
}

TEST_CASE("files of whose coming nobody may tell are looked for now and then") {
  Story s;
  const Problem missing{"agent.encrypt_file", "/key: no such file", "create it", Exit::retry};
  s.at({}, Begin{}).at({}, PrepareFailed{.problem = missing, .files = {missing}, .unheard = true});
  CHECK_FALSE(s.at(files_looked_at - milliseconds(1), Tick{}).has<Prepare>());
  CHECK(s.at(files_looked_at, Tick{}).has<Prepare>());
}

TEST_CASE("the lock of a directory is awaited for half a minute, and looked for again and again") {
  Story s;
  const Problem held{"/data/lictor.lock", "held by process 1", "stop it", Exit::retry};
  const PrepareFailed locked{.problem = held, .locked = true};
  s.at({}, Begin{}).at(seconds(2), locked);
  REQUIRE(s.first<Say>() != nullptr);
  CHECK(s.first<Say>()->text == "waiting for another lictor to end");
  CHECK_FALSE(s.at(seconds(2) + lock_looked_at - milliseconds(1), Tick{}).has<Prepare>());
  CHECK(s.at(seconds(2) + lock_looked_at, Tick{}).has<Prepare>());
  s.at(seconds(3), locked);
  CHECK_FALSE(s.has<Say>());  // told of once
  CHECK(s.at(seconds(20), Tick{}).has<Prepare>());

  SECTION("it comes") {
    s.at(seconds(20), Prepared{{}, {"n1", "id", "10.0.0.5"}, false});
    CHECK(s.has<Launch>());
    CHECK(s.life.preparing.missing == Missing::nothing);
  }
  SECTION("an address is awaited from then on") {
    const Problem none{"bind.interface", "no address", "add one", Exit::retry};
    s.at(seconds(20), PrepareFailed{none});
    CHECK(s.first<Say>()->text == "waiting for an address");
    CHECK(next_wake(s.life) == Time(seconds(80)));
  }
  SECTION("it does not come: 75, after one last look") {
    s.at(seconds(20), locked).at(seconds(32), Tick{});
    CHECK(s.has<Prepare>());
    s.at(seconds(32), locked).at(seconds(32), ChildrenGone{});
    REQUIRE(s.end);
    CHECK(s.end->exit == Exit::retry);
    CHECK(s.end->reason == to_string(held));
  }
}
