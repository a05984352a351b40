// Signals that order something, read from a descriptor and never caught: so it can be known that one has come that has not been
// heard yet.
#pragma once

#include "base/problem.hpp"
#include "life/events.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <memory>

namespace lictor {

// Blocks them, for the process and for good. To be called in its first moment: one that reaches PID 1 without a handler is thrown
// away by the kernel, unless it is blocked (kernel/signal.c, sig_ignored). Children are to unblock them (process/io/launcher.hpp).
void hold_signals();

// Whether one has come that is not heard yet. What comes after it, be it over a socket, is not to overtake it.
bool signals_unheard();

class OrderSignals {
 public:
  // `heard` is called for each, from the executor. REQUIRES: hold_signals().
  static Result<std::unique_ptr<OrderSignals>> start(const boost::asio::any_io_executor& executor,
                                                     std::function<void(SignalKind)> heard);

 private:
  OrderSignals(const boost::asio::any_io_executor& executor, int fd, std::function<void(SignalKind)> heard);
  void wait();

  boost::asio::posix::stream_descriptor descriptor_;
  std::function<void(SignalKind)> heard_;
};

}  // namespace lictor
