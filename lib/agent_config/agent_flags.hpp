// What the arguments of `consul agent` set, as its command line is read: Consul's agent/config/flags.go, 1.8 to 1.22.
#pragma once

#include "base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lictor {

struct AgentFlags {
  Json lists = Json::object();         // of flags that may stand several times (-retry-join): before all files
  Json values = Json::object();        // of all others: over all files
  std::vector<std::string> files;      // -config-file and -config-dir, in their order
  std::string format;                  // -config-format: of every file; empty: by its name
  std::vector<std::string> fragments;  // -hcl: over everything
  std::vector<std::string> wrong;      // "-http-port=x: is no whole number", which ends an agent at once
};

// As Go's package flag reads it: one dash or two, "-name=value" or "-name" "value", but "-name" alone or "-name=false" for what is
// true or false; nothing is read behind "--" or what is no flag. -join counts as -retry-join, which lictor makes of it. A flag that
// is not known here, as one of a later Consul, sets nothing.
AgentFlags read_agent_flags(const std::vector<std::string>& arguments);

}  // namespace lictor
