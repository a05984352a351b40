// What ends a program with lictor where the kernel does not.
//
// A child has asked the kernel for a signal when lictor dies (PR_SET_PDEATHSIG). The kernel forgets that when a program gains
// privileges as it is executed: one that is set-uid or has file capabilities, and any that runs as root with more than
// lictor has kept. It can't ask again, and nobody can for it. So a fork of lictor waits for lictor's death beside it.
#pragma once

#include "base/problem.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <sys/types.h>

namespace lictor {

// A child that kills the process group `guarded` as soon as this process is dead. It holds no descriptor. Its pid, to be handed
// to Reaper::expect; it is the caller's to kill when the group is gone.
Result<pid_t> start_guard(boost::asio::any_io_executor executor, pid_t guarded);

}  // namespace lictor
