// What the agent's own syncer leaves lying: while it waits for a full sync, the agent tells the servers of no change.
//
//   idle      the agent tells by itself
//   paused    it may be waiting: it is made to send what it has every flush_interval, while it is registered and knows a
//             leader, until its full sync and the one after a failed one must be over
//   refused   it does not let lictor do it
//
// In: Flushed; from the other parts: servers are met, the syncer was paused. Out: Flush.
//
// Law (tests/walk): flushed.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;
struct JoiningState;
struct RegistrationState;

// Between a Flush and the next.
inline constexpr Duration flush_interval = std::chrono::milliseconds(500);

// Of the agent that runs now.
struct SyncerState {
  std::optional<Time> paused{};    // last: it met servers, or took a registration or a reload
  std::optional<Time> flush_at{};  // next
  bool anew = false;               // the next Flush, which there has been none of since
  bool refused = false;
  bool flushing = false;  // an answer is outstanding
  bool operator==(const SyncerState&) const = default;
};

class Syncer {
 public:
  Syncer(SyncerState& own, Turn& turn, const JoiningState& joining, const RegistrationState& registration)
      : own_(own), turn_(turn), joining_(joining), registration_(registration) {}

  void ended() { own_ = {}; }  // the agent
  // `sent`: but all that it has was sent to the servers, as an agent does at the end of a registration or a reload. `anew`: there may
  // be something to be sent even if nothing changes from now on.
  void paused(bool sent, bool anew);
  void flush();
  void on(const Flushed& e);

 private:
  SyncerState& own_;
  Turn& turn_;
  const JoiningState& joining_;
  const RegistrationState& registration_;
};

}  // namespace lictor
