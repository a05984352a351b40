#include "life/preparing.hpp"

#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

std::string described(const Problems& awaited) {
  std::string text;
  for (const Problem& p : awaited) text += (text.empty() ? "" : ", ") + p.what + ": " + p.why;
  return text;
}

}  // namespace

bool hopeless(const PrepareFailed& e) { return e.final || e.problem.exit != Exit::retry; }

Time Preparing::end_of_wait() const {
  return own_.files ? own_.began + turn_.rules().files_wait : own_.files_there + turn_.rules().bind_wait;
}

void Preparing::begin() {
  own_.began = own_.files_there = turn_.now;
  own_.deadline = end_of_wait();
  prepare();
}

void Preparing::prepare() { prepare(""); }

void Preparing::prepare(const std::string& settled) {
  if (own_.work.running) {
    own_.work.again = true;
    return;
  }
  own_.work = {.running = true};
  turn_.emit(Prepare{settled});
}

bool Preparing::prepared() {
  own_.work = {};
  if (std::exchange(own_.over, true)) return false;
  own_.awaited.clear();
  own_.files = false;
  own_.deadline.reset();
  return true;
}

void Preparing::failed(const PrepareFailed& e) {
  const bool again = std::exchange(own_.work, {}).again;
  if (own_.over) return;
  if (hopeless(e)) return turn_.post(GiveUp{e.problem});
  const std::string& candidate = e.candidate;
  candidate.empty() ? own_.settling.reset() : void(settle(own_.settling, candidate, turn_.now));
  tell_of(e);
  if (own_.files || !e.files.empty()) own_.files_there = turn_.now;
  own_.files = !e.files.empty();
  own_.awaited = own_.files ? e.files : Problems{e.problem};
  own_.unheard = e.unheard;
  if (again && turn_.now < end_of_wait()) prepare();
  await();
}

// An address that is still not there is told of once, of files each that is missing.
void Preparing::tell_of(const PrepareFailed& e) {
  if (!e.files.empty()) {
    if (e.files != own_.awaited)
      turn_.say(Tone::info, "waiting for files",
                {seconds_field(turn_.rules().files_wait), {"reason", described(e.files)}});
  } else if (own_.awaited.empty() || own_.files) {
    const bool name = e.problem.what == "node.name";
    turn_.say(Tone::info, name ? "waiting for a host name" : "waiting for an address",
              {seconds_field(turn_.rules().bind_wait), {"reason", e.problem.why}});
  }
}

void Preparing::stand_down() {
  own_.over = true;
  own_.deadline.reset();
}

void Preparing::on_deadline() {
  own_.deadline.reset();
  if (own_.files && own_.unheard && turn_.now < end_of_wait()) prepare();
  await();
}

// What is being looked for right now may still be found.
void Preparing::await() {
  const Time end = end_of_wait();
  Time next = end;
  if (!own_.files && own_.settling) next = std::min(next, own_.settling->since + turn_.rules().bind_settle);
  if (own_.files && own_.unheard) next = std::min(next, turn_.now + files_looked_at);
  own_.deadline = next;
  if (turn_.now < next) return;
  own_.deadline.reset();
  if (own_.work.running) return;
  if (own_.files) {
    if (!std::exchange(own_.last_look, true)) return prepare();
    return turn_.post(GiveUp{own_.awaited.front()});
  }
  own_.settling ? prepare(own_.settling->address) : turn_.post(GiveUp{own_.awaited.front()});
}

}  // namespace lictor
