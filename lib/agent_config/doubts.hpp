// What an agent starts with all the same, or is not asked about before it runs: for `lictor check`.
#pragma once

#include "agent_config/agent_settings.hpp"
#include "agent_config/agent_version.hpp"
#include "base/problem.hpp"
#include "base/shared_json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// lictor's own services, `desired` as they are to be sent: what the agent answers with a refusal. A problem for each check that
// can't be, each that runs a program while the agent takes none by its API, and each definition that is too large for it.
Problems service_faults(const std::vector<SharedJson>& desired, const AgentSettings& agent,
                        const std::optional<AgentVersion>& version);

// A line for each key of a service or check that the agent does not know, and passes over where its API is told of it.
// `definitions`: as the user wrote them, each an object.
std::vector<std::string> unknown_service_keys(const Json& definitions);

// A line for each name in braces that a check's program would get as it stands and that is a slip of the fingers away from one
// that lictor puts a value in the place of.
std::vector<std::string> misspelt_names(const Json& definitions);

// A line for each id that stands twice: in the agent's files, where the later service wins without a word, or there and among
// lictor's own.
std::vector<std::string> ids_twice(const AgentSettings& agent, const std::vector<SharedJson>& desired);

// A line for each setting that one file gives differently from another, with both places.
std::vector<std::string> contradicting_files(const AgentSettings& agent);

// Whether nothing names anybody whom the agent, as `node`, could join. `snapshot`: serf/local.snapshot of its data directory, which
// tells whom it tries at its start beside the servers it is given, as serf/snapshot.go reads it (replay).
bool nobody_to_join(const AgentSettings& agent, const std::string& node, const std::string& snapshot);

}  // namespace lictor
