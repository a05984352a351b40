// Services and catalog: life/registration.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("what the catalog has shown and lacks now is sent again at once, also where the agent has lost nothing") {
  Story s;
  s.serving().at(seconds(70), Tick{});
  CHECK(s.first<SendServices>()->what == Sending::difference);
  s.at(seconds(70), ServicesSent{1, "", false}).at(seconds(70), CatalogSeen{1, CatalogAnswer::gone});
  CHECK_FALSE(ready(s.life));
  // That the agent does not leave it has said meanwhile.
  REQUIRE(s.at(seconds(70), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  CHECK(s.first<SendAgain>()->seen);
  CHECK(s.at(milliseconds(70010), SentAgain{1, ""}).has<LookUpCatalog>());
  CHECK(ready(s.at(milliseconds(70020), CatalogSeen{1, CatalogAnswer::registered}).life));
  // And once more.
  s.at(seconds(140), Tick{}).at(seconds(140), ServicesSent{1, "", false});
  CHECK(s.at(seconds(140), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
}

TEST_CASE(
    "what the agent has only just taken is given a second to come to the catalog; taken in vain, it is sent less and "
    "less") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  CHECK_FALSE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  CHECK_FALSE(s.at(milliseconds(1060), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  REQUIRE(s.at(milliseconds(1070), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  s.at(milliseconds(1080), SentAgain{1, ""});
  Time last = s.now;
  Duration before{};
  for (int ms = 1100; ms < 60000; ms += 100) {
    if (!s.at(milliseconds(ms), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>()) continue;
    CHECK(s.now - last >= std::max<Duration>(before, on_its_way));
    before = s.now - last;
    last = s.now;
    s.at(milliseconds(ms), SentAgain{1, ""});
  }
  CHECK(before >= seconds(10));
}

TEST_CASE("what an agent has kept from one before is sent as soon as the catalog is seen without it") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  s.at(milliseconds(70), ServicesSent{1, "", false});
  REQUIRE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  // Where the agent itself lacks something, that comes first.
  CHECK(s.at(milliseconds(90), SentAgain{1, "", false, true}).first<SendServices>()->what == Sending::difference);
}

TEST_CASE(
    "an agent that follows a registered one takes the services while it joins; what the catalog lacks is sent then") {
  const auto taken = [](CatalogAnswer shown) {
    Story s;
    s.serving().at(seconds(20), AgentEnded{-1, SIGKILL}).at(seconds(21), Tick{}).at(seconds(21), Launched{43});
    CHECK(s.at(milliseconds(21060), Probed{2, ProbeAnswer::no_leader, 1}).has<SendServices>());
    CHECK_FALSE(s.at(milliseconds(21062), Probed{2, ProbeAnswer::leader, 3}).has<SendServices>());
    CHECK_FALSE(s.has<Flush>());
    CHECK(s.at(milliseconds(21063), ServicesSent{2, ""}).has<LookUpCatalog>());
    CHECK(s.has<Flush>());  // taken when there was nobody to tell
    return s.at(milliseconds(21064), CatalogSeen{2, shown});
  };
  CHECK(ready(taken(CatalogAnswer::registered).life));
  CHECK(taken(CatalogAnswer::incomplete).has<SendAgain>());
}

TEST_CASE("what a failed look or a hidden catalog does not show is not written there") {
  Rules rules;
  rules.acl = true;
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  CHECK_FALSE(s.at(seconds(2), CatalogSeen{1, CatalogAnswer::failed}).has<SendAgain>());
  REQUIRE(s.at(seconds(3), CatalogSeen{1, CatalogAnswer::gone}).has<SendAgain>());
  CHECK_FALSE(s.first<SendAgain>()->seen);
  s.at(seconds(3), SentAgain{1, ""});
  CHECK(ready(s.at(seconds(6), CatalogSeen{1, CatalogAnswer::gone}).life));
}

TEST_CASE("what the servers refuse is a problem, asked for again every moment, and there as soon as they let it in") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  REQUIRE(s.at(seconds(2), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  for (int i = 0; i < 20; ++i) {
    s.at(s.now.time_since_epoch(), SentAgain{1, "registering web: Permission denied", true});
    CHECK(s.has<Say>() == (i == 0));  // told of once
    CHECK(s.life.registration.failure == "registering web: Permission denied");
    CHECK(s.at((s.now + refusal_interval).time_since_epoch(), Tick{}).has<LookUpCatalog>());
    s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
    CHECK(s.life.registration.failure == "registering web: Permission denied");
    REQUIRE(s.has<SendAgain>());
  }
  // Another token: what the agent takes by it has been refused before, and it may not know that it has to send it.
  s.at(s.now.time_since_epoch(), SentAgain{1, "registering web: Permission denied", true});
  s.at((s.now + milliseconds(5)).time_since_epoch(), Signal{SignalKind::reload});
  s.at(s.now.time_since_epoch(), Reloaded{ReloadResult::reloaded, {}, "", node, ""});
  REQUIRE(s.at(s.now.time_since_epoch(), AgentReloaded{1, ""}).has<SendServices>());
  s.at(s.now.time_since_epoch(), ServicesSent{1, ""});
  REQUIRE(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
  s.at(s.now.time_since_epoch(), SentAgain{1, ""});
  CHECK(ready(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered}).life));
  CHECK(s.life.registration.failure.empty());
}

TEST_CASE("services that the agent does not take: the catalog is looked at all the same, and tells why") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  const NodeKey before{"n1", "id-0", "10.0.0.5"};
  const ServicesSent closed{1, "registering web: read: end of stream"};
  SECTION("a former entry of this node stands in the way") {
    REQUIRE(s.at(milliseconds(70), closed).has<LookUpCatalog>());
    s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, before}).at(milliseconds(600), Tick{});
    REQUIRE(s.at(milliseconds(610), closed).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(620), CatalogSeen{1, CatalogAnswer::taken, before}).first<TakeIdBack>()->id == "id-0");
  }
  SECTION("nothing does: an hour of it is a few lines and ever longer pauses, and no end") {
    int sent = 0, said = 0;
    for (s.at(milliseconds(70), closed); s.now < Time(seconds(3600));) {
      said += s.has<Say>();
      REQUIRE(s.has<LookUpCatalog>());
      s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
      CHECK_FALSE(s.has<SendAgain>());
      REQUIRE(s.life.registration.task_at);
      REQUIRE(s.at(s.life.registration.task_at->time_since_epoch(), Tick{}).has<SendServices>());
      s.at(s.now.time_since_epoch(), closed);
      ++sent;
    }
    CHECK(sent < 900);
    CHECK(said == 1);
    CHECK_FALSE(s.end);
    CHECK(s.life.registration.failure == closed.failure);
    // It takes them at last.
    s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::incomplete});
    REQUIRE(s.at(s.life.registration.task_at->time_since_epoch(), Tick{}).has<SendServices>());
    REQUIRE(s.at(s.now.time_since_epoch(), ServicesSent{1, ""}).has<LookUpCatalog>());
    CHECK(ready(s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered}).life));
  }
}

TEST_CASE("a sending that goes on and on: the catalog is looked at beside it, and tells of a former entry in the way") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(s.has<SendServices>());
  CHECK_FALSE(s.at(milliseconds(300), Tick{}).has<LookUpCatalog>());
  CHECK(s.at(milliseconds(310), Tick{}).has<LookUpCatalog>());
  SECTION("what is missing is on its way") {
    s.at(milliseconds(320), CatalogSeen{1, CatalogAnswer::incomplete});
    CHECK(s.effects.empty());
    CHECK(s.at(milliseconds(570), Tick{}).has<LookUpCatalog>());
    // What it shows was asked for before all was sent.
    CHECK_FALSE(s.at(milliseconds(580), ServicesSent{1, ""}).has<LookUpCatalog>());
    CHECK_FALSE(s.at(milliseconds(590), CatalogSeen{1, CatalogAnswer::incomplete}).has<SendAgain>());
    CHECK(ready(s.at(milliseconds(600), CatalogSeen{1, CatalogAnswer::registered}).life));
  }
  SECTION("of thousands, for a minute: less and less, as a server goes through all of them each time") {
    int looks = 1;
    Time last = s.now;
    while (s.now.time_since_epoch() < seconds(60)) {
      s.at(s.now.time_since_epoch() + milliseconds(10), CatalogSeen{1, CatalogAnswer::incomplete});
      REQUIRE(s.life.registration.task_at);
      CHECK(*s.life.registration.task_at - last <= seconds(11));
      s.at(s.life.registration.task_at->time_since_epoch(), Tick{});
      if (s.has<LookUpCatalog>()) ++looks, last = s.now;
    }
    CHECK(looks >= 10);
    CHECK(looks <= 25);
  }
  SECTION("the id is taken back, whatever has been sent by then") {
    const NodeKey former{"n1", "id-0", node.address};
    s.at(milliseconds(320), CatalogSeen{1, CatalogAnswer::taken, former});
    CHECK_FALSE(s.has<TakeIdBack>());
    CHECK(s.at(milliseconds(520), Tick{}).has<LookUpCatalog>());
    CHECK(s.at(milliseconds(560), CatalogSeen{1, CatalogAnswer::taken, former}).first<TakeIdBack>()->id == "id-0");
  }
}

namespace {

const ServiceFault without_former{"db", "registering db: 400 Invalid check", false, true};
const ServiceFault with_former{"db", "registering db: 400 Invalid check", false, false};

CatalogSeen lacks_new(std::vector<std::string> awaited) {
  return {1, CatalogAnswer::incomplete, {}, {}, std::move(awaited), false};
}

}  // namespace

TEST_CASE("one service that is refused: a node that begins waits for it, and says why") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  REQUIRE(s.at(milliseconds(70), ServicesSent{1, "", true, {without_former}}).has<LookUpCatalog>());
  CHECK(s.first<Say>()->text == "not registered yet");
  CHECK_FALSE(ready(s.at(milliseconds(80), lacks_new({"db"})).life));
  CHECK(s.life.registration.failure == without_former.reason);
  REQUIRE(s.at(s.life.registration.task_at->time_since_epoch(), Tick{}).has<SendServices>());
  s.at(seconds(1), ServicesSent{1, ""});
  CHECK(ready(s.at(seconds(1), CatalogSeen{1, CatalogAnswer::registered}).life));
  CHECK(LifeView(s.life).faults().empty());
}

TEST_CASE(
    "one service that is refused: where the agent has its former definition, a node that begins is ready with that") {
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  s.at(milliseconds(70), ServicesSent{1, "", true, {with_former}});
  CHECK(s.first<Say>()->text.find("its former definition stays in force") != std::string::npos);
  CHECK(ready(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::registered}).life));
  CHECK((LifeView(s.life).faults() == std::vector<ServiceFault>{with_former}));
}

TEST_CASE("one service that is refused: a node that serves stays ready, names it once, and tries it less and less") {
  Story s;
  s.serving().at(seconds(100), Tick{});
  int sent = 0, said = 0;
  while (s.now < Time(seconds(3600))) {
    REQUIRE(s.has<SendServices>());
    s.at(s.now.time_since_epoch(), ServicesSent{1, "", true, {without_former}});
    said += s.has<Say>();
    ++sent;
    REQUIRE(s.has<LookUpCatalog>());
    s.at(s.now.time_since_epoch(), lacks_new({"db"}));
    CHECK(ready(s.life));
    CHECK_FALSE(s.has<SendAgain>());  // which the agent could not do
    CHECK((LifeView(s.life).faults() == std::vector<ServiceFault>{without_former}));
    s.at(s.life.registration.task_at->time_since_epoch(), Tick{});
  }
  CHECK(said == 1);
  CHECK(sent > 60);
  CHECK(sent < 90);  // each minute at last
  s.at(s.now.time_since_epoch(), ServicesSent{1, ""})
      .at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(LifeView(s.life).faults().empty());
  CHECK(*s.life.registration.task_at - s.now == check_interval);
}

TEST_CASE("a new service that the servers refuse: the node stays ready, and it is asked for again less and less") {
  Story s;
  s.serving().at(seconds(100), Tick{}).at(seconds(100), ServicesSent{1, "", true});
  CHECK(LifeView(s.life).services_unsettled());
  CHECK_FALSE(s.at(seconds(100), lacks_new({"db"})).has<SendAgain>());  // it may be on its way
  CHECK(LifeView(s.life).services_unsettled());
  REQUIRE(s.at(seconds(101), Tick{}).has<LookUpCatalog>());
  REQUIRE(s.at(seconds(101), lacks_new({"db"})).has<SendAgain>());
  const ServiceFault refused{"db", "registering db: 403", true, true};
  s.at(seconds(101), SentAgain{1, "registering db: 403", true, false, {refused}});
  CHECK(ready(s.life));
  CHECK_FALSE(LifeView(s.life).services_unsettled());
  CHECK((LifeView(s.life).faults() == std::vector<ServiceFault>{refused}));
  CHECK(LifeView(s.life).services_awaited() == 1);
  CHECK(*s.life.registration.task_at - s.now == refusal_interval);
  // The catalog's word that it is there ends it.
  s.at(s.life.registration.task_at->time_since_epoch(), Tick{})
      .at(s.now.time_since_epoch(), ServicesSent{1, "", false});
  s.at(s.now.time_since_epoch(), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(LifeView(s.life).faults().empty());
  CHECK(s.life.registration.failure.empty());
}

TEST_CASE("a new service that the catalog does not show, for whatever reason: the wait for it has an end") {
  Story s;
  s.serving().at(seconds(100), Tick{}).at(seconds(100), ServicesSent{1, "", true});
  int looked = 0;
  while (LifeView(s.life).services_unsettled()) {
    s.at(s.now.time_since_epoch(), lacks_new({"db"}));
    CHECK((!LifeView(s.life).services_unsettled() || LifeView(s.life).faults().empty()));
    if (s.has<SendAgain>())
      s.at(s.now.time_since_epoch(), SentAgain{1, ""});
    else if (s.life.registration.task_at)
      s.at(s.life.registration.task_at->time_since_epoch(), Tick{});
    REQUIRE(++looked < 200);
  }
  CHECK(s.now - Time(seconds(100)) < unseen_limit + seconds(2));
  CHECK(ready(s.life));
  REQUIRE(LifeView(s.life).faults().size() == 1);
  CHECK(LifeView(s.life).faults().front().reason == "db: the agent has it, and the catalog does not show it");
}

TEST_CASE("what the catalog has shown and lacks takes readiness, also beside one that was refused") {
  Story s;
  s.serving().at(seconds(100), Tick{}).at(seconds(100), ServicesSent{1, "", true, {without_former}});
  CatalogSeen lost = lacks_new({"db"});
  lost.lost = true;
  CHECK_FALSE(ready(s.at(seconds(100), lost).life));
  CHECK(s.first<Say>()->text.find("the catalog no longer shows") == 0);
}

TEST_CASE("a sending without an answer takes no readiness: nobody has said that anything is gone") {
  Story s;
  s.serving().at(seconds(100), Tick{}).at(seconds(100), ServicesSent{1, "list of the agent's services: no answer"});
  CHECK(s.first<Say>()->text == "not registered yet");
  CHECK(ready(s.at(seconds(100), CatalogSeen{1, CatalogAnswer::registered}).life));
  REQUIRE(s.life.registration.task_at);
  CHECK(s.at(s.life.registration.task_at->time_since_epoch(), Tick{}).has<SendServices>());
}

TEST_CASE("services that come back are told of, each time") {
  Story s;
  s.serving().at(seconds(100), Tick{}).at(seconds(100), ServicesSent{1, "", true, {}, {{"web", true}, {"db", false}}});
  std::vector<std::string> said;
  for (const Effect& effect : s.effects) {
    if (const auto* say = std::get_if<Say>(&effect)) said.push_back(say->text);
  }
  REQUIRE(said.size() == 2);
  CHECK_THAT(said[0], Contains("critical for too long") && Contains("critical until its check passes"));
  CHECK_THAT(said[1], Contains("somebody had deregistered"));
}

TEST_CASE("services that the catalog keeps although the agent has given them up are told of, once") {
  Story s;
  const CatalogSeen kept{1, CatalogAnswer::registered, {}, {"old"}};
  s.serving().at(seconds(1), Signal{SignalKind::reload});
  s.at(seconds(1), Reloaded{ReloadResult::services, {}, "", node, ""}).at(seconds(1), ServicesSent{1, ""});
  CHECK_FALSE(s.at(seconds(1), kept).has<Say>());  // it may be on its way out
  REQUIRE(s.at(seconds(3), Tick{}).has<SendServices>());
  CHECK(s.at(seconds(3), ServicesSent{1, "", false}).at(seconds(3), kept).first<Say>()->fields ==
        Fields{{"services", "old"}});
  CHECK(ready(s.life));
  for (const int at : {4, 64}) {  // the agent's full sync is over, and a minute later
    REQUIRE(s.at(seconds(at), Tick{}).has<SendServices>());
    s.at(seconds(at), ServicesSent{1, "", false});
    CHECK_FALSE(s.at(seconds(at), kept).has<Say>());
    CHECK_FALSE(s.at(seconds(at + 50), Tick{}).has<SendServices>());
    CHECK(s.life.registration.left_over.lasts(s.now));
  }
  s.at(seconds(124), Tick{}).at(seconds(124), ServicesSent{1, "", false});
  s.at(seconds(124), CatalogSeen{1, CatalogAnswer::registered});
  CHECK_FALSE(s.life.registration.left_over.lasts(s.now));
}

TEST_CASE("new settings send what is news, later looks what the agent lacks") {
  Story s;
  const Reloaded same{ReloadResult::unchanged, {}, "", node, ""};
  REQUIRE(s.serving().at(seconds(1), Signal{SignalKind::reload}).has<Reload>());
  REQUIRE(s.at(seconds(1), same).has<SendServices>());
  CHECK(s.first<SendServices>()->what == Sending::news);
  s.at(seconds(2), ServicesSent{1, ""}).at(seconds(2), CatalogSeen{1, CatalogAnswer::registered});
  CHECK(s.at(seconds(4), Tick{}).first<SendServices>()->what == Sending::difference);
}

TEST_CASE("what was registered is looked at once more when the agent's full sync is over, and then each minute") {
  Story s;
  s.serving();  // its leader is known since 60 ms
  CHECK_FALSE(s.at(milliseconds(3150), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(3160), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(3170), ServicesSent{1, ""}).has<LookUpCatalog>());
  s.at(milliseconds(3180), CatalogSeen{1, CatalogAnswer::registered});
  CHECK_FALSE(s.at(milliseconds(63170), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(63180), Tick{}).has<SendServices>());
  CHECK(s.at(milliseconds(63190), ServicesSent{1, ""}).has<LookUpCatalog>());
  s.at(milliseconds(63200), CatalogSeen{1, CatalogAnswer::registered});

  SECTION("and where the agent meets its servers anew") {
    s.at(seconds(70), Probed{1, ProbeAnswer::no_leader, 3});
    s.at(seconds(80), Probed{1, ProbeAnswer::leader, 3});
    CHECK(s.at(seconds(80) + 3 * look_spread_of_each, Tick{}).has<SendServices>());
    s.at(seconds(81), ServicesSent{1, ""}).at(seconds(81), CatalogSeen{1, CatalogAnswer::registered});
    CHECK_FALSE(s.at(milliseconds(83090), Tick{}).has<SendServices>());
    CHECK(s.at(milliseconds(83100), Tick{}).has<SendServices>());
  }
  SECTION("a stop comes first") {
    s.at(seconds(90), Signal{SignalKind::terminate});
    CHECK_FALSE(s.at(milliseconds(90100), Tick{}).has<SendServices>());
  }
}
