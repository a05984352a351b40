// A process's environment as a value.
#pragma once

#include <map>
#include <string>

namespace lictor {

using Environment = std::map<std::string, std::string>;

// Empty: there is none of that name, or it is empty.
inline std::string variable_in(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

}  // namespace lictor
