// The status for people: what `lictor status` prints.
#pragma once

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace lictor {

// The body of GET /status, or what `lictor status` found without a running lictor, one fact a line: a label, and behind it the
// fact. `now`: the wall clock's, of which the ages in `status` are counted back. Total: what is missing in `status`, or is
// something else than expected there, is left out.
std::string status_text(const nlohmann::json& status, std::chrono::system_clock::time_point now,
                        const PageStyle& style);

// `status` without what changes by the passing of time alone: two that are equal tell of one state.
nlohmann::json without_ages(nlohmann::json status);

// A length of time in the two units that matter: "0.4s", "12s", "8m33s", "3h2m", "12d4h".
std::string rough_duration(double seconds);

}  // namespace lictor
