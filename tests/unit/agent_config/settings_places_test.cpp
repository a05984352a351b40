#include "agent_config/settings_places.hpp"

#include "test.hpp"

using namespace lictor;

TEST_CASE("a place gives settings, definitions or nothing, whatever its last file says") {
  SettingsPlaces places{{"/a", Given::nothing}, {"/b", Given::nothing}};
  note_given(places, "/a", Json::parse(R"({"service": {}, "checks": []})"));
  CHECK(places["/a"] == Given::definitions);
  note_given(places, "/a", Json::parse(R"({"services": [], "datacenter": "prod"})"));
  note_given(places, "/a", Json::object());
  CHECK(places["/a"] == Given::settings);
  CHECK(giving(places) == std::vector<std::string>{"/a"});
}

TEST_CASE("only what gave settings, is still looked at and gives nothing has vanished") {
  const SettingsPlaces before{
      {"/a", Given::settings}, {"/b", Given::settings}, {"/c", Given::definitions}, {"/d", Given::settings}};
  const SettingsPlaces now{{"/a", Given::nothing}, {"/b", Given::definitions}, {"/c", Given::nothing}};
  const Problems problems = vanished(before, now);
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().what == "/a");
  CHECK(problems.front().exit == Exit::config);
}
