// A life that is told event by event, and a part of it alone.
#pragma once

#include "life/view.hpp"

#include "test.hpp"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace story {

using namespace lictor;

inline const NodeKey node{"n1", "id-1", "10.0.0.5"};

// A dead member at the node's own address, and one that is alive there.
inline Claim dead() {
  Claim claim;
  claim.name = "old";
  claim.state = "failed";
  claim.former = claim.prune = claim.deregister = true;
  return claim;
}
inline Claim alive() {
  Claim claim;
  claim.name = "other";
  claim.state = "alive";
  return claim;
}

class Story {
 public:
  explicit Story(const Rules& rules = {}) : life(new_life(rules, 7)) {}

  Story& at(Duration since_start, Happening what) {
    now = Time(since_start);
    effects = step(life, {now, std::move(what)});
    // What the agent and the platform say they say at once.
    while (true) {
      if (why && life.deciding.deadline)
        hear(WhyAnswered{*why});
      else if (says && effects_ask_member())
        hear(MemberSeen{life.supervisor.launches, *says});
      else
        break;
    }
    for (const Effect& effect : effects) {
      if (const auto* quit = std::get_if<Quit>(&effect)) end = *quit;
    }
    return *this;
  }

  template <class E>
  const E* first() const {
    for (const Effect& effect : effects) {
      if (const auto* found = std::get_if<E>(&effect)) return found;
    }
    return nullptr;
  }
  template <class E>
  bool has() const {
    return first<E>() != nullptr;
  }

  Story& launched() {
    return at({}, Begin{}).at({}, Prepared{life.reloading.in_force.rules, node, false}).at({}, Launched{42});
  }
  Story& serving() {
    launched()
        .at(std::chrono::milliseconds(60), Probed{1, ProbeAnswer::leader, 3})
        .at(std::chrono::milliseconds(70), ServicesSent{1, ""});
    at(std::chrono::milliseconds(75), CatalogSeen{1, CatalogAnswer::registered});
    REQUIRE(ready(life));
    return *this;
  }
  // Until the agent has been asked to leave, at ten seconds.
  Story& leaving() {
    serving().at(std::chrono::seconds(10), Signal{SignalKind::terminate});
    REQUIRE(has<AskLeave>());
    return *this;
  }
  Story& ended_and_swept(const AgentEnded& how) {
    return at(now.time_since_epoch(), how).at(now.time_since_epoch(), ChildrenGone{});
  }

  Life life;
  Time now{};
  std::vector<Effect> effects;
  std::optional<Quit> end;
  // That it is a member, or that it leaves; nothing: it is silent until the test has it speak.
  std::optional<MemberAnswer> says = MemberAnswer::member;
  // Why lictor stops, at once; nothing: nobody tells until the test does.
  std::optional<StopReason> why = StopReason{};

 private:
  void hear(Happening what) {
    const std::vector<Effect> more = step(life, {now, std::move(what)});
    effects.insert(effects.end(), more.begin(), more.end());
  }
  // The agent is asked, and can answer.
  bool effects_ask_member() const { return life.departure.looking && life.supervisor.process; }
};

// What a part needs of the others to be taken alone: where the life is, and what is in force. Its own state may be one of these.
struct Surroundings {
  InForce in_force{{}, node};
  SupervisorState agent;
  RegistrationState registration;
  StoppingState stop;
  Jitter jitter;

  // An agent runs since the beginning.
  void with_agent() {
    agent.state = AgentState::running;
    agent.launches = 1;
    agent.process = Process{.pid = 42};
  }
  Turn turn(Duration since_start) { return {Time(since_start), in_force, agent, registration, stop, jitter}; }
};

template <class E, class Variants>
const E* first_of(const Variants& all) {
  for (const auto& one : all) {
    if (const auto* found = std::get_if<E>(&one)) return found;
  }
  return nullptr;
}

}  // namespace story
