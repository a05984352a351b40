// Of an agent that can't be launched, ends, or is gone.
#include "interpreter.hpp"

#include "clock.hpp"
#include "test.hpp"

#include "daemon_parts.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("an agent that can't be launched is told of, and its API is not asked") {
  Interpreting world;
  const Problem problem{"agent", "another agent answers", "end it"};
  SECTION("another one runs") { world.agent.can = problem; }
  SECTION("there is no child") { world.agent.started = problem; }
  world.act({Launch{0}});
  CHECK(world.answer<LaunchFailed>().problem == problem);
  CHECK(std::find(world.asked.words.begin(), world.asked.words.end(), "reset recovery") == world.asked.words.end());
}

TEST_CASE("the end of an agent is told as it was; that of one which another has followed is not") {
  Interpreting world;
  world.change = [](Life& life) { life.supervisor.launches = 1; };
  world.act({Launch{1}});
  world.change = [](Life& life) { life.supervisor.launches = 2; };
  world.act({Launch{2}});
  world.heard.clear();
  REQUIRE(world.agent.ended.size() == 2);
  world.agent.ended[0]({0, 0});
  CHECK(world.heard.empty());
  world.agent.ended[1]({-1, SIGKILL, Problem{"exec", "no such file", ""}});
  REQUIRE(world.heard.size() == 1);
  const auto& ended = std::get<AgentEnded>(world.heard[0]);
  CHECK(ended.code == -1);
  CHECK(ended.signal == SIGKILL);
  REQUIRE(ended.not_executed);
  CHECK(ended.not_executed->what == "exec");
}

TEST_CASE("answers for an agent that is gone change nothing") {
  Interpreting world(step);
  world.asked.at_once = true;
  // The life as it is: prepared and launched at once, then an agent that is probed.
  world.interpreter.feed(Begin{});
  REQUIRE(world.interpreter.life().agent());
  world.asked.at_once = false;
  world.asked.words.clear();
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  const auto probed = [&] { return !world.asked.answers.empty(); };
  while (!probed() && std::chrono::steady_clock::now() < end) world.io.run_one_for(milliseconds(100));
  REQUIRE(probed());
  const auto late = std::exchange(world.asked.answers, {});

  world.agent.ended.at(0)({1, 0});
  CHECK_FALSE(world.interpreter.life().agent());
  const Life before = *world.whole;
  for (const auto& answer : late) answer();
  CHECK(*world.whole == before);

  // The next one's API is asked anew: what was outstanding is dropped.
  world.asked.at_once = true;
  world.asked.words.clear();
  const auto launched = [&] {
    return world.interpreter.life().launches() == 2 && world.interpreter.life().agent().has_value();
  };
  while (!launched() && std::chrono::steady_clock::now() < end) world.io.run_one_for(milliseconds(100));
  REQUIRE(launched());
  CHECK(std::count(world.asked.words.begin(), world.asked.words.end(), "reset recovery") == 1);
}
