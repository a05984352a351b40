#include "life/catalog_watch.hpp"

#include "life/claims.hpp"
#include "life/joining.hpp"
#include "life/standing.hpp"
#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

void CatalogWatch::drop() {
  const bool asks = own_.checks.asking || own_.services.asking;
  own_.checks.asking = own_.services.asking = false;
  if (asks) turn_.emit(DropNews{});
}

void CatalogWatch::pause() {
  own_.checks.ask_at.reset();
  own_.services.ask_at.reset();
  own_.whole = own_.checks.answered = own_.services.answered = false;
  own_.checks.put_off = own_.services.put_off = false;
  drop();
}

void CatalogWatch::ask_soon(Question& question) const {
  if (!question.asking) question.ask_at = std::max(turn_.now, question.not_before.value_or(turn_.now));
}

void CatalogWatch::leader_found(Duration without) {
  if (!own_.whole) return ask_soon(own_.checks);
  const Duration most = std::min(without, watch_after_outage), third = most / 3;
  for (Question* question : {&own_.checks, &own_.services}) {
    ask_soon(*question);
    if (question->asking) continue;
    const Time later =
        turn_.now + third + Duration(turn_.random(static_cast<std::uint64_t>((most - third).count()) + 1));
    question->ask_at = std::max(*question->ask_at, later);
    question->put_off = true;
  }
}

// The one that asks for a part is asked anew, for the whole.
void CatalogWatch::registered(bool anew) {
  if (!anew) return;
  for (Question* question : {&own_.checks, &own_.services}) {
    question->hasty = question->busy = 0;
    if (question->asked) question->not_before = *question->asked + watch_changed;
  }
  if (!std::exchange(own_.whole, true)) drop();
  for (Question* question : {&own_.checks, &own_.services}) ask_soon(*question);
}

// ---- asking

void CatalogWatch::ask() {
  for (const NodePart part : {NodePart::checks, NodePart::services}) {
    if (turn_.due(question(part).ask_at)) ask(part);
  }
}

void CatalogWatch::ask(NodePart part) {
  Question& q = question(part);
  q.ask_at.reset();
  if (!turn_.registering()) return;
  // Servers in trouble have one question.
  if (!joining_.leader || (part == NodePart::services && own_.checks.unanswered > 0)) {
    q.ask_at = turn_.now + watch_pause;
    return;
  }
  q.asking = true;
  q.asked = turn_.now;
  q.limit = part == NodePart::checks ? standing_limit(standing_, turn_.now, joining_.members) : watch_wait;
  turn_.emit(AwaitNews{turn_.launch(), part, own_.whole, q.limit});
}

// ---- answers

bool CatalogWatch::on(const NewsSeen& e) {
  Question& q = question(e.part);
  if (!std::exchange(q.asking, false) || !turn_.registering()) return false;
  q.put_off = false;
  q.unanswered = e.answer == NewsAnswer::unanswered ? q.unanswered + 1 : 0;
  const bool good = e.answer != NewsAnswer::unanswered && e.answer != NewsAnswer::forbidden;
  q.answered = good && own_.whole;
  q.ask_at = q.not_before = next(q, e.answer);
  if (e.leaderless || e.answer == NewsAnswer::unanswered) turn_.post(ServersDoubted{});
  // What has our name elsewhere is another node, and not held for ours.
  if (!good || claims_.held_elsewhere(turn_.own())) return false;
  if (e.answer != NewsAnswer::same) q.differs = e.answer == NewsAnswer::differs;
  if (e.answer == NewsAnswer::differs) turn_.post(PartDiffers{});
  return true;
}

Time CatalogWatch::next(Question& q, NewsAnswer answer) {
  if (answer == NewsAnswer::unanswered)
    return after_failure(paced(watch_pause * q.unanswered, 1, watch_pause, watch_retry));
  if (answer == NewsAnswer::forbidden) return after_failure(watch_forbidden);
  const bool held = turn_.now - *q.asked >= std::min(watch_held, q.limit / 2);
  const bool differs = answer == NewsAnswer::differs;
  q.unmended = differs && q.differs ? q.unmended + 1 : 0;
  if (held || differs) q.hasty = q.busy = 0;
  if (held && std::max(own_.checks.hasty, own_.services.hasty) < hasty_told && std::exchange(own_.told, false))
    turn_.say(Tone::info, "the servers hold again what they are asked about this node's part of the catalog");
  if (held) return turn_.now;
  if (differs) {
    const Duration pause = std::min<Duration>(watch_changed * (1 << std::min(q.unmended, 10)), watch_unmended_most);
    return std::max(turn_.now, *q.asked + pause);
  }
  if (answer == NewsAnswer::changed) {
    q.hasty = 0;
    const int more = std::min(++q.busy - watch_often, 10);
    const Duration pause = more <= 0 ? watch_changed : std::min(watch_busy * (1 << (more - 1)), watch_busy_most);
    return std::max(turn_.now, *q.asked + pause);
  }
  if (++q.hasty == hasty_told) tell_of_haste();
  if (q.hasty % 2 == 1) return turn_.now;
  return std::max(turn_.now, *q.asked + std::min(watch_hasty * (1 << std::min(q.hasty / 2 - 1, 10)), watch_hasty_most));
}

// All nodes are answered at once when their servers fail.
Time CatalogWatch::after_failure(Duration pause) { return turn_.now + pause + pause * turn_.random(200) / 1000; }

void CatalogWatch::tell_of_haste() {
  if (std::exchange(own_.told, true)) return;
  turn_.say(Tone::warn,
            "the servers, or something before them, answer at once what they are asked to hold until this node's part "
            "of the catalog changes: they are asked less often");
}

}  // namespace lictor
