// Who beside root and lictor's own user has a say in what lictor does.
#pragma once

#include "agent_config/plan.hpp"
#include "base/problem.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// Warnings, as of Ground: settings, programs and folders that others can change, and secrets of the environment that are
// written where everybody reads them.
std::vector<std::string> trust_warnings(const Settings& settings, const PlanFacts& facts);

// Why a lictor of root neither makes the data directory `data_dir` nor gives it to `uid`: nothing names it but a file that
// others can change, who would be given any folder of this host. Nothing: it may, or the directory is that user's already.
std::optional<Problem> handover_refused(const Settings& settings, const AgentConfig& config,
                                        const std::string& data_dir, unsigned uid);

}  // namespace lictor
