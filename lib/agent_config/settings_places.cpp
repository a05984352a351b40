#include "agent_config/settings_places.hpp"

#include <algorithm>
#include <array>

namespace lictor {

void note_given(SettingsPlaces& places, const std::string& place, const Json& content) {
  constexpr std::array definitions{"service", "services", "check", "checks"};
  const bool more =
      content.is_object() && std::any_of(content.items().begin(), content.items().end(), [&](const auto& item) {
        return std::find(definitions.begin(), definitions.end(), item.key()) == definitions.end();
      });
  Given& given = places[place];
  given = std::max(given, more ? Given::settings : Given::definitions);
}

std::vector<std::string> giving(const SettingsPlaces& places) {
  std::vector<std::string> giving;
  for (const auto& [place, given] : places) {
    if (given == Given::settings) giving.push_back(place);
  }
  return giving;
}

Problems vanished(const SettingsPlaces& before, const SettingsPlaces& now) {
  Problems problems;
  for (const std::string& place : giving(before)) {
    const auto found = now.find(place);
    if (found != now.end() && found->second == Given::nothing) problems.push_back(vanished(place));
  }
  return problems;
}

Problem vanished(const std::string& place) {
  return Problem{place, "the settings that were there are gone",
                 "put them back; or if that is meant, have an empty object {} there, or restart lictor"};
}

}  // namespace lictor
