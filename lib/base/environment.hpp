// A process's environment as a value.
#pragma once

#include <map>
#include <string>

namespace lictor {

using Environment = std::map<std::string, std::string>;

}  // namespace lictor
