// The one JSON value of the program.
#pragma once

#include <nlohmann/json.hpp>

namespace lictor {

using Json = nlohmann::json;

}  // namespace lictor
