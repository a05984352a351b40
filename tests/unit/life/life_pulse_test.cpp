// Whether the agent answers of itself: life/pulse.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

using namespace lictor;
using namespace story;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

// An agent that serves and answers its probes, and whose servers answer as `servers` says at each moment. Since `deaf` it tells
// nothing of itself. When it was ended for that, within `limit`.
template <class Servers>
std::optional<Duration> ended(Rules rules, Duration deaf, Duration limit, const Servers& servers) {
  Story s(rules);
  s.serving().at(milliseconds(100), OwnAnswered{1, true});  // asked as soon as there is a leader
  std::optional<Time> late;
  for (Time now(seconds(1)); now < Time(limit);) {
    const auto at = now.time_since_epoch();
    std::vector<Happening> answers;
    const auto take = [&] {
      if (s.has<Probe>()) answers.emplace_back(Probed{1, ProbeAnswer::leader, 3});
      if (s.has<AskServers>()) answers.emplace_back(servers(at));
      if (const auto* ask = s.first<AskOwn>()) {
        if (at < deaf)
          answers.emplace_back(OwnAnswered{1, true});
        else
          late = now + ask->deadline;
      }
      if (s.has<LookUpCatalog>()) answers.emplace_back(CatalogSeen{1, CatalogAnswer::registered});
      if (s.has<SendServices>()) answers.emplace_back(ServicesSent{1, ""});
      if (s.has<EndAgent>()) return true;
      return false;
    };
    const bool due = late && *late <= now;
    if (due) late.reset();
    s.at(at, due ? Happening{OwnAnswered{1, false}} : Happening{Tick{}});
    if (take()) return at;
    while (!answers.empty()) {
      const Happening next = answers.back();
      answers.pop_back();
      s.at(at, next);
      if (take()) {
        CHECK(s.first<EndAgent>()->signal == SIGKILL);
        return at;
      }
    }
    now = std::max(now + milliseconds(1), std::min(late.value_or(Time::max()), *next_wake(s.life)));
  }
  return std::nullopt;
}

ServersAnswered steady(Duration) { return {1, ServersAnswer::steady}; }

}  // namespace

TEST_CASE("an agent that tells nothing of itself for watch.hung_after, though its servers answer, is replaced") {
  for (const Duration hung_after : {Duration(seconds(3)), Duration(seconds(30)), Duration(minutes(2))}) {
    CAPTURE(hung_after.count());
    Rules rules;
    rules.hung_after = hung_after;
    const Duration deaf = minutes(10);
    const auto at = ended(rules, deaf, hours(2), steady);
    REQUIRE(at.has_value());
    // It is asked each half of that, and the servers each tenth.
    CHECK(*at >= deaf + hung_after);
    CHECK(*at <= deaf + hung_after * 8 / 5 + seconds(1));
    CHECK_FALSE(ended(rules, hours(2), hours(1), steady).has_value());
  }
}

TEST_CASE(
    "an agent is not replaced for its servers' sake, however long they are silent, nor for what they have held up") {
  for (const Duration hung_after : {Duration(seconds(3)), Duration(seconds(30)), Duration(minutes(2))}) {
    CAPTURE(hung_after.count());
    Rules rules;
    rules.hung_after = hung_after;
    const Duration deaf = minutes(1), over = hours(1);
    const auto until_over = [&](ServersAnswer trouble) {
      return ended(rules, deaf, hours(2), [&](Duration at) {
        return ServersAnswered{1, at < over ? trouble : ServersAnswer::steady};
      });
    };
    CHECK_FALSE(ended(rules, deaf, hours(1), [](Duration) { return ServersAnswered{1, ServersAnswer::silent}; }));
    for (const ServersAnswer trouble : {ServersAnswer::silent, ServersAnswer::changed}) {
      const auto at = until_over(trouble);
      REQUIRE(at.has_value());
      CHECK(*at >= over + held_up_limit - hung_after / 2 - sample_at_most);
      CHECK(*at <= over + std::max(held_up_limit, hung_after) + hung_after + sample_at_most);
    }
  }
}

TEST_CASE(
    "while an agent is seen to tell its servers something it works, and is not hung before ten times hung_after") {
  Rules rules;
  const auto at = ended(rules, seconds(60), hours(1), [](Duration) {
    return ServersAnswered{1, ServersAnswer::steady, true};
  });
  REQUIRE(at.has_value());
  CHECK(*at >= seconds(60) + works_times * rules.hung_after);
  CHECK(*at <= seconds(90) + works_times * rules.hung_after);
  // It has stopped.
  const auto idle = ended(rules, seconds(60), hours(1), [](Duration now) {
    return ServersAnswered{1, ServersAnswer::steady, now < seconds(120)};
  });
  REQUIRE(idle.has_value());
  CHECK(*idle >= seconds(115) + rules.hung_after);
  CHECK(*idle <= seconds(125) + rules.hung_after);
}

TEST_CASE("one that is hung in part says so, counts as hung, and is asked nothing once a stop has begun") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(s.has<AskOwn>());
  s.at(milliseconds(70), OwnAnswered{1, true}).at(milliseconds(80), ServicesSent{1, ""});
  s.at(milliseconds(90), CatalogSeen{1, CatalogAnswer::registered}).at(seconds(16), Tick{});
  REQUIRE(s.has<AskOwn>());
  REQUIRE(s.at(seconds(20), Tick{}).has<AskServers>());
  SECTION("hung") {
    s.at(seconds(46), ServersAnswered{1, ServersAnswer::steady});
    const auto* said = s.first<Say>();
    REQUIRE(said);
    CHECK(said->text == "the agent is hung: it tells nothing of itself, though its servers answer; killing it");
    s.at(seconds(47), AgentEnded{-1, SIGKILL});
    CHECK(s.life.supervisor.last_restart->reason == RestartReason::hung);
    s.at(seconds(48), Tick{});
    CHECK(s.has<Launch>());
  }
  SECTION("a stop") {
    s.at(seconds(30), Signal{SignalKind::terminate}).at(seconds(31), ServersAnswered{1, ServersAnswer::steady});
    CHECK_FALSE((s.has<AskOwn>() || s.has<AskServers>() || s.has<EndAgent>()));
    s.at(seconds(46), OwnAnswered{1, false});
    CHECK_FALSE((s.has<AskOwn>() || s.has<AskServers>() || s.has<EndAgent>()));
  }
}
