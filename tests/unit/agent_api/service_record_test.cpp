// What lictor keeps of the services it has sent: agent_api/service_record.hpp.
#include "agent_api/service_record.hpp"

#include "test.hpp"

#include <string>
#include <vector>

using namespace lictor;
using Tags = std::vector<std::string>;

TEST_CASE("tags of two sides: what others have added or taken away holds, and so does what the definition has") {
  struct Row {
    const char* name;
    Tags before, ours, theirs, merged;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"nobody has changed any", {"a", "b"}, {"a", "b"}, {"a", "b"}, {"a", "b"}},
           {"only the definition has, its order too", {"a", "b"}, {"c", "a"}, {"a", "b"}, {"c", "a"}},
           {"only others have", {"a", "b"}, {"a", "b"}, {"b", "x"}, {"b", "x"}},
           {"both: one added on each side", {"a"}, {"a", "c"}, {"a", "x"}, {"a", "x", "c"}},
           {"both: one taken away on each side", {"a", "b", "c"}, {"b", "c"}, {"a", "b"}, {"b"}},
           {"both have added the same", {}, {"c"}, {"c", "x"}, {"c", "x"}},
           {"others have taken all away", {"a"}, {"a"}, {}, {}},
       }) {
    CAPTURE(row.name);
    CHECK(merged_tags(row.before, row.ours, row.theirs) == row.merged);
  }
}

TEST_CASE("a record of services is read as it was written, and as it was written before checks were kept") {
  const ServiceRecord record{{"web", {"d1", {"c1", "c2"}, {"a"}}}, {"db", {"d2", {}, {}}}};
  CHECK((parse_record(Json::parse(record_text(record))) == record));
  CHECK((parse_record(Json{{"web", "d1"}}) == ServiceRecord{{"web", {"d1", {}, {}}}}));
  for (const char* other : {"null", "[]", "7", "{\"web\": 7}"}) {
    CAPTURE(other);
    CHECK(parse_record(Json::parse(other)).empty());
  }
  const Json odd = {{"web", {{"digest", 7}, {"checks", {1, "c"}}, {"tags", "t"}}}};
  CHECK((parse_record(odd) == ServiceRecord{{"web", {"", {"c"}, {}}}}));
}

TEST_CASE("the checks of a sidecar are known by the ids that Consul gives them") {
  Json web = {{"ID", "web"}, {"Check", {{"TTL", "1h"}}}, {"Connect", {{"SidecarService", Json::object()}}}};
  CHECK((given_check_ids(web) ==
         std::set<std::string>{"service:web", "service:web-sidecar-proxy:1", "service:web-sidecar-proxy:2"}));
  web["Connect"]["SidecarService"]["Check"] = {{"TTL", "1h"}};
  CHECK((given_check_ids(web) == std::set<std::string>{"service:web", "service:web-sidecar-proxy"}));
}
