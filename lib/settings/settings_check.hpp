// What a value must be like to be a setting's. Part of the settings reader.
#pragma once

#include "settings/settings.hpp"

namespace lictor {

constexpr const char* default_hook_timeout = "30s";

// "bind.cidr[1] (/etc/lictor/lictor.json)": the subject of a problem.
std::string setting_subject(const std::string& path, const std::string& source);

// Adds to `problems` everything that keeps `value` from being the value of `key`; `source` is the file or variable.
// Never quotes what could be a secret (members of maps and objects).
void check_setting(const SettingKey& key, const Json& value, const std::string& source, Problems& problems);

}  // namespace lictor
