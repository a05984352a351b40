// What the agent answers, read as members and catalog entries.
#include "identity/claims.hpp"

#include <algorithm>

#include "test.hpp"

using namespace lictor;

TEST_CASE("members are read from what the agent answers") {
  const auto read = parse_members(R"([
    {"Name": "server", "Addr": "10.0.0.1", "Port": 8301, "Status": 1, "ProtocolMax": 5,
     "Tags": {"role": "consul", "id": "11111111-1111-4111-8111-111111111111", "build": "1.8.7:1a2b3c", "dc": "dc1"}},
    {"Name": "n1", "Addr": "fd00::5", "Status": 4, "Tags": {"role": "node", "build": "1.22.1"}},
    {"Name": "n2", "Addr": "10.0.0.2", "Status": 2, "Tags": null}, {"Name": "n3", "Status": 3},
    {"Name": "n4", "Status": 0}, {"Name": "n5", "Status": 5}, {"Name": "n6", "Status": -1},
    {"Name": "n7", "Status": "alive", "Addr": 7, "Tags": {"id": 7, "build": ":"}},
    {"Name": ""}, {"Addr": "10.0.0.9", "Status": 1}, {"Name": 9}, {}, null, 1, "n8", [{"Name": "n9"}]])");
  REQUIRE(read.has_value());
  struct Row {
    const char *name, *id, *address, *status, *version;
  };
  const Row rows[] = {{"server", "11111111-1111-4111-8111-111111111111", "10.0.0.1", "alive", "1.8.7"},
                      {"n1", "", "fd00::5", "failed", "1.22.1"},
                      {"n2", "", "10.0.0.2", "leaving", ""},
                      {"n3", "", "", "left", ""},
                      {"n4", "", "", "unknown", ""},
                      {"n5", "", "", "unknown", ""},
                      {"n6", "", "", "unknown", ""},
                      {"n7", "", "", "unknown", ""}};
  REQUIRE(read->size() == std::size(rows));
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    const Member& m = (*read)[i];
    CAPTURE(m.name);
    CHECK(m.name == rows[i].name);
    CHECK(m.id == rows[i].id);
    CHECK(m.address == rows[i].address);
    CHECK(to_string(m.status) == std::string(rows[i].status));
    CHECK(m.version == rows[i].version);
    CHECK(m.server == (i == 0));
    CHECK(m.client == (i == 1));
  }
}

TEST_CASE("for want of a field nothing is cleared away") {
  const NodeKey own{"n1", "id-1", "10.0.0.5", {{"old", "id-0"}}};
  const Json self = {{"Name", "n1"}, {"Addr", "10.0.0.5"}, {"Port", 8301}, {"Status", 1}, {"Tags", {{"role", "node"}}}};
  const Json former = {{"Name", "old"},
                       {"Addr", "10.0.0.5"},
                       {"Port", 8301},
                       {"Status", 4},
                       {"Tags", {{"role", "node"}, {"id", "id-0"}}}};
  const Json entry = {{"Node", "old"}, {"ID", "id-0"}, {"Address", "10.0.0.5"}, {"Meta", {{"rack", "r1"}}}};
  const auto cleared = [&](const Json& member, const Json& node) {
    const auto members = parse_members(Json::array({self, member}).dump());
    const auto nodes = parse_catalog_nodes(Json::array({node}).dump());
    REQUIRE((members.has_value() && nodes.has_value()));
    const auto claims = find_claims(own, *members, *nodes);
    return std::any_of(claims.begin(), claims.end(), [](const Claim& claim) { return claim.dead(); });
  };
  REQUIRE(cleared(former, entry));
  const auto without = [](Json from, const char* key) {
    from.erase(key);
    return from;
  };
  for (const char* key : {"Addr", "Port", "Status", "Tags"}) {
    CAPTURE(key);
    CHECK_FALSE(cleared(without(former, key), Json::object()));
    Json odd = former;
    for (const Json& value : {Json(nullptr), Json("x"), Json(7.5), Json::array(), Json::object()}) {
      odd[key] = value;
      CAPTURE(value.dump());
      CHECK_FALSE(cleared(odd, Json::object()));
    }
  }
  Json other = former;
  other["Tags"] = {{"id", "id-0"}};  // of a role that nobody knows
  CHECK_FALSE(cleared(other, entry));
  other["Tags"]["role"] = "consul";
  CHECK_FALSE(cleared(other, entry));
  for (const char* key : {"external-node", "external-probe", "synthetic-node"}) {
    Json marked = entry;
    marked["Meta"] = {{key, ""}};
    CHECK_FALSE(cleared(former, marked));
  }
  CHECK_FALSE(cleared(Json::object(), without(entry, "Address")));
  // Metadata of any kind is none of these.
  for (const Json& meta : {Json(nullptr), Json("synthetic-node"), Json::array({"external-node"}), Json(7)}) {
    Json odd = entry;
    odd["Meta"] = meta;
    CHECK(cleared(former, odd));
  }
}

TEST_CASE("catalog entries are read from what the agent answers") {
  const auto read = parse_catalog_nodes(R"([
    {"ID": "11111111-1111-4111-8111-111111111111", "Node": "n1", "Address": "10.0.0.5", "Datacenter": "dc1",
     "TaggedAddresses": {"lan": "10.0.0.5"}, "Meta": {"consul-network-segment": ""}, "ModifyIndex": 7},
    {"ID": "", "Node": "gateway", "Address": "10.0.0.7", "Meta": {"external-node": "true", "external-probe": "true"}},
    {"Node": "n2", "Meta": null}, {"Node": "n3", "Meta": {"external-node": "false"}},
    {"Node": "n4", "Meta": {"external-node": true}}, {"Node": ""}, {"Address": "10.0.0.9"}, null,
    {"Node": "probed", "Meta": {"external-probe": "false"}}, {"Node": "pods", "Meta": {"synthetic-node": "true"}}])");
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 7);
  // Whatever the value says: who writes it has something in mind.
  struct Row {
    const char* name;
    bool external, synthetic;
  };
  const Row rows[] = {{"n1", false, false}, {"gateway", true, false}, {"n2", false, false}, {"n3", true, false},
                      {"n4", true, false},  {"probed", true, false},  {"pods", false, true}};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK((*read)[i].name == rows[i].name);
    CHECK((*read)[i].external == rows[i].external);
    CHECK((*read)[i].synthetic == rows[i].synthetic);
  }
  CHECK(read->front().id == "11111111-1111-4111-8111-111111111111");
  CHECK(read->front().address == "10.0.0.5");
  CHECK((*read)[1].id == "");
}

TEST_CASE("what is no list is a problem, an empty list is none") {
  for (const char* body : {"", " ", "null", "{}", "\"x\"", "1", "[", "[{\"Name\": \"n1\"}", "[{\"Name\": \"n1\"}] x",
                           "Permission denied", "\xff\xfe"}) {
    CAPTURE(body);
    CHECK(parse_members(body).has_error());
    CHECK(parse_catalog_nodes(body).has_error());
  }
  CHECK(parse_members("[]")->empty());
  CHECK(parse_catalog_nodes(" [ ]\n")->empty());
}

TEST_CASE("a list that is nested too deep is a problem") {
  const std::string deep = "[{\"Name\":" + std::string(1'000'000, '[');
  CHECK_FALSE(parse_members(deep).has_value());
  CHECK_FALSE(parse_catalog_nodes(deep).has_value());
  CHECK(parse_members("[1, [], null, {\"Name\": \"a\"}]")->size() == 1);
}
