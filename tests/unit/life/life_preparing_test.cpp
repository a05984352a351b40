// Until there is something to launch: life/preparing.hpp.
#include "life_story.hpp"

#include <algorithm>

using namespace lictor;
using namespace story;
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
