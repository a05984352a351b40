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
