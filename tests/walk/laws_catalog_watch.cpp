// What the servers have of this node (life/catalog_watch.hpp), and whether they hold it for failed (life/standing.hpp). Laws: heard,
// unhurried; of rest, that nobody looks at the catalog while the servers tell of it.
#include "walk.hpp"

#include <algorithm>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const AwaitNews& e) {
  constexpr std::array news{NewsAnswer::same, NewsAnswer::changed, NewsAnswer::differs, NewsAnswer::unanswered,
                            NewsAnswer::forbidden};
  constexpr std::array standings{StandingAnswer::alive, StandingAnswer::failed, StandingAnswer::untold};
  const NewsAnswer answer = news[by_weight(45, 20, 20, 10, 5)];
  const bool told_nothing = answer == NewsAnswer::unanswered || answer == NewsAnswer::forbidden;
  const bool leaderless = answer == NewsAnswer::unanswered || (answer == NewsAnswer::same && seldom(10));
  HeardOf& heard = heard_[e.part == NodePart::checks ? 0 : 1];
  heard.good = e.whole && !told_nothing;
  const bool told = !told_nothing && answer != NewsAnswer::same;
  if (told && (holder_.empty() || holder_ == in_force_.own.address)) heard.differs = answer == NewsAnswer::differs;
  heard.hasty = answer == NewsAnswer::same && now_ - heard.asked < std::min(watch_held, e.limit / 2);
  if (!heard.hasty) heard.in_haste.clear();
  if (leaderless && leader_) doubt();
  if (answer == NewsAnswer::differs) told_of_difference_ = true;
  calm_ = calm_ && answer != NewsAnswer::differs;
  // serfHealth is a check.
  const bool stands = e.part == NodePart::checks && !told_nothing;
  tell(NewsSeen{e.launch, e.part, answer, stands ? standings[by_weight(70, 20, 10)] : StandingAnswer::untold,
                leaderless},
       "news");
}

bool Walk::awaits_news(NodePart part) const {
  return std::any_of(owed_.begin(), owed_.end(), [part](const Owed& o) {
    const auto* awaited = std::get_if<AwaitNews>(&o.effect);
    return awaited && awaited->part == part;
  });
}

void Walk::take(const AwaitNews& e) {
  HeardOf& heard = heard_[e.part == NodePart::checks ? 0 : 1];
  hold(agent_ && leader_ && !stop_at_ && !given_up_ && !replaced_, "heard",
       "the servers are asked without a leader, in a stop, or of an agent that is being ended");
  hold(!awaits_news(e.part), "heard", "a second question beside one that the servers have");
  hold(e.part == NodePart::checks || e.whole, "heard", "services are asked for that are only being registered");
  std::erase_if(heard.lately, [this](Time at) { return now_ - at >= seconds(1); });
  heard.lately.push_back(now_);
  hold(heard.lately.size() <= 8, "unhurried", "a server has the same question again and again within a second");
  if (heard.hasty) heard.in_haste.push_back(now_);
  const std::size_t hasty = heard.in_haste.size();
  hold(hasty < 3 || now_ - heard.in_haste[hasty - 3] >= watch_hasty, "unhurried",
       "a question that is answered at once, with nothing new, is asked again and again");
  hold(!heard.not_before || now_ >= *heard.not_before, "unhurried", "servers are asked as soon as they are back");
  heard.asked = now_;
  owe(e, mostly(50) ? e.limit : seconds(1));
}

// A node that is registered anew is watched anew.
void Walk::note_registered() {
  if (turns_.back().phase == Phase::serve || seen().phase() != Phase::serve) return;
  for (HeardOf& one : heard_) {
    one.in_haste.clear();
    one.not_before.reset();
  }
}

// The catalog is looked at once. What questions the servers have already they keep.
void Walk::note_outage_over() {
  calm_ = false;
  if (seen().phase() != Phase::serve || !gossip_) return;
  const Duration most = std::min<Duration>(now_ - *leaderless_, watch_after_outage);
  if (!awaits_news(NodePart::checks)) heard_[0].not_before = now_ + most / 3;
  if (!awaits_news(NodePart::services)) heard_[1].not_before = now_ + most / 3;
}

void Walk::take(const DropNews&) {
  std::erase_if(owed_, [](const Owed& o) { return std::holds_alternative<AwaitNews>(o.effect); });
}

void Walk::hold_heard() const {
  const std::array parts{NodePart::checks, NodePart::services};
  const std::array questions{&life_.watch.checks, &life_.watch.services};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool asked = awaits_news(parts[i]);
    hold(!asked || !(stop_at_ || replaced_), "heard", "the servers have a question that nobody waits for");
    if (!ready(life_) || !leader_ || asked) continue;
    hold(questions[i]->ask_at && *questions[i]->ask_at <= now_ + 2 * watch_forbidden + watch_forbidden / 5, "heard",
         "nobody asks the servers what they have of this node");
  }
}

}  // namespace lictor::walk
