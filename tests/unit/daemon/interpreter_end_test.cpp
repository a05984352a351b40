// How the loop ends: with Quit, by exceptions, with nothing to wait for.
#include "interpreter.hpp"

#include "clock.hpp"
#include "report/io/log.hpp"
#include "test.hpp"

#include "daemon_parts.hpp"

#include <boost/asio/post.hpp>

#include <signal.h>

#include <algorithm>
#include <chrono>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("after Quit nothing happens any more, and the loop ends with it") {
  Interpreting world([](Life&, const Event& event) -> std::vector<Effect> {
    if (std::holds_alternative<Begin>(event.what)) return {ReadAddress{}, Quit{Exit::incomplete, "left unseen"}};
    return {Quit{Exit::ok, "once more"}};
  });
  world.asked.at_once = true;  // there is an event behind Quit
  boost::asio::post(world.io, [&] { world.interpreter.feed(Tick{}); });
  bool late = false;
  boost::asio::steady_timer other_work(world.io, seconds(20));
  other_work.async_wait([&](boost::system::error_code) { late = true; });
  CHECK(world.interpreter.run() == Quit{Exit::incomplete, "left unseen"});
  CHECK_FALSE(late);
  world.interpreter.feed(Tick{});
  CHECK(world.heard.size() == 1);
  CHECK(world.ends == 1);
  REQUIRE(world.interpreter.end());
  CHECK(world.interpreter.end()->reason == "left unseen");
}

TEST_CASE("no exception ends lictor without its stop, wherever it comes from; and the stop is asked for once") {
  Interpreting world([](Life&, const Event& event) -> std::vector<Effect> {
    if (std::holds_alternative<Begin>(event.what)) return {Rejoin{1}, EndHook{}, Rejoin{2}};
    if (std::holds_alternative<HostChanged>(event.what)) throw std::runtime_error("in the life");
    const auto* signal = std::get_if<Signal>(&event.what);
    if (signal && signal->kind == SignalKind::terminate) return {AwaitChildren{}};
    return {Quit{Exit::ok, "stopped as asked"}};
  });
  SECTION("from an effect: those beside it are done all the same") { world.asked.throws_at = "rejoin"; }
  SECTION("from an event") {
    boost::asio::post(world.io, [&] { world.interpreter.feed(HostChanged{}); });
  }
  SECTION("from a callback") {
    boost::asio::post(world.io, [] { throw std::runtime_error("in a callback"); });
    boost::asio::post(world.io, [] { throw std::runtime_error("in another"); });
  }
  // The last of the stop is answered when all else that is due has been.
  const Time latest = steady_now() + seconds(5);
  std::function<void()> answer = [&] {
    if (steady_now() > latest) return world.io.stop();
    if (world.asked.answers.empty()) return boost::asio::post(world.io, [&] { answer(); });
    boost::asio::post(world.io, [&] { world.asked.answer_all(); });
  };
  boost::asio::post(world.io, answer);
  const Quit end = world.interpreter.run();
  CHECK(end.exit == Exit::internal);
  CHECK(contains(end.reason, "please report this (stopped as asked)"));
  CHECK(std::count(world.asked.words.begin(), world.asked.words.end(), "end_hook") == 1);
  const auto stops = std::count_if(world.heard.begin(), world.heard.end(),
                                   [](const Happening& what) { return std::holds_alternative<Signal>(what); });
  CHECK(stops == 1);
}

TEST_CASE("a life that fails again and again ends all the same") {
  Interpreting world([](Life&, const Event&) -> std::vector<Effect> { return {Rejoin{1}}; });
  world.asked.throws_at = "rejoin";
  std::function<void()> feed = [&] {
    boost::asio::post(world.io, [&] { feed(); });
    REQUIRE(world.heard.size() < 1000);
    world.interpreter.feed(Tick{});
  };
  boost::asio::post(world.io, feed);
  CHECK_THROWS_AS(world.interpreter.run(), std::runtime_error);
  CHECK(world.heard.size() == 101);  // each of which has failed
}

TEST_CASE("a loop that has nothing to wait for any more is lictor's own failure") {
  Interpreting world;
  CHECK(world.interpreter.run().exit == Exit::internal);
}
