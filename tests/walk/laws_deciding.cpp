// Whether a stop leaves or stays (life/deciding.hpp). Law: decided; what was to be decided is what leave-once and truth hold it to.
#include "walk.hpp"

namespace lictor::walk {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What the platform says counts if it is in time.
void Walk::respond(const AskWhy&) {
  const auto cause = static_cast<StopCause>(among(5));
  StopReason reason{.cause = cause, .evidence = "words"};
  if (seldom(40)) reason.grace = seconds(1) + upto(seconds(mostly(50) ? 4 : 40));
  if (seen().phase() == Phase::deciding) {
    const Rules& rules = seen().rules();
    const bool comes_back = cause == StopCause::comes_back || (cause == StopCause::reboots && rules.stay_over_reboot);
    stop_leave_ = rules.stop_policy != StopPolicy::automatic || !comes_back;
    decided_ = true;
    grace_ = reason.grace;
  }
  tell(WhyAnswered{reason}, "why");
}

void Walk::take(const AskWhy& e) {
  hold(stop_at_ && !decided_ && e.within == decide_within, "decided",
       "the platform is asked where nothing is to be decided");
  if (mostly(90)) owe(e, mostly(80) ? milliseconds(100) : seconds(2));
}

bool Walk::decided() const { return decided_ || asked_leave_ || now_ >= *stop_at_ + decide_within; }

void Walk::hold_decided() const {
  if (seen().phase() != Phase::deciding) return;
  hold(now_ <= *stop_at_ + decide_within, "decided", "it takes too long to decide");
}

}  // namespace lictor::walk
