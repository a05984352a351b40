// Whether a stop leaves the cluster or stays in it, and how much time the platform gives it.
//
//   none      no stop was asked for
//   asking    the platform is asked why, and for its grace; for decide_within at most: then the stop leaves
//   decided   once, and for good
//
// What is asked for decides where it says so: QUIT and SIGRTMIN+1 stay, `lictor leave` and a post_start hook that must not fail leave
// unless stop.policy says `stay`. Else stop.policy does. With `auto` a stop stays only where the platform has said that the node comes
// back, or that the host reboots and stop.reboot says `stay`; who does not answer in time, or knows nothing, has the node leave.
// With `leave` the platform is asked for its grace alone.
//
// In: WhyAnswered; from the other parts: begin, settled by what has happened. Out: AskWhy. Told to the others: decided.
//
// Law (tests/walk): decided; of leave-once, that no leave follows where the stop was to stay; of truth, that it stays only by evidence.
#pragma once

#include "life/events.hpp"

#include <optional>
#include <string>

namespace lictor {

class Turn;

inline constexpr Duration decide_within = std::chrono::milliseconds(300);

// Who has asked for the stop, and how.
enum class StopOrder {
  by_policy,  // SIGTERM, SIGINT
  leave,      // `lictor leave`
  stay,       // SIGRTMIN+1
  at_once,    // QUIT
  hook        // a post_start hook has failed without which the node must not be registered
};

StopOrder order_of(SignalKind kind);

struct Verdict {
  bool leave = true;
  std::string evidence{};  // by what; empty: by stop.policy alone
  bool told = false;       // the evidence is somebody's word, and not that there is none
  bool operator==(const Verdict&) const = default;
};

struct DecidingState {
  std::optional<Time> deadline;    // asking
  std::optional<Verdict> verdict;  // decided
  bool operator==(const DecidingState&) const = default;
};

class Deciding {
 public:
  Deciding(DecidingState& own, Turn& turn) : own_(own), turn_(turn) {}

  void begin(StopOrder order);
  // By what has happened: the agent leaves already.
  void settled(Verdict verdict);
  void on(const WhyAnswered& e);
  void on_deadline();

 private:
  void decide(Verdict verdict, std::optional<Duration> grace = {});
  Verdict by_reason(const StopReason& reason) const;

  DecidingState& own_;
  Turn& turn_;
};

}  // namespace lictor
