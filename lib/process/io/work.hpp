// Whether a process works (process/work.hpp), as the kernel counts it.
#pragma once

#include "base/time.hpp"
#include "process/work.hpp"

#include <sys/types.h>

#include <optional>

namespace lictor {

// Nothing: there is no such process, or no /proc.
std::optional<ProcessWork> read_work(pid_t pid);

// Follows one process after the other, by looking at it now and then.
class WorkWatch {
 public:
  // Whether `pid` has worked between the last two looks at it that were least_apart, this one included. Not before there are two.
  bool works(pid_t pid);

 private:
  struct Look {
    pid_t pid;
    ProcessWork work;
    Time at;
  };
  std::optional<Look> last_;
  bool works_ = false;
};

}  // namespace lictor
