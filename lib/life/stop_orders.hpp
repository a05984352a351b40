// How a stop comes about: by an order, by the agent's leave that somebody else has asked for, or because the life is given up.
// Which of them counts depends on several parts at once, so it is none of theirs.
#pragma once

#include "life/parts.hpp"

namespace lictor {

class StopOrders {
 public:
  // All outlive it.
  StopOrders(const Life& life, Turn& turn, Parts& parts) : life_(life), turn_(turn), parts_(parts) {}

  // TERM, INT, and the orders that say whether it leaves. The first one begins the stop; a second INT cuts it short.
  void stop(SignalKind kind);
  // Begins the stop, where it has not begun: cut_short() is to follow, once what is posted has been handed on.
  void stop_at_once();
  void cut_short(const char* why);
  // A hook that must not fail has failed.
  void stop_for_hook(const Problem& why);
  void give_up(const Problem& why);
  // The agent leaves, or has left, without our asking.
  void told_to_leave();

 private:
  bool asked_to_stop() const { return life_.stopping.stop && !life_.stopping.goes_on; }
  void begin(StopOrder order, bool interrupt);
  void leave_as_told();

  const Life& life_;
  Turn& turn_;
  Parts& parts_;
};

}  // namespace lictor
