// Whether the servers hold this node for failed (life/standing.hpp). Law: heard.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const AwaitStanding& e) {
  constexpr std::array answers{StandingAnswer::alive, StandingAnswer::failed, StandingAnswer::unanswered,
                               StandingAnswer::untold, StandingAnswer::forbidden};
  tell(StandingSeen{e.launch, answers[by_weight(60, 20, 10, 5, 5)]}, "standing");
}

bool Walk::asks_standing() const {
  return std::any_of(owed_.begin(), owed_.end(),
                     [](const Owed& o) { return std::holds_alternative<AwaitStanding>(o.effect); });
}

void Walk::take(const AwaitStanding& e) {
  hold(agent_ && leader_ && !stop_at_ && !given_up_ && !replaced_, "heard",
       "the servers are asked without a leader, in a stop, or of an agent that is being ended");
  hold(!asks_standing(), "heard", "a second question beside one that the servers have");
  hold(!standing_asked_ || now_ - *standing_asked_ >= standing_pause, "heard", "the servers are asked without a pause");
  standing_asked_ = now_;
  owe(e, mostly(50) ? e.limit : seconds(1));
}

void Walk::take(const DropStanding&) {
  std::erase_if(owed_, [](const Owed& o) { return std::holds_alternative<AwaitStanding>(o.effect); });
}

void Walk::hold_heard() const {
  hold(!asks_standing() || !(stop_at_ || replaced_), "heard", "the servers have a question that nobody waits for");
  if (!ready(life_) || !leader_ || asks_standing()) return;
  hold(life_.standing.ask_at && *life_.standing.ask_at <= now_ + standing_forbidden + standing_forbidden / 5, "heard",
       "nobody asks the servers whether they hold the node for failed");
}

}  // namespace lictor::walk
