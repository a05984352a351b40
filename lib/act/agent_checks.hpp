// Checks that an agent keeps in its data directory, from one of its starts to the next.
#pragma once

#include "decide/time.hpp"

#include <string>
#include <vector>

namespace lictor {

// Has the agent that starts next in a data directory begin without some checks, and without what it kept of their states. Only
// while no agent runs there. The services that they belong to stay, so whoever asks the catalog goes on to find them.
//
// An agent takes each check that it finds there for critical until the check's first run, and tells the servers so as soon as
// it has met one. A check that is registered with it anew begins with the status of its definition.
class KeptChecks {
 public:
  KeptChecks(const std::string& data_dir, std::vector<std::string> ids);

  // Goes on for about so long: thousands of checks are thousands of files. True once nothing is left to do.
  bool forget(Duration slice);

 private:
  std::vector<std::string> ids_;
  std::vector<std::string> files_;  // not yet looked at
};

}  // namespace lictor
