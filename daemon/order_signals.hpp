// Signals that order something, read from a descriptor and never caught: so it can be known that one has come that has not been
// heard yet.
#pragma once

#include "base/problem.hpp"
#include "life/events.hpp"
#include "process/io/descriptor_watch.hpp"

#include <functional>
#include <memory>

namespace lictor {

// Blocks them, for the process and for good. To be called in its first moment: one that reaches PID 1 without a handler is thrown
// away by the kernel, unless it is blocked (kernel/signal.c, sig_ignored). Children are to unblock them (process/io/launcher.hpp).
void hold_signals();

// Whether one has come that is not heard yet. What comes after it, be it over a socket, is not to overtake it.
bool signals_unheard();

// Calls `heard` for each. REQUIRES: hold_signals().
Result<std::unique_ptr<DescriptorWatch>> watch_signals(const boost::asio::any_io_executor& executor,
                                                       std::function<void(SignalKind)> heard);

}  // namespace lictor
