// Settings that an agent of a later version does not start with.
#pragma once

#include "agent_config/agent_settings.hpp"
#include "agent_config/agent_version.hpp"
#include "base/problem.hpp"

#include <string>

namespace lictor {

inline constexpr AgentVersion oldest_agent{1, 5, 0};  // that lictor can attend

// Settings that this version does not start with and earlier ones did, each with what takes its place. The versions are those
// of Consul's own releases whose sources first lack the key or refuse the value.
Problems outlived_settings(const AgentSettings& settings, const AgentVersion& version,
                           const std::string& shown_version);

}  // namespace lictor
