// The user's hooks: one at a time, in order, each list from its first.
//
//   idle      the next one is due when registration (post_start) or the stop (pre_stop) says so
//   running   its end is awaited, unless it is dropped
//
// One that fails counts as its on_failure says: ignore, it is done; retry, it is run again; fail, the node must not be
// registered without it (post_start), or the stop is not what it should have been (pre_stop).
//
// In: HookEnded; from the other parts: the next one, drop it. Out: RunHook, EndHook. Told to the others: done, to be run
// again, failed, spoiled.
//
// Law (tests/walk): hooks.
#pragma once

#include "life/events.hpp"

#include <cstddef>

namespace lictor {

class Turn;

// Of the agent that runs now.
struct HooksState {
  bool running = false;
  std::size_t done = 0;  // of post_start, and once a stop was asked of pre_stop
  bool operator==(const HooksState&) const = default;
};

class Hooks {
 public:
  Hooks(HooksState& own, Turn& turn) : own_(own), turn_(turn) {}

  void run_next(HookKind kind);
  void on(const HookEnded& e);
  void drop();
  void begin_anew();  // with another list
  void ended() { own_ = {}; }

 private:
  void failed(HookKind kind, const std::string& why, OnFailure rule);

  HooksState& own_;
  Turn& turn_;
};

}  // namespace lictor
