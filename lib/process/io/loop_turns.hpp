// How long the event loop was busy with one thing: nothing else happens meanwhile, no signal, no child's end, no probe.
//
// Asio includes this file through BOOST_ASIO_CUSTOM_HANDLER_TRACKING (CMakeLists.txt) and has each handler's call between
// the two macros that are not empty. It must not include any of Asio.
#pragma once

#include <chrono>

namespace lictor {

// One call of a handler. There is one loop in one thread. Costs some 3 us, of which the look at the queue for a CPU is one.
class LoopTurn {
 public:
  LoopTurn();
  ~LoopTurn();
  LoopTurn(const LoopTurn&) = delete;
  LoopTurn& operator=(const LoopTurn&) = delete;

  // Of all turns that are over: the time on the CPU of one that waited for nothing; of one that did, for a disk or a lock,
  // the time by the clock without that in the queue for a CPU.
  static std::chrono::steady_clock::duration longest();

  // The most that one turn lost because the machine gave its CPU to others.
  static std::chrono::steady_clock::duration longest_lost();

 private:
  long waits_;
  std::chrono::nanoseconds used_cpu_, queued_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace lictor

#define BOOST_ASIO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_CREATION(args) (void)0
#define BOOST_ASIO_HANDLER_COMPLETION(args) (void)0
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) const ::lictor::LoopTurn lictor_turn
#define BOOST_ASIO_HANDLER_INVOCATION_END (void)0
#define BOOST_ASIO_HANDLER_OPERATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) (void)0
