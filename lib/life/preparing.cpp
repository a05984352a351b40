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

Missing missing_of(const PrepareFailed& e) {
  return !e.files.empty() ? Missing::files : e.locked ? Missing::lock : Missing::address;
}

}  // namespace

bool hopeless(const PrepareFailed& e) { return e.final || e.problem.exit != Exit::retry; }

Time Preparing::end_of_wait() const {
  switch (own_.missing) {
    case Missing::files:
      return own_.began + turn_.rules().files_wait;
    case Missing::lock:
      return own_.since + lock_wait;
    default:
      return own_.since + turn_.rules().bind_wait;
  }
}

// Now and then, where nobody may tell that it has come.
std::optional<Duration> Preparing::looked_at() const {
  if (own_.missing == Missing::lock) return lock_looked_at;
  if (own_.missing == Missing::files && own_.unheard) return files_looked_at;
  return std::nullopt;
}

void Preparing::begin() {
  own_.began = own_.since = turn_.now;
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
  own_.missing = Missing::nothing;
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
  if (const Missing missing = missing_of(e); missing != own_.missing) {
    // That there was no address is known only now, but it is missing since the node has been prepared.
    if (own_.missing != Missing::nothing || missing == Missing::lock) own_.since = turn_.now;
    own_.missing = missing;
    own_.last_look = false;
  }
  own_.awaited = e.files.empty() ? Problems{e.problem} : e.files;
  own_.unheard = e.unheard;
  if (again && turn_.now < end_of_wait()) prepare();
  await();
}

// An address that is still not there is told of once, of files and locks each that is missing.
void Preparing::tell_of(const PrepareFailed& e) {
  const Missing missing = missing_of(e);
  if (missing == Missing::files) {
    if (e.files != own_.awaited)
      turn_.say(Tone::info, "waiting for files",
                {seconds_field(turn_.rules().files_wait), {"reason", described(e.files)}});
  } else if (missing == Missing::lock) {
    if (Problems{e.problem} != own_.awaited)
      turn_.say(Tone::warn, "waiting for another lictor to end",
                {seconds_field(lock_wait), {"reason", described({e.problem})}});
  } else if (own_.missing != Missing::address) {
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
  if (looked_at() && turn_.now < end_of_wait()) prepare();
  await();
}

// What is being looked for right now may still be found.
void Preparing::await() {
  const Time end = end_of_wait();
  Time next = end;
  if (own_.settling) next = std::min(next, own_.settling->since + turn_.rules().bind_settle);
  if (const auto pause = looked_at()) next = std::min(next, turn_.now + *pause);
  own_.deadline = next;
  if (turn_.now < next) return;
  own_.deadline.reset();
  if (own_.work.running) return;
  if (own_.missing == Missing::files || own_.missing == Missing::lock) {
    if (!std::exchange(own_.last_look, true)) return prepare();
    return turn_.post(GiveUp{own_.awaited.front()});
  }
  own_.settling ? prepare(own_.settling->address) : turn_.post(GiveUp{own_.awaited.front()});
}

}  // namespace lictor
