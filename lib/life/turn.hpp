// What each part of the life has at hand while one event is taken: the moment, what is in force, where the life is, and a
// place for what is to be done (effects) and for what the other parts have to know (messages).
#pragma once

#include "life/messages.hpp"
#include "life/registration.hpp"
#include "life/reloading.hpp"
#include "life/stopping.hpp"
#include "life/supervisor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lictor {

enum class Phase {
  prepare,
  launch,
  join,
  registering,
  serve,
  restart,
  deciding,
  settle,
  pre_stop,
  leaving,
  linger,
  ending,
  sweep,
  ended
};
const char* to_string(Phase phase);  // as users see it: the stop's phases from settle to linger are "leave"
Phase phase_of(const SupervisorState& agent, const RegistrationState& registration, const StoppingState& stop);

// xorshift64: enough to keep ten thousand nodes from marching in step.
struct Jitter {
  std::uint64_t state = 1;
  std::int64_t below(std::uint64_t bound);  // 0 <= it < bound
  bool operator==(const Jitter&) const = default;
};

// Polls often at first, when a few milliseconds are a large share of the wait, and seldom later.
Duration paced(Duration waited, int share, Duration at_least, Duration at_most);
Field seconds_field(Duration time);  // "seconds", in whole milliseconds
Fields operator+(Fields fields, const Fields& more);

class Turn {
 public:
  Turn(Time at, const InForce& in_force, const SupervisorState& agent, const RegistrationState& registration,
       const StoppingState& stop, Jitter& jitter)
      : now(at), in_force_(in_force), agent_(agent), registration_(registration), stop_(stop), jitter_(jitter) {}

  const Time now;
  bool due(const std::optional<Time>& time) const { return time && *time <= now; }

  const Rules& rules() const { return in_force_.rules; }
  const NodeKey& own() const { return in_force_.own; }

  Phase phase() const { return phase_of(agent_, registration_, stop_); }
  bool in(Phase phase) const { return this->phase() == phase; }
  bool at(StopStep step) const { return stop_.step == step; }
  bool stopping() const { return (stop_.stop && !stop_.goes_on) || stop_.verdict; }
  // The agent leaves, and another one follows.
  bool leaving_first() const { return stop_.stop && stop_.goes_on; }
  bool registering() const { return in(Phase::registering) || in(Phase::serve); }

  int launch() const { return agent_.launches; }
  const std::optional<Process>& process() const { return agent_.process; }
  // An answer counts only if it is of the agent that runs now.
  bool current(int launch) const { return agent_.process && launch == agent_.launches; }
  // Which agent a line is about.
  Fields agent_fields() const { return {{"launch", agent_.launches}, {"pid", agent_.process->pid}}; }

  std::int64_t random(std::uint64_t bound) { return jitter_.below(bound); }

  template <class E>
  void emit(E effect) {
    effects.emplace_back(std::move(effect));
  }
  void say(Tone tone, std::string text, Fields fields = {}) { emit(Say{tone, std::move(text), std::move(fields)}); }
  void post(Message message) { messages.push_back(std::move(message)); }

  std::vector<Effect> effects;
  std::vector<Message> messages;

 private:
  const InForce& in_force_;
  const SupervisorState& agent_;
  const RegistrationState& registration_;
  const StoppingState& stop_;
  Jitter& jitter_;
};

}  // namespace lictor
