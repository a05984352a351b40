// Other claims on the name, the id and the address: life/claims.hpp.
#include "life_story.hpp"

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("an entry cleared away without a member may come back: it is looked for a minute") {
  Story s;
  Claim ghost;
  ghost.name = "old";
  ghost.state = "no member";
  ghost.former = ghost.deregister = true;
  s.serving().at(seconds(1), LookedAround{1, {ghost}, ""});
  REQUIRE(s.has<Clear>());
  s.at(seconds(1), Cleared{1, ClearAnswer::cleared, ""});
  s.at(seconds(4), Tick{});
  REQUIRE(s.has<LookAround>());
  s.at(seconds(4), LookedAround{1, {}, ""});
  REQUIRE(s.at(seconds(7), Tick{}).has<LookAround>());
  s.at(seconds(7), LookedAround{1, {ghost}, ""});
  REQUIRE(s.has<Clear>());
  s.at(seconds(7), Cleared{1, ClearAnswer::cleared, ""});
  for (int at = 10; at < 68; at += 3) {
    CAPTURE(at);
    REQUIRE(s.at(seconds(at), Tick{}).has<LookAround>());
    s.at(seconds(at), LookedAround{1, {}, ""});
  }
  CHECK_FALSE(s.at(seconds(72), Tick{}).has<LookAround>());
}

TEST_CASE("a name reserved for another id at our own address: the id is taken back and the agent restarted, once") {
  const NodeKey before{"n1", "id-0", "10.0.0.5"};
  Story s;
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  // At first it may be the old entry that a server is just replacing.
  CHECK_FALSE(s.at(milliseconds(80), CatalogSeen{1, CatalogAnswer::taken, before}).has<TakeIdBack>());
  s.at(milliseconds(700), Tick{});
  s.at(milliseconds(700), CatalogSeen{1, CatalogAnswer::taken, before});
  REQUIRE(s.has<TakeIdBack>());
  CHECK(s.first<TakeIdBack>()->id == "id-0");
  CHECK(s.at(milliseconds(710), IdTakenBack{before, ""}).first<EndAgent>()->signal == SIGTERM);
  CHECK(s.at(milliseconds(1700), AgentEnded{1, 0}).first<Launch>()->launch == 2);
  CHECK(s.life.claims.counts.ids_taken_back == 1);

  // Still refused: no second time.
  s.at(milliseconds(1700), Launched{43}).at(milliseconds(1760), Probed{2, ProbeAnswer::leader, 3});
  s.at(milliseconds(1770), ServicesSent{2, ""});
  for (int ms = 1800; ms < 8000; ms += 100) {
    s.at(milliseconds(ms), CatalogSeen{2, CatalogAnswer::taken, {"n1", "id-9", "10.0.0.5"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    s.at(milliseconds(ms + 50), Tick{});
  }
}

TEST_CASE("an id from the settings is never given up for one that the servers know") {
  Rules rules;
  rules.fixed_id = true;
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3}).at(milliseconds(70), ServicesSent{1, ""});
  for (int ms = 100; ms < 5000; ms += 100) {
    s.at(milliseconds(ms), CatalogSeen{1, CatalogAnswer::taken, {"n1", "id-0", "10.0.0.5"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    s.at(milliseconds(ms + 50), Tick{});
  }
}

TEST_CASE(
    "a name alive elsewhere: quarrels never make lictor give up, the pauses grow, and nothing is left in its name") {
  Rules rules;
  rules.give_up_after = 2;
  Story s(rules);
  s.launched();
  std::int64_t now = 0;
  Duration last{};
  for (int launch = 1; launch <= 6; ++launch) {
    const auto ms = [&now](int more) { return milliseconds(now += more); };
    s.at(ms(60), Probed{launch, ProbeAnswer::leader, 3}).at(ms(10), ServicesSent{launch, ""});
    s.at(ms(10), CatalogSeen{launch, CatalogAnswer::taken, {"n1", "id-7", "10.0.0.9"}});
    CHECK_FALSE(s.has<TakeIdBack>());
    CHECK_FALSE(ready(s.life));
    s.at(ms(3200), Probed{launch, ProbeAnswer::leader, 3, false});
    REQUIRE(s.has<EndAgent>());
    s.at(ms(20), AgentEnded{1, 0});
    REQUIRE_FALSE(s.end);
    const Duration pause = *s.life.supervisor.deadline - s.now;
    if (launch > 1) CHECK(pause > last);
    last = pause;
    now = std::chrono::ceil<milliseconds>(s.life.supervisor.deadline->time_since_epoch()).count();
    CHECK(s.at(milliseconds(now), Tick{}).first<Launch>()->launch == launch + 1);
    s.at(milliseconds(now), Launched{50 + launch});
  }
  CHECK(s.life.claims.counts.gossip_shut_down == 6);
  s.at(milliseconds(now + 100), Probed{7, ProbeAnswer::leader, 3}).at(milliseconds(now + 110), ServicesSent{7, ""});
  s.at(milliseconds(now + 120), CatalogSeen{7, CatalogAnswer::taken, {"n1", "id-7", "10.0.0.9"}});
  s.at(milliseconds(now + 200), Signal{SignalKind::terminate});
  for (int i = 1; i < 100 && !s.has<EndAgent>(); ++i) {
    s.at(milliseconds(now + 200 + 100 * i), Tick{});
    REQUIRE_FALSE(s.has<AskLeave>());
  }
  s.ended_and_swept({1, 0});
  REQUIRE(s.end);
  CHECK(s.end->exit == Exit::incomplete);
  CHECK(s.end->reason.find("10.0.0.9") != std::string::npos);
}

TEST_CASE("claims: the dead are cleared away, the living told of and looked at again, a refusal is not tried again") {
  Story s;
  s.serving();
  REQUIRE(s.has<LookAround>());
  // Seen dead once, it may still be alive in the eyes of others; an entry without a member is no such matter.
  Claim entry = dead();
  entry.name = "entry";
  entry.prune = false;
  s.at(milliseconds(80), LookedAround{1, {dead(), alive(), entry}, ""});
  REQUIRE(s.has<Clear>());
  CHECK(s.first<Clear>()->claim == entry);
  CHECK_FALSE(s.at(milliseconds(85), Cleared{1, ClearAnswer::cleared, ""}).has<Clear>());
  CHECK(s.at(milliseconds(80) + look_interval, Tick{}).has<LookAround>());
  s.at(milliseconds(85) + look_interval, LookedAround{1, {dead(), alive()}, ""});
  REQUIRE(s.has<Clear>());
  CHECK(s.first<Clear>()->claim == dead());
  CHECK_FALSE(
      s.at(milliseconds(90) + look_interval, Cleared{1, ClearAnswer::forbidden, "operator:write"}).has<Clear>());
  CHECK(s.at(milliseconds(85) + 2 * look_interval, Tick{}).has<LookAround>());
  s.at(milliseconds(90) + 2 * look_interval, LookedAround{1, {dead(), alive()}, ""});
  CHECK_FALSE(s.has<Clear>());
  CHECK(s.life.claims.counts.address_claims == 3);
  CHECK(s.life.claims.counts.claims_cleared == 1);
  CHECK(s.life.claims.counts.clearings_refused == 1);
  // Nothing open any more, and what was cleared without a member has had its time to come back: no further looks.
  s.at(milliseconds(85) + wary_for, Tick{});
  s.at(milliseconds(90) + wary_for, LookedAround{1, {}, ""});
  CHECK_FALSE(s.life.claims.around_at);
}

TEST_CASE("claims by the hundred thousand: all are counted, some told of by name, and none takes long") {
  constexpr std::size_t many = 200'000;
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < many; ++i) {
    claims.push_back(dead());
    claims.back().name = std::to_string(i);
  }
  const auto said = [](const Story& s, const std::string& text) {
    return std::count_if(s.effects.begin(), s.effects.end(), [&text](const Effect& effect) {
      const auto* say = std::get_if<Say>(&effect);
      return say && say->text.starts_with(text);
    });
  };
  Story s;
  s.serving().at(milliseconds(80), LookedAround{1, claims, ""});
  CHECK(s.life.claims.counts.address_claims == many);
  CHECK(said(s, "another node claims") == claims_told);
  CHECK(said(s, "more nodes claim") == 1);
  s.at(milliseconds(80) + look_interval, Tick{});
  // A claim that was there before is no news.
  s.at(milliseconds(85) + look_interval, LookedAround{1, claims, ""});
  CHECK(s.life.claims.counts.address_claims == many);
  CHECK(s.life.claims.to_clear.size() == many);
  CHECK(said(s, "") == 0);
  s.at(milliseconds(85) + 2 * look_interval, Tick{});
  s.at(milliseconds(90) + 2 * look_interval, LookedAround{1, {}, ""});
  CHECK(said(s, "another node no longer claims") == claims_told);
  CHECK(said(s, "more nodes no longer claim") == 1);
}

TEST_CASE("node.heal off: everything is told of, nothing cleared away") {
  Rules rules;
  rules.heal = false;
  Story s(rules);
  s.serving().at(milliseconds(80), LookedAround{1, {dead()}, ""});
  CHECK_FALSE(s.has<Clear>());
  CHECK(s.life.claims.claims.size() == 1);
}

TEST_CASE(
    "what is somebody else's is looked at less and less while it stays as it is, what was this node's goes on being "
    "watched") {
  const auto looks = [](const Claim& claim, Duration during) {
    Story s;
    s.serving().at(milliseconds(80), LookedAround{1, {claim}, ""});
    const Time end = s.now + during;
    int count = 0;
    while (s.life.claims.around_at && *s.life.claims.around_at < end) {
      s.at(s.life.claims.around_at->time_since_epoch(), Tick{});
      REQUIRE(s.has<LookAround>());
      s.at(s.now.time_since_epoch(), LookedAround{1, {claim}, ""});
      ++count;
    }
    return count;
  };
  CHECK(looks(alive(), seconds(3600)) < 80);
  CHECK(looks(alive(), seconds(30)) >= 5);
  Claim former = alive();
  former.former = true;
  CHECK(looks(former, seconds(3600)) == 1199);
}

TEST_CASE("a clearing is over although its claim is gone meanwhile") {
  LookedAround claimed{}, lives{};
  claimed.launch = lives.launch = 1;
  claimed.claims = {dead()};
  lives.claims = {alive()};
  Story s;
  s.serving().at(milliseconds(80), claimed).at(milliseconds(80) + look_interval, Tick{});
  s.at(milliseconds(85) + look_interval, claimed);
  REQUIRE(s.has<Clear>());
  s.at(milliseconds(86) + look_interval, lives)
      .at(milliseconds(90) + look_interval, Cleared{1, ClearAnswer::cleared, ""});
  CHECK_FALSE(s.life.claims.clearing);
  CHECK(s.life.claims.counts.claims_cleared == 0);
}
