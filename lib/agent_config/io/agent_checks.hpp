// Checks that an agent keeps in its data directory, from one of its starts to the next.
#pragma once

#include <string>
#include <vector>

namespace lictor {

// Has the agent that starts next in a data directory begin without the checks of these ids, but for those whose state it has kept:
// TTL checks that somebody has told it of, which go on as they were. Only while no agent runs there. The services that they belong
// to stay, so whoever asks the catalog goes on to find them. Waits for the disk: a thousand checks are a thousand files.
//
// An agent takes each other check that it finds there for critical until the check's first run, and tells the servers so as soon
// as it has met one. A check that is registered with it anew begins with the status of its definition.
void forget_kept_checks(const std::string& data_dir, const std::vector<std::string>& ids);

}  // namespace lictor
