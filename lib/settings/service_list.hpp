// The definitions of services in a settings file, of which there may be thousands: one that is written as it was before is not
// parsed again.
#pragma once

#include "settings/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

Definition definition_of(const Json& json);

struct ServiceList {
  std::vector<Definition> definitions;
  std::string rest;  // the file's text with an empty list in their place
};

// Nothing where there is no such list at `services`, or anything is wrong with the text: the whole is to be parsed, and tells what
// it is. `before`: definitions that may be the same; null: none.
std::optional<ServiceList> read_service_list(const SettingsFile& file, const std::vector<Definition>* before);

}  // namespace lictor
