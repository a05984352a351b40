// Who listens on which port of this host, from /proc.
#pragma once

#include "base/problem.hpp"
#include "network/ports.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// All listeners in the network namespace of process `pid` (0: this process). A problem where /proc can't be read.
Result<std::vector<Listener>> list_listeners(pid_t pid = 0);

struct Holder {
  pid_t pid = 0;
  std::string name;       // of the program, as ps has it
  std::string arguments;  // joined by blanks

  bool operator==(const Holder&) const = default;
};

// The process with the lowest pid that has the socket open. Nothing where no process can be seen to have it: it is in
// another pid namespace, or somebody else's and this process is not root.
std::optional<Holder> holder_of(const Listener& listener);

}  // namespace lictor
