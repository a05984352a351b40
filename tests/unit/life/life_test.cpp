// Stories of a life, told event by event: what users see at each turn. The laws are the walk's (tests/walk), and what one part
// of the life is about is in the files of that part.
#include "life_story.hpp"

#include <csignal>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST_CASE("an answer for an agent that is no more changes nothing") {
  Story s;
  s.serving().at(seconds(1), AgentEnded{1, 0}).at(milliseconds(1130), Tick{}).at(milliseconds(1130), Launched{43});
  s.at(milliseconds(1140), Probed{1, ProbeAnswer::leader, 3});
  CHECK_FALSE(s.has<SendServices>());
  CHECK_FALSE(ready(s.life));
}
