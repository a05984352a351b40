#include "life/address.hpp"

#include "life/turn.hpp"

#include <algorithm>
#include <utility>

namespace lictor {

void AddressWatch::host_changed() {
  if (!turn_.stopping()) look_in(address_looked_at);
}

void AddressWatch::look_in(Duration time) {
  own_.read_at = std::min(own_.read_at.value_or(Time::max()), turn_.now + time);
}

void AddressWatch::read() {
  own_.read_at.reset();
  if (turn_.stopping()) return;
  if (own_.reading.running) {
    own_.reading.again = true;
    return;
  }
  own_.reading = {.running = true};
  turn_.emit(ReadAddress{});
}

void AddressWatch::on(const AddressRead& e) {
  const bool outdated = std::exchange(own_.reading, {}).again;
  if (turn_.stopping()) return;
  if (e.state == AddressState::unknown) {
    not_seen(e);
    if (outdated) read();
    return;
  }
  own_.unseen.reset();
  if (e.state == AddressState::same) {
    own_.settling.reset();
    turn_.post(AddressFound{});
  }
  if (outdated) return read();
  e.state == AddressState::same ? found(e) : not_found(e);
}

// What has changed may be told of by nobody any more.
void AddressWatch::not_seen(const AddressRead& e) {
  if (!own_.unseen)
    turn_.say(Tone::warn, "the host's addresses can't be looked at; tried again each minute", {{"reason", e.text}});
  own_.unseen = e.text;
  look_in(address_looked_at_again);
}

void AddressWatch::found(const AddressRead& e) {
  own_.ignored.clear();
  if (std::exchange(own_.missing, {})) turn_.say(Tone::info, "the address is back", {{"address", e.own}});
}

void AddressWatch::not_found(const AddressRead& e) {
  const bool other = e.state == AddressState::other;
  const bool was_there = !own_.missing;
  own_.missing = e.own + " is gone (" + e.text + (other ? " would be taken)" : ")");
  if (was_there) ++own_.lost;
  if (other) return would_be(e);
  own_.settling.reset();
  if (was_there)
    turn_.say(Tone::warn, "the address is gone; the agent is left as it is until there is one",
              {{"address", e.own}, {"reason", e.text}});
}

void AddressWatch::would_be(const AddressRead& e) {
  const Rules& rules = turn_.rules();
  if (settle(own_.settling, e.text, turn_.now) && rules.restart_on_change)
    turn_.say(Tone::warn,
              "the address is gone, and another one would do; it is taken if that is so still after bind.settle",
              {{"address", e.own}, {"other", e.text}, seconds_field(rules.bind_settle)});
  const Time settled = own_.settling->since + rules.bind_settle;
  if (turn_.now < settled) return look_in(settled - turn_.now);
  changed(e);
}

void AddressWatch::changed(const AddressRead& e) {
  if (turn_.rules().restart_on_change) return turn_.post(AddressChanged{});
  if (std::exchange(own_.ignored, e.text) == e.text) return;
  turn_.say(Tone::info,
            "this node's address would now be another one; the agent keeps the old one (bind.on_change: ignore)",
            {{"address", e.own}, {"other", e.text}});
}

void AddressWatch::settled() {
  own_.missing.reset();
  own_.unseen.reset();
  own_.settling.reset();
}

void AddressWatch::stand_down() {
  own_.read_at.reset();
  own_.settling.reset();
}

}  // namespace lictor
