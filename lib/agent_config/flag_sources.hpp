// What arguments of `consul agent` say, each flag a source of its own.
#pragma once

#include "agent_config/agent_settings.hpp"

#include <string>
#include <vector>

namespace lictor {

struct FlagSources {
  std::vector<AgentConfigFile> lists, values;  // as in AgentFlags; their path is "agent.args -http-port"
};
FlagSources flag_sources(const std::vector<std::string>& arguments);

}  // namespace lictor
