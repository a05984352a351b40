// Services that the agent has no more: agent_api/service_returns.hpp.
#include "agent_api/service_returns.hpp"

#include "test.hpp"

#include <map>
#include <set>
#include <string>

using namespace lictor;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Json reaped = {{"ID", "web"},
                     {"Check", {{"TTL", "10s"}, {"Status", "passing"}, {"DeregisterCriticalServiceAfter", "1m"}}}};
const std::set<std::string> sent{"web"};

AgentChecks checks(const char* status) {
  return {{"service:web", read_check(Json{{"ServiceID", "web"}, {"Status", status}})}};
}

}  // namespace

TEST_CASE("a service that the agent has taken out comes back without its initial state, and later each time") {
  ServiceReturns returns;
  Time now{seconds(1000)};
  Duration before{};
  for (int time = 1; time < 12; ++time) {
    CAPTURE(time);
    returns.look(sent, checks("critical"));
    const Time out = now;
    while (returns.absent(SharedJson(reaped), true, true, now) == Absence::waiting) {
      CHECK(returns.absent(SharedJson(reaped), false, true, now) ==
            Absence::waiting);  // as it is no longer among those sent
      now += seconds(1);
    }
    CHECK(returns.absent(SharedJson(reaped), false, true, now) == Absence::critical);
    const Duration waited = now - out;
    CHECK(waited == (time == 1 ? Duration{} : std::min(longest_absence, std::max(shortest_absence, before * 2))));
    before = waited;
    CHECK_FALSE(returns.body(reaped).at("Check").contains("Status"));
    returns.taken("web");
    CHECK((returns.body(reaped) == reaped));
  }
  // Another definition begins anew.
  Json other = reaped;
  other["Port"] = 81;
  returns.look(sent, checks("critical"));
  CHECK(returns.absent(SharedJson(other), true, true, now) == Absence::critical);
}

TEST_CASE("a service that somebody has deregistered comes back at once, and one that was never there is none") {
  ServiceReturns returns;
  const Time now{seconds(1000)};
  returns.look(sent, checks("passing"));
  CHECK(returns.absent(SharedJson(reaped), true, true, now) == Absence::deregistered);
  CHECK(returns.absent(SharedJson(reaped), false, true, now) == Absence::deregistered);  // not taken at the first try
  returns.taken("web");
  CHECK(returns.absent(SharedJson(Json{{"ID", "new"}}), false, false, now) == Absence::none);
}

TEST_CASE(
    "a service that its agent may have taken out unseen comes back without its initial state, and without a word") {
  ServiceReturns returns;
  const Time now{seconds(1000)};
  CHECK(returns.absent(SharedJson(reaped), false, true, now) == Absence::none);
  CHECK_FALSE(returns.body(reaped).at("Check").contains("Status"));
  const Json plain = {{"ID", "db"}, {"Check", {{"TTL", "10s"}, {"Status", "passing"}}}};
  CHECK(returns.absent(SharedJson(plain), false, true, now) == Absence::none);
  CHECK((returns.body(plain) == plain));
}

TEST_CASE("which services may be deregistered by their agent") {
  CHECK(may_be_deregistered(reaped));
  CHECK(may_be_deregistered(
      Json{{"ID", "a"}, {"Checks", {{{"TTL", "1s"}}, {{"DeregisterCriticalServiceAfter", "90m"}}}}}));
  CHECK(may_be_deregistered(SharedJson(reaped)));
  for (const char* other : {R"({"ID": "a"})", R"({"ID": "a", "Check": {"TTL": "1s"}})", R"({"ID": "a", "Checks": [7]})",
                            R"({"ID": "a", "Check": {"DeregisterCriticalServiceAfter": ""}})"}) {
    CAPTURE(other);
    CHECK_FALSE(may_be_deregistered(Json::parse(other)));
    CHECK_FALSE(may_be_deregistered(SharedJson(Json::parse(other))));
  }
}
