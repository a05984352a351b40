#include "life/preparing.hpp"

#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

bool hopeless(const PrepareFailed& e) { return e.final || e.problem.exit != Exit::retry; }

Time Preparing::end_of_wait() const { return own_.began + turn_.rules().bind_wait; }

void Preparing::begin() {
  own_.began = turn_.now;
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
  own_.no_address.reset();
  own_.deadline.reset();
  return true;
}

void Preparing::failed(const PrepareFailed& e) {
  const bool again = std::exchange(own_.work, {}).again;
  if (own_.over) return;
  if (hopeless(e)) return turn_.post(GiveUp{e.problem});
  const std::string& candidate = e.candidate;
  candidate.empty() ? own_.settling.reset() : void(settle(own_.settling, candidate, turn_.now));
  if (!own_.no_address) {
    const bool name = e.problem.what == "node.name";
    turn_.say(Tone::info, name ? "waiting for a host name" : "waiting for an address",
              {seconds_field(turn_.rules().bind_wait), {"reason", e.problem.why}});
  }
  own_.no_address = e.problem;
  if (again && turn_.now < end_of_wait()) prepare();
  await();
}

void Preparing::stand_down() {
  own_.over = true;
  own_.deadline.reset();
}

void Preparing::on_deadline() {
  own_.deadline.reset();
  await();
}

// What is being looked for right now may still be found.
void Preparing::await() {
  const Time settled = own_.settling ? own_.settling->since + turn_.rules().bind_settle : Time::max();
  own_.deadline = std::min(settled, end_of_wait());
  if (turn_.now < *own_.deadline) return;
  own_.deadline.reset();
  if (own_.work.running) return;
  own_.settling ? prepare(own_.settling->address) : turn_.post(GiveUp{*own_.no_address});
}

}  // namespace lictor
