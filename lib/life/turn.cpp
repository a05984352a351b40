#include "life/turn.hpp"

#include <algorithm>

namespace lictor {

Phase phase_of(const SupervisorState& agent, const RegistrationState& registration, const StoppingState& stop) {
  if (stop.goes_on) return Phase::restart;
  switch (stop.step) {
    case StopStep::none:
      break;
    case StopStep::deciding:
      return Phase::deciding;
    case StopStep::settle:
      return Phase::settle;
    case StopStep::pre_stop:
      return Phase::pre_stop;
    case StopStep::leaving:
      return Phase::leaving;
    case StopStep::linger:
      return Phase::linger;
    case StopStep::ending:
      return Phase::ending;
    case StopStep::sweep:
      return Phase::sweep;
    case StopStep::ended:
      return Phase::ended;
  }
  switch (agent.state) {
    case AgentState::none:
      return Phase::prepare;
    case AgentState::waiting:
    case AgentState::launching:
      return Phase::launch;
    case AgentState::ending:
      return Phase::restart;
    case AgentState::running:
      break;
  }
  switch (registration.state) {
    case RegistrationStep::off:
      return Phase::join;
    case RegistrationStep::registering:
      return Phase::registering;
    case RegistrationStep::serving:
      return Phase::serve;
  }
  return Phase::ended;
}

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::prepare:
      return "prepare";
    case Phase::launch:
      return "launch";
    case Phase::join:
      return "join";
    case Phase::registering:
      return "register";
    case Phase::serve:
      return "serve";
    case Phase::restart:
      return "restart";
    case Phase::deciding:
      return "stop";
    case Phase::settle:
    case Phase::pre_stop:
    case Phase::leaving:
    case Phase::linger:
      return "leave";
    case Phase::ending:
    case Phase::sweep:
      return "end";
    case Phase::ended:
      return "ended";
  }
  return "";
}

std::int64_t Jitter::below(std::uint64_t bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<std::int64_t>(state % bound);
}

Duration paced(Duration waited, int share, Duration at_least, Duration at_most) {
  return std::clamp(waited / share, at_least, at_most);
}

Field seconds_field(Duration time) {
  return {"seconds", std::chrono::duration<double>(std::chrono::floor<std::chrono::milliseconds>(time)).count()};
}

Fields operator+(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

}  // namespace lictor
