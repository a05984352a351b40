// Where settings are read that nobody has named one by one: lictor's default file, the default agent.config_files, folders. What
// is not there is passed over when a node is new, but not where it gave settings before: a ConfigMap that has lost a key, a volume
// that is taken away or a package that was purged would take the node into another datacenter.
#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"

#include <map>
#include <string>
#include <vector>

namespace lictor {

// Of a file or folder. Definitions of services and checks come and go; a folder that loses the last of them is no wonder.
enum class Given { nothing, definitions, settings };
using SettingsPlaces = std::map<std::string, Given>;

// Notes what a file at this place says.
void note_given(SettingsPlaces& places, const std::string& place, const Json& content);

// That gave settings.
std::vector<std::string> giving(const SettingsPlaces& places);

// Those of `before` that are still looked at and give nothing now: a problem each (Exit::config).
Problems vanished(const SettingsPlaces& before, const SettingsPlaces& now);
Problem vanished(const std::string& place);

}  // namespace lictor
