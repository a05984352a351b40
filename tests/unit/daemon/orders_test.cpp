// What comes over the control socket: who orders something hears once what came of it, whatever happens meanwhile.
#include "orders.hpp"

#include "base/json_text.hpp"
#include "daemon_parts.hpp"
#include "order_signals.hpp"
#include "scenario.hpp"
#include "test.hpp"

#include <signal.h>
#include <unistd.h>

#include <stdexcept>

using namespace lictor;

namespace {

struct Ordering : Interpreting {
  Standpoint standpoint() const {
    if (broken) throw std::runtime_error("broken");
    return {.life = interpreter.life(),
            .ground = nullptr,
            .agent = {},
            .settings_problem = settings_problem,
            .settled = {},
            .orphans = 0,
            .now = {}};
  }

  ControlReply post(const std::string& path, const std::string& query = "", const std::string& body = "") {
    return orders.reply_to({.method = "POST", .path = path, .query = query, .body = body, .local = true});
  }
  // A client that waits: what it has been answered.
  void wait_for(const ControlReply& reply) {
    REQUIRE(reply.later);
    reply.later([this](const ControlReply& answer) {
      CHECK(answer.status == 200);
      const Json told = foreign_json(answer.body);
      answers.push_back(std::to_string(integer_of(told, "exit")) + " " + text_of(told, "text"));
      if (then) std::exchange(then, nullptr)();
    });
  }
  // The orders as events of the life, and then the event, after which the life has changed.
  void happens(Happening what, std::function<void(Life&)> changed = {}) {
    io.restart();
    io.poll();
    change = std::move(changed);
    interpreter.feed(what);
    orders.answer_waiting(what);
  }
  static void serving(Life& life) {
    life.registration.state = RegistrationStep::serving;
    life.supervisor.state = AgentState::running;
    life.supervisor.launches = 1;
    life.supervisor.process.emplace().pid = 41;
    life.joining.answered = Time{};
  }

  std::string settings_problem;
  bool broken = false;
  std::vector<std::string> answers;
  std::function<void()> then;  // with the first answer
  Orders orders{io.get_executor(),
                interpreter,
                api,
                {.standpoint = [this] { return standpoint(); }, .courses = [] { return std::vector<Course>(); }}};
};

}  // namespace

TEST_CASE(
    "an order is an event of the life, from a turn of its own: what it brings may end the server that brought it") {
  for (const auto& [path, kind] : {std::pair("/reload", SignalKind::reload), std::pair("/restart", SignalKind::restart),
                                   std::pair("/leave", SignalKind::leave)}) {
    CAPTURE(path);
    Ordering world;
    CHECK(world.post(path).status == 202);
    CHECK(world.heard.empty());
    world.io.poll();
    REQUIRE(world.heard.size() == 1);
    CHECK(std::get<Signal>(world.heard[0]).kind == kind);
  }
}

TEST_CASE("a request does not overtake a signal that was sent before it") {
  // In a process of its own: what holds signals holds them for good.
  const std::string wrong = scenario::in_child([]() -> std::string {
    hold_signals();
    Ordering world;
    std::string course;
    const auto signals = watch_signals(world.io.get_executor(), [&](SignalKind kind) {
      scenario::must(kind == SignalKind::restart, "the signal's kind");
      course += "signal ";
    });
    scenario::must(signals.has_value(), "signals are taken");
    ::kill(::getpid(), SIGUSR2);
    const ControlReply reply = world.orders.reply_to({.method = "GET", .path = "/readyz"});
    scenario::must(static_cast<bool>(reply.later), "the answer comes later");
    reply.later([&](const ControlReply& known) { course += known.body; });
    while (course.find("ready") == std::string::npos) world.io.run_one();
    scenario::must(course == "signal not ready\n", "the signal first: " + course);
    scenario::must(!world.orders.reply_to({.method = "GET", .path = "/readyz"}).later, "and then at once");
    return "";
  });
  CHECK(wrong == "");
}

TEST_CASE("who waits for a reload hears what became of the settings, when an agent has answered with them") {
  Ordering world;
  world.happens(Tick{}, Ordering::serving);
  world.wait_for(world.post("/reload", "wait"));
  const Reloaded taken{ReloadResult::restart, {}, "new settings: limits"};
  SECTION("taken: not before the agent has started with them") {
    world.happens(taken, [](Life& life) { life.reloading.before.emplace(); });
    CHECK(world.answers.empty());
    world.happens(Tick{}, [](Life& life) { life.reloading.before.reset(); });
    CHECK(world.answers == std::vector<std::string>{"0 new settings: limits"});
  }
  SECTION("refused") {
    world.settings_problem = "node.name: no";
    world.happens(Reloaded{ReloadResult::broken, {}, "node.name: no"});
    CHECK(world.answers == std::vector<std::string>{"78 node.name: no"});
  }
  SECTION("read once more: the latter counts") {
    world.happens(taken, [](Life& life) { life.reloading.work.running = true; });
    CHECK(world.answers.empty());
    world.happens(Reloaded{ReloadResult::unchanged, {}, "nothing new"},
                  [](Life& life) { life.reloading.work.running = false; });
    CHECK(world.answers == std::vector<std::string>{"0 nothing new"});
  }
  world.happens(Tick{});
  CHECK(world.answers.size() == 1);
}

TEST_CASE(
    "who waits for a reload hears which service the agent does not take, and not of a sending that began before") {
  Ordering world;
  world.happens(Tick{}, [](Life& life) {
    Ordering::serving(life);
    life.joining.leader = true;
    life.registration.to_send.reset();
  });
  world.wait_for(world.post("/reload", "wait"));
  const Reloaded taken{ReloadResult::services, {}, "new settings: services"};
  const auto sending = [](bool now, bool next) {
    return [=](Life& life) {
      life.registration.sending = now ? std::optional(Time{}) : std::nullopt;
      life.registration.to_send = next ? std::optional(Sending::news) : std::nullopt;
    };
  };
  SECTION("refused, what it answered") {
    world.happens(taken, sending(true, false));
    CHECK(world.answers.empty());
    world.happens(ServicesSent{1, "", true, {{"db", "registering db: 400"}}}, sending(false, true));
    CHECK(world.answers == std::vector<std::string>{"78 registering db: 400"});
  }
  SECTION("not answered: the settings have nothing to do with it") {
    world.happens(taken, sending(true, false));
    world.happens(ServicesSent{1, "registering db: no answer"}, sending(false, true));
    CHECK(world.answers == std::vector<std::string>{"1 registering db: no answer"});
  }
  SECTION("refused by the servers, when the agent has taken it") {
    world.happens(taken, sending(true, false));
    world.happens(ServicesSent{1, ""}, [&](Life& life) {
      sending(false, false)(life);
      life.registration.unsettled = true;
    });
    CHECK(world.answers.empty());
    world.happens(SentAgain{1, "registering db: 403", true}, [](Life& life) {
      life.registration.unsettled = false;
      life.registration.awaited = {"db"};
      life.registration.unwritten = {{"db", "registering db: 403", true, true}};
    });
    CHECK(world.answers == std::vector<std::string>{"78 registering db: 403"});
  }
  SECTION("taken, after those of before were not") {
    world.happens(taken, sending(true, true));
    world.happens(ServicesSent{1, "", true, {{"db", "registering db: 400"}}}, sending(true, false));
    CHECK(world.answers.empty());
    world.happens(ServicesSent{1, ""}, sending(false, false));
    CHECK(world.answers == std::vector<std::string>{"0 new settings: services"});
  }
  SECTION("there is no server any more that would have them sent") {
    world.happens(taken, sending(false, true));
    CHECK(world.answers.empty());
    world.happens(Tick{}, [](Life& life) { life.joining.leader = false; });
    CHECK(world.answers == std::vector<std::string>{"0 new settings: services"});
  }
  world.happens(Tick{});
  CHECK(world.answers.size() == 1);
}

TEST_CASE("who waits for a restart hears of another agent, once the node is ready with it") {
  Ordering world;
  const auto ready = [](Life& life) { life.registration.registered = life.joining.leader = true; };
  world.happens(Tick{}, [&](Life& life) {
    Ordering::serving(life);
    ready(life);
  });
  world.wait_for(world.post("/restart", "wait"));
  world.happens(Tick{});
  CHECK(world.answers.empty());  // still the one of before
  world.happens(Tick{}, [&](Life& life) {
    ++life.supervisor.launches;
    life.supervisor.process.emplace().pid = 42;
    life.registration.registered = life.joining.leader = false;
  });
  CHECK(world.answers.empty());
  world.happens(Tick{}, ready);
  CHECK(world.answers == std::vector<std::string>{"0 the node is ready again, its agent has pid 42"});
}

TEST_CASE("lictor's end is the outcome of a leave, and the end of all else that is waited for") {
  Ordering world;
  world.happens(Tick{}, Ordering::serving);
  world.wait_for(world.post("/leave", "wait"));
  world.wait_for(world.post("/restart", "wait"));
  world.happens(Tick{});
  CHECK(world.answers.empty());
  world.effects = {Quit{Exit::incomplete, "no server has confirmed it"}};
  world.interpreter.feed(Tick{});
  world.orders.end();
  CHECK(world.answers == std::vector<std::string>{"1 no server has confirmed it",
                                                  "1 lictor has ended meanwhile: no server has confirmed it"});
}

TEST_CASE("one that is answered may order the next thing at once, and all others are answered as ever") {
  Ordering world;
  world.happens(Tick{}, Ordering::serving);
  for (int i = 0; i < 3; ++i) world.wait_for(world.post("/reload", "wait"));
  world.then = [&] {
    for (int i = 0; i < 100; ++i) world.wait_for(world.post("/reload", "wait"));
  };
  world.happens(Reloaded{ReloadResult::unchanged, {}, "nothing new"});
  CHECK(world.answers == std::vector<std::string>(3, "0 nothing new"));
  world.happens(Reloaded{ReloadResult::unchanged, {}, "nothing new"});
  CHECK(world.answers.size() == 103);
}

TEST_CASE("maintenance is the agent's to set: one order at a time, and it ends with its agent") {
  const std::string on = R"({"on": true, "reason": "a new disk"})";
  Ordering world;
  CHECK(world.post("/maint", "", on).status == 503);  // no agent yet
  world.happens(Tick{}, Ordering::serving);
  CHECK(world.post("/maint", "", "{}").status == 400);
  const ControlReply reply = world.post("/maint", "", on);
  world.wait_for(reply);
  CHECK(world.post("/maint", "", on).status == 409);
  SECTION("the agent answers") {
    world.api.facts_.maintenance = "a new disk";
    world.asked.answer_all();
    REQUIRE(world.answers.size() == 1);
    CHECK(world.answers[0].starts_with("0 "));
  }
  SECTION("the agent refuses") {
    world.api.outcome = Problem{"the agent's answer", "403 no", ""};
    world.asked.answer_all();
    CHECK(world.answers == std::vector<std::string>{"1 maint: the agent's answer: 403 no"});
  }
  SECTION("another agent follows") {
    world.happens(Tick{}, [](Life& life) { ++life.supervisor.launches; });
    REQUIRE(world.answers.size() == 1);
    CHECK(contains(world.answers[0], "the agent has ended meanwhile"));
  }
}

TEST_CASE("what can't be ordered now is refused, and says why") {
  Ordering world;
  CHECK(contains(world.post("/reload", "wait").body, "still preparing"));
  world.happens(Tick{}, [](Life& life) {
    Ordering::serving(life);
    life.stopping.stop.emplace();
  });
  for (const char* path : {"/reload", "/restart"}) {
    const ControlReply reply = world.post(path, "wait");
    CHECK(reply.status == 409);
    CHECK(reply.body == "lictor is stopping\n");
  }
  CHECK(world.post("/maint", "", R"({"on": false})").status == 409);
  CHECK(world.post("/leave", "wait").later);  // that is under way
}

TEST_CASE("who may only ask is told so, and nothing comes of the order") {
  Ordering world;
  const PeerCredentials somebody{.uid = 5001, .gid = 5001, .groups = {4343}};
  for (const char* path : {"/reload", "/restart", "/leave", "/maint"}) {
    const ControlReply reply = world.orders.reply_to(
        {.method = "POST", .path = path, .query = "wait", .body = "", .local = true, .peer = somebody});
    CHECK(reply.status == 403);
    CHECK(contains(reply.body, "uid 5001 may ask lictor, and orders are for root"));
  }
  world.io.poll();
  CHECK(world.heard.empty());
  const ControlReply asked = world.orders.reply_to(
      {.method = "GET", .path = "/readyz", .query = "", .body = "", .local = true, .peer = somebody});
  CHECK(asked.status == 503);
  CHECK(world.orders
            .reply_to({.method = "POST",
                       .path = "/reload",
                       .query = "",
                       .body = "",
                       .local = true,
                       .peer = PeerCredentials{.uid = 0}})
            .status == 202);
}

TEST_CASE("orders come over the control socket alone; a failure in an answer is an answer") {
  Ordering world;
  for (const char* path : {"/reload", "/restart", "/leave", "/maint"}) {
    CHECK(world.orders.reply_to({.method = "POST", .path = path, .query = "", .body = "", .local = false}).status ==
          404);
  }
  world.broken = true;
  const ControlReply reply = world.orders.reply_to({.method = "GET", .path = "/status", .query = "", .body = ""});
  CHECK(reply.status == 500);
  CHECK(contains(reply.body, "please report this"));
  world.io.poll();
  CHECK(world.heard.empty());
}
