// How an agent comes to its end, by itself or by ours, and what follows: another one, with these settings, with those before or
// with others, or the stop. That depends on several parts at once, so it is none of theirs.
#pragma once

#include "life/parts.hpp"

namespace lictor {

class Succession {
 public:
  // All outlive it.
  Succession(const Life& life, Turn& turn, Parts& parts) : life_(life), turn_(turn), parts_(parts) {}

  void launch_failed(const LaunchFailed& e);
  void ended(const AgentEnded& e);

  // Ends the agent, and another one is launched; not in a stop, nor where it ends already.
  void restart(const RestartAgent& m);
  void replace(const ReplaceAgent& m);
  // The same, after a leave.
  void leave_first(const LeaveFirst& m);
  void leave_is_over(const LeaveOver& m);
  void end_for_good(const EndForGood& m);

 private:
  bool ever_ready() const { return life_.registration.first_ready.has_value(); }
  void go_on_with_others();

  const Life& life_;
  Turn& turn_;
  Parts& parts_;
};

}  // namespace lictor
