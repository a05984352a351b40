// A fleet for people and for programs: what `lictor fleet` prints.
#pragma once

#include "base/text.hpp"
#include "fleet/fleet.hpp"

#include <string>

namespace lictor {

// The totals, a label and behind it the counts, and then a line for each node that is not well, or that the choice asks for.
std::string fleet_text(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now,
                       const PageStyle& style);
// The same as JSON, of which a node takes a line, or, `in_a_line`, all that there is; docs/fleet.md says what each key means.
std::string fleet_json(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now,
                       bool in_a_line);

}  // namespace lictor
