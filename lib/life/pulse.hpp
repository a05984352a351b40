// Whether the agent answers of itself: its API may answer what it has to ask a server, or what takes no thought, and yet never
// tell what it has. It does not while it tells the servers of that either, and so not while a server is silent to which it tells
// it: that server may be one that nobody asks any more, as where another one leads by now.
//
//   beating   it has told what it has; asked again after half of hung_after
//   mute      it has not, and the servers are asked by the way of it, each sample_interval:
//               silent    they don't answer either: it is so for their sake, and the silence counts from when what it has asked
//                         of them can't be out any more
//               changed   they answer, but not all of them, or another one leads since: likewise
//               steady    it is so by itself, and for hung_after: hung
//             While it is seen to tell them something it works: then it is hung when it has not for hung_after, or after
//             works_times that
//
// In: a leader is found; OwnAnswered, ServersAnswered. Out: AskOwn, AskServers. Told to the others: hung.
//
// Laws (tests/walk): patience, replaced.
#pragma once

#include "life/events.hpp"

#include <optional>

namespace lictor {

class Turn;

// For which a call to a server may be out that is silent: the agent gives its connection up when 10 s have passed over a
// question of its own (yamux: keepalive), which it asks each 30 s.
inline constexpr Duration held_up_limit = std::chrono::seconds(45);
// Between samples: a tenth of hung_after, between these.
inline constexpr Duration sample_at_least = std::chrono::milliseconds(200);
inline constexpr Duration sample_at_most = std::chrono::seconds(5);

// Of the agent that runs now.
struct PulseState {
  bool asking = false, sampling = false;  // an answer is outstanding
  std::optional<Time> ask_at{};
  std::optional<Time> sample_at{};
  std::optional<Time> mute{};    // since when it has been asked in vain, for no server's sake; may be yet to come
  std::optional<Time> worked{};  // last seen to tell the servers something
  bool operator==(const PulseState&) const = default;
};

class Pulse {
 public:
  Pulse(PulseState& own, Turn& turn) : own_(own), turn_(turn) {}

  void ended() { own_ = {}; }  // the agent
  void pause();                // it is being ended, or a stop has begun
  void leader_found();
  void ask();
  void sample();
  void on(const OwnAnswered& e);
  void on(const ServersAnswered& e);

 private:
  void note(const ServersAnswered& e);
  bool hung() const;
  Duration sample_interval() const;

  PulseState& own_;
  Turn& turn_;
};

}  // namespace lictor
