#include "life/departure.hpp"

#include "life/joining.hpp"
#include "life/registration.hpp"
#include "life/turn.hpp"

#include <utility>

namespace lictor {

void Departure::look() {
  own_.look_at.reset();
  if (!turn_.process() || std::exchange(own_.looking, true)) return;
  turn_.emit(LookAtMember{turn_.launch()});
}

bool Departure::may_be_told() const {
  return turn_.in(Phase::join) || turn_.registering() || turn_.at(StopStep::deciding) || turn_.at(StopStep::settle) ||
         turn_.at(StopStep::pre_stop);
}

void Departure::announced() {
  if (!may_be_told()) return;
  own_.announced = turn_.now;
  look();
}

bool Departure::doubts(const CatalogSeen& e) {
  if (e.answer == CatalogAnswer::failed) return false;
  const bool believed = std::exchange(own_.believed, false);
  own_.gone = e.answer == CatalogAnswer::gone && registration_.seen && !believed;
  if (own_.gone) look();
  return own_.gone;
}

void Departure::gossip_shut_down() {
  own_.gossip = true;
  look();
}

void Departure::on(StandingAnswer standing) {
  if (standing == StandingAnswer::untold && turn_.registering()) look();
}

void Departure::on(const MemberSeen& e) {
  own_.looking = false;
  const bool gossip = std::exchange(own_.gossip, false);
  if (e.answer == MemberAnswer::leaves) return turn_.post(ToldToLeave{});
  if (own_.announced && turn_.now - *own_.announced < announced_for && may_be_told())
    own_.look_at = turn_.now + announced_look;
  if (own_.gone && turn_.registering()) {
    own_.believed = true;
    turn_.post(LookAtCatalog{});
  }
  if (gossip && e.answer == MemberAnswer::member && (turn_.in(Phase::join) || turn_.registering()))
    turn_.post(GossipEnded{});
  turn_.post(StillMember{});
}

bool Departure::left(const AgentEnded& e) const {
  const Process& agent = *turn_.process();
  return e.code == 0 && !e.not_executed && joining_.answered && !agent.ending && !agent.killed;
}

}  // namespace lictor
