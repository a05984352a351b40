// What the servers have of this node: life/catalog_watch.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

bool said(const Story& s, const std::string& text) {
  return std::any_of(s.effects.begin(), s.effects.end(), [&](const Effect& effect) {
    const auto* say = std::get_if<Say>(&effect);
    return say && say->text.find(text) != std::string::npos;
  });
}

const AwaitNews* asks(const Story& s, NodePart part) {
  for (const Effect& effect : s.effects) {
    const auto* await = std::get_if<AwaitNews>(&effect);
    if (await && await->part == part) return await;
  }
  return nullptr;
}

Story& hears(Story& s, Duration at, NodePart part, NewsAnswer answer, bool leaderless = false) {
  return s.at(at, NewsSeen{1, part, answer, StandingAnswer::alive, leaderless});
}

// A node that serves, and whose two questions the servers have.
Story watched() {
  Story s;
  s.serving().at(milliseconds(76), LookedAround{1, {}, ""});
  s.at(milliseconds(400), Tick{});
  for (const NodePart part : {NodePart::checks, NodePart::services})
    hears(s, milliseconds(410), part, NewsAnswer::changed);
  s.at(milliseconds(800), Tick{});
  REQUIRE(s.life.watch.covers());
  REQUIRE(s.life.watch.checks.asking);
  REQUIRE(s.life.watch.services.asking);
  return s;
}

}  // namespace

TEST_CASE("until the node is registered the servers are asked for its standing alone, and then for all of it") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(asks(s, NodePart::checks));
  CHECK_FALSE(asks(s, NodePart::checks)->whole);
  CHECK_FALSE(asks(s, NodePart::services));
  s.at(milliseconds(70), ServicesSent{1, ""}).at(milliseconds(75), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(s.has<DropNews>());
  REQUIRE(asks(s, NodePart::services));
  CHECK(asks(s, NodePart::services)->limit == watch_wait);
  s.at(milliseconds(60) + watch_changed, Tick{});
  REQUIRE(asks(s, NodePart::checks));
  CHECK(asks(s, NodePart::checks)->whole);
}

TEST_CASE("a question that was held is asked again at once") {
  Story s = watched();
  CHECK(asks(hears(s, minutes(10), NodePart::services, NewsAnswer::same), NodePart::services));
  CHECK(asks(hears(s, minutes(11), NodePart::services, NewsAnswer::differs), NodePart::services));
}

TEST_CASE("while the servers tell of what changes nobody looks at the catalog; the agent is looked at each minute") {
  Story s = watched();
  Time last = s.now;
  int compared = 0;
  for (int n = 0; n < 200 && s.now < Time(minutes(9)); ++n) {
    REQUIRE(next_wake(s.life));
    s.at(next_wake(s.life)->time_since_epoch(), Tick{});
    CHECK_FALSE(s.has<LookUpCatalog>());
    if (s.has<AskOwn>()) s.at(s.now.time_since_epoch(), OwnAnswered{1, true});
    if (const auto* probe = s.first<Probe>()) {
      CHECK_FALSE(probe->servers);
      s.at(s.now.time_since_epoch(), Probed{1, ProbeAnswer::leader, 3});
    }
    if (s.has<Flush>()) s.at(s.now.time_since_epoch(), Flushed{1});
    if (s.has<SendServices>()) {
      ++compared;
      CHECK_FALSE(s.at(s.now.time_since_epoch(), ServicesSent{1, "", false}).has<LookUpCatalog>());
      last = s.now;
    }
  }
  CHECK(compared >= 8);
  CHECK(ready(s.life));
  SECTION("where one of them is not answered it is looked at as ever") {
    hears(s, minutes(9), NodePart::services, NewsAnswer::unanswered);
    REQUIRE(s.life.registration.task_at);
    s.at(s.life.registration.task_at->time_since_epoch(), Tick{});
    REQUIRE(s.has<SendServices>());
    CHECK(s.at(s.now.time_since_epoch(), ServicesSent{1, "", false}).has<LookUpCatalog>());
  }
}

TEST_CASE("what is otherwise than the agent has it is looked at, and sent again where the node itself is there") {
  Story s = watched();
  REQUIRE(hears(s, seconds(60), NodePart::checks, NewsAnswer::differs).has<LookUpCatalog>());
  SECTION("the leader shows the node: the rest of it is mended, and the node stays ready") {
    s.at(seconds(60), CatalogSeen{1, CatalogAnswer::registered});
    REQUIRE(s.has<SendAgain>());
    CHECK(s.first<SendAgain>()->altered);
    CHECK(ready(s.life));
    s.at(seconds(60), SentAgain{1, "", false, false, {}, true});
    CHECK(said(s, "otherwise than its agent"));
    REQUIRE(s.has<LookUpCatalog>());
    s.at(seconds(60), CatalogSeen{1, CatalogAnswer::registered});
    CHECK_FALSE(s.has<SendAgain>());
    CHECK_FALSE(s.life.watch.covers());
    hears(s, seconds(61), NodePart::checks, NewsAnswer::changed);
    CHECK(s.life.watch.covers());
  }
  SECTION("which fails: once more within a minute") {
    s.at(seconds(60), CatalogSeen{1, CatalogAnswer::registered});
    s.at(seconds(60), SentAgain{1, "403", true});
    CHECK(said(s, "otherwise than its agent"));
    CHECK(ready(s.life));
    REQUIRE(s.life.registration.task_at);
    CHECK(*s.life.registration.task_at <= Time(seconds(120)));
    s.at(s.life.registration.task_at->time_since_epoch(), Tick{});
    s.at(s.now.time_since_epoch(), ServicesSent{1, "", false})
        .at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered});
    CHECK(s.has<SendAgain>());
  }
  SECTION("what it lacks is sent again as ever") {
    s.at(seconds(60), CatalogSeen{1, CatalogAnswer::incomplete});
    REQUIRE(s.has<SendAgain>());
    CHECK_FALSE(s.first<SendAgain>()->altered);
    CHECK_FALSE(ready(s.life));
  }
}

TEST_CASE("a server that answers at once, with nothing new, is asked less and less, and told of once") {
  Story s = watched();
  int asked = 0, told = 0;
  const Time began = s.now;
  while (s.now < began + minutes(10)) {
    for (const NodePart part : {NodePart::checks, NodePart::services}) {
      const Question& q = part == NodePart::checks ? s.life.watch.checks : s.life.watch.services;
      for (int often = 0; q.asking; ++often) {
        REQUIRE(often < 3);
        hears(s, s.now.time_since_epoch(), part, NewsAnswer::same);
        ++asked;
        told += said(s, "they are asked less often");
      }
    }
    s.at(std::min(*s.life.watch.checks.ask_at, *s.life.watch.services.ask_at).time_since_epoch(), Tick{});
  }
  CHECK(asked <= 60);
  CHECK(told == 1);
  s.at(s.now.time_since_epoch() + minutes(2), Tick{});
  hears(s, s.now.time_since_epoch() + minutes(5), NodePart::checks, NewsAnswer::same);
  CHECK_FALSE(said(s, "hold again"));
  hears(s, s.now.time_since_epoch(), NodePart::services, NewsAnswer::same);
  CHECK(said(s, "hold again"));
}

TEST_CASE("one that answers at once with what has changed, too") {
  Story s = watched();
  int asked = 0;
  const Time began = s.now;
  while (s.now < began + minutes(10)) {
    if (s.life.watch.checks.asking) {
      hears(s, s.now.time_since_epoch(), NodePart::checks, NewsAnswer::changed);
      ++asked;
    }
    s.at(s.life.watch.checks.ask_at->time_since_epoch(), Tick{});
  }
  CHECK(asked <= 60);
}

TEST_CASE("questions that fail or are forbidden change nothing, and are asked seldom") {
  Story s = watched();
  SECTION("failed: within half a minute, by chance, and the other one waits") {
    for (int i = 0; i < 20; ++i) {
      hears(s, s.now.time_since_epoch(), NodePart::checks, NewsAnswer::unanswered);
      CHECK(*s.life.watch.checks.ask_at >= s.now + watch_pause);
      CHECK(*s.life.watch.checks.ask_at <= s.now + watch_retry + watch_retry / 5);
      s.at(s.life.watch.checks.ask_at->time_since_epoch(), Tick{});
      REQUIRE(asks(s, NodePart::checks));
    }
    hears(s, s.now.time_since_epoch(), NodePart::checks, NewsAnswer::unanswered);
    hears(s, s.now.time_since_epoch(), NodePart::services, NewsAnswer::same);
    CHECK_FALSE(asks(s, NodePart::services));
  }
  SECTION("forbidden: after a minute") {
    hears(s, s.now.time_since_epoch(), NodePart::checks, NewsAnswer::forbidden);
    CHECK(*s.life.watch.checks.ask_at >= s.now + watch_forbidden);
  }
  CHECK(ready(s.life));
}

TEST_CASE("what speaks against the leader has a server asked for it, and not more often than twice in hung_after") {
  Story s = watched();
  const Duration pause = s.life.reloading.in_force.rules.hung_after / 2;
  SECTION("a question that failed") { hears(s, minutes(1), NodePart::checks, NewsAnswer::unanswered); }
  SECTION("a server that knows none") { hears(s, minutes(1), NodePart::checks, NewsAnswer::same, true); }
  SECTION("the agent's log") { s.at(minutes(1), ServersDoubted{}); }
  // One that is out already may be of before.
  if (!s.has<Probe>()) s.at(minutes(1), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(s.has<Probe>());
  CHECK(s.first<Probe>()->servers);
  s.at(minutes(1), Probed{1, ProbeAnswer::leader, 3}).at(minutes(1), ServersDoubted{});
  CHECK_FALSE(s.has<Probe>());
  // Once more, when a server that lives on has missed one that is gone; then after the pause.
  REQUIRE(s.at(minutes(1) + doubt_again, Tick{}).has<Probe>());
  CHECK(s.first<Probe>()->servers);
  s.at(minutes(1) + doubt_again, Probed{1, ProbeAnswer::leader, 3});
  CHECK(s.life.joining.probe_at == Time(minutes(1)) + doubt_again + pause);
}

TEST_CASE("a stop and a restart drop the questions, and another agent begins anew") {
  Story s = watched();
  SECTION("stop") { CHECK(s.at(seconds(10), Signal{SignalKind::terminate}).has<DropNews>()); }
  SECTION("restart") {
    CHECK(s.at(seconds(10), Signal{SignalKind::restart}).has<DropNews>());
    s.at(seconds(11), AgentEnded{1, 0}).at(seconds(11), Launched{43});
    s.at(seconds(12), Probed{2, ProbeAnswer::leader, 3});
    REQUIRE(asks(s, NodePart::checks));
    CHECK_FALSE(asks(s, NodePart::checks)->whole);
  }
}

TEST_CASE(
    "after an outage the servers are asked for their leader after a moment, and for this node not in the first ten "
    "seconds") {
  Story s = watched();
  const Time back(seconds(60));
  std::optional<Time> leads;
  int looks = 0;
  std::vector<Time> asked;
  std::deque<Happening> answers{NewsSeen{1, NodePart::checks, NewsAnswer::unanswered},
                                NewsSeen{1, NodePart::services, NewsAnswer::unanswered},
                                Probed{1, ProbeAnswer::no_server, 200}};
  Time at(seconds(5));
  while (at < Time(seconds(120)) && asked.size() < 2) {
    Happening next = Tick{};
    if (answers.empty()) {
      at = *next_wake(s.life);
    } else {
      next = answers.front();
      answers.pop_front();
    }
    s.at(at.time_since_epoch(), next);
    if (s.has<SendServices>()) answers.push_back(ServicesSent{1, "", false});
    if (s.has<Flush>()) answers.push_back(Flushed{1});
    if (s.has<AskOwn>()) answers.push_back(OwnAnswered{1, true});
    if (s.has<LookUpCatalog>()) {
      looks += leads ? 1 : 0;
      answers.push_back(CatalogSeen{1, CatalogAnswer::registered});
    }
    if (const auto* probe = s.first<Probe>()) {
      const bool told = leads || (at >= back && probe->servers);
      if (told && !leads) leads = at;
      answers.push_back(Probed{1,
                               told         ? ProbeAnswer::leader
                               : at >= back ? ProbeAnswer::no_leader
                                            : ProbeAnswer::no_server,
                               200});
    }
    for (const NodePart part : {NodePart::checks, NodePart::services}) {
      if (!leads || !asks(s, part)) continue;
      asked.push_back(at);
      answers.push_back(NewsSeen{1, part, NewsAnswer::changed});
    }
  }
  REQUIRE(leads);
  CHECK(*leads > back + seconds(1));
  CHECK(*leads < back + seconds(4));
  CHECK(looks == 1);
  REQUIRE(asked.size() == 2);
  CHECK(asked.front() >= *leads + seconds(10));
  CHECK(asked.back() <= *leads + seconds(34));  // the one waits for the other to be answered
}
