// What a service manager is told, through whole lives: the words come from sd_notify(3), the moments from the unit's
// promises (ready is registered, a reload shows, a stop is announced with its time).
#include "report/notice.hpp"

#include "test.hpp"

using namespace lictor;
using std::chrono::seconds;

namespace {

// A life and what its manager hears of it.
class Told {
 public:
  std::string after(Duration since_start, const Happening& what, const std::string& settings_problem = {}) {
    const Time now(since_start);
    step(life, {now, what});
    Notice next = notice_of(life, settings_problem, notice, rule, now);
    std::string message = notice_message(notice, next, life.reloading.in_force.rules, now);
    notice = std::move(next);
    return message;
  }

  void serve() {
    after({}, Begin{});
    after({}, Prepared{life.reloading.in_force.rules, {"n1", "id-1", "10.0.0.5"}, false});
    after({}, Launched{42});
    after({}, Probed{1, ProbeAnswer::leader, 3});
    after({}, ServicesSent{1, {}});
  }

  Life life = new_life({}, 7);
  Notice notice;
  ReadyRule rule;
};

}  // namespace

TEST_CASE("ready is told once, at the moment the node is registered") {
  Told told;
  CHECK(told.after({}, Begin{}) == "STATUS=prepare: no agent\n");
  CHECK(told.after({}, PrepareFailed{Problem{"bind", "no interface", "plug it in", Exit::retry}}) ==
        "STATUS=prepare: no interface\n");
  CHECK(told.after({}, Prepared{told.life.reloading.in_force.rules, {"n1", "id-1", "10.0.0.5"}, false}) ==
        "STATUS=launch: no agent\n");
  CHECK(told.after({}, Launched{42}) == "STATUS=join: the agent does not answer yet; agent 42\n");
  CHECK(told.after(seconds(1), Probed{1, ProbeAnswer::no_leader, 1}) == "STATUS=join: no leader known; agent 42\n");
  CHECK(told.after(seconds(2), Probed{1, ProbeAnswer::leader, 3}).rfind("STATUS=register: not registered", 0) == 0);
  CHECK(told.after(seconds(2), ServicesSent{1, {}}).empty());
  CHECK(told.after(seconds(2), CatalogSeen{1, CatalogAnswer::registered}) ==
        "READY=1\nSTATUS=serve: registered; agent 42\n");
  CHECK(told.after(seconds(3), Tick{}).empty());
  SECTION("a leader that is not needed is missed in words") {
    told.life.reloading.in_force.rules.ready_needs_leader = false;
    CHECK(told.after(seconds(20), Probed{1, ProbeAnswer::no_server, 1}) ==
          "STATUS=serve: registered; no leader known; agent 42\n");
  }
  SECTION("and not again when the agent has died and is back: a manager knows no way back") {
    CHECK(told.after(seconds(4), AgentEnded{-1, 9}).find("=1") == std::string::npos);
    CHECK(told.notice.standing == Standing::ready);
  }
}

TEST_CASE("a reload is announced with its time, and so is its end") {
  Told told;
  told.serve();
  REQUIRE(told.after({}, CatalogSeen{1, CatalogAnswer::registered}).rfind("READY=1\n", 0) == 0);
  CHECK(told.after(seconds(5), Signal{SignalKind::reload}) == "RELOADING=1\nMONOTONIC_USEC=5000000\n");
  SECTION("taken") {
    CHECK(told.after(seconds(6), Reloaded{ReloadResult::unchanged, {}, "read again"}) == "READY=1\n");
  }
  SECTION("refused: serving goes on, and the status says why, on one line") {
    CHECK(told.after(seconds(6), Reloaded{ReloadResult::broken, {}, "x"}, "no\nsense") ==
          "READY=1\nSTATUS=serve: registered; agent 42; new settings refused: no sense\n");
  }
  SECTION("asked for before there is anything to reload: nothing to announce") {
    Told young;
    young.after({}, Begin{});
    CHECK(young.after(seconds(1), Signal{SignalKind::reload}).empty());
  }
}

TEST_CASE("a stop is announced at once and asks for the time that the settings give it") {
  Told told;
  told.life.reloading.in_force.rules.stop_timeout = seconds(100);
  SECTION("while serving") {
    told.serve();
    told.after({}, CatalogSeen{1, CatalogAnswer::registered});
  }
  SECTION("before anything was ready") { told.after({}, Begin{}); }
  const std::string message = told.after(seconds(9), Signal{SignalKind::terminate});
  CHECK(message.rfind("STOPPING=1\nEXTEND_TIMEOUT_USEC=", 0) == 0);
  // The whole stop: stop.timeout, and the sweep after it.
  CHECK(std::stol(message.substr(message.rfind("USEC=") + 5)) >= 102'000'000);
  CHECK(told.after(seconds(9), Signal{SignalKind::terminate}).find("=1") == std::string::npos);
}

TEST_CASE("a start without servers is over at its limit, and the status says what is missing") {
  Told told;
  told.rule.within = seconds(30);
  told.after({}, Begin{});
  told.after({}, Prepared{told.life.reloading.in_force.rules, {"n1", "id-1", "10.0.0.5"}, false});
  told.after({}, Launched{42});
  told.after(seconds(1), Probed{1, ProbeAnswer::no_leader, 1});
  CHECK(told.after(seconds(29), Tick{}).find("READY") == std::string::npos);
  CHECK(told.after(seconds(30), Tick{}).rfind("READY=1\n", 0) == 0);
  CHECK(told.notice.status == "join: no leader known; agent 42");
  SECTION("not told again once it is registered, only what it is by now") {
    told.after(seconds(40), Probed{1, ProbeAnswer::leader, 3});
    told.after(seconds(40), ServicesSent{1, {}});
    CHECK(told.after(seconds(40), CatalogSeen{1, CatalogAnswer::registered}) == "STATUS=serve: registered; agent 42\n");
  }
  SECTION("and a reload is one from then on") {
    CHECK(told.after(seconds(40), Signal{SignalKind::reload}).rfind("RELOADING=1\n", 0) == 0);
  }
}

TEST_CASE("a start while files are awaited is over at the limit as well; without a limit it goes on") {
  for (const bool limited : {true, false}) {
    CAPTURE(limited);
    Told told;
    told.rule.within = limited ? seconds(30) : seconds(0);
    const Problem missing{"agent.encrypt_file", "/key: no such file", "create it", Exit::retry};
    told.after({}, Begin{});
    CHECK(told.after({}, PrepareFailed{.problem = missing, .files = {missing}}) ==
          "STATUS=prepare: waiting for agent.encrypt_file: /key: no such file\n");
    CHECK((told.after(seconds(31), HostChanged{}).find("READY=1") != std::string::npos) == limited);
  }
}

TEST_CASE("with systemd.ready api the start is over when the agent's API answers, and stays so when the agent dies") {
  Told told;
  told.rule.by_api = true;
  told.after({}, Begin{});
  told.after({}, Prepared{told.life.reloading.in_force.rules, {"n1", "id-1", "10.0.0.5"}, false});
  CHECK(told.after({}, Launched{42}).find("READY") == std::string::npos);
  CHECK(told.after(seconds(1), Probed{1, ProbeAnswer::no_leader, 1}).rfind("READY=1\n", 0) == 0);
  told.after(seconds(2), AgentEnded{-1, 9});
  CHECK(told.notice.standing == Standing::ready);
}

TEST_CASE("a turning loop gives a long start more time, and nothing else") {
  CHECK(alive_message({Standing::starting, {}}, seconds(30)) == "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000\n");
  for (const Standing standing : {Standing::ready, Standing::reloading, Standing::stopping})
    CHECK(alive_message({standing, {}}, seconds(30)) == "WATCHDOG=1\n");
}
