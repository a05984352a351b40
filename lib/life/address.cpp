#include "life/address.hpp"

#include "life/turn.hpp"

#include <utility>

namespace lictor {

void AddressWatch::host_changed() {
  if (!turn_.stopping() && !own_.read_at) look_in(address_settles);
}

void AddressWatch::look_in(Duration time) { own_.read_at = turn_.now + time; }

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
  if (std::exchange(own_.reading, {}).again) return read();
  if (turn_.stopping()) return;
  const std::string& address = turn_.own().address;
  if (e.state == AddressState::gone) {
    if (std::exchange(own_.gone, true)) return;
    ++own_.lost;
    return turn_.say(Tone::warn, "the address is gone; the agent is left as it is until there is one",
                     {{"address", address}, {"reason", e.text}});
  }
  const bool was_gone = std::exchange(own_.gone, false);
  if (e.state == AddressState::same) {
    own_.ignored.clear();
    if (was_gone) turn_.say(Tone::info, "the address is back", {{"address", address}});
    return;
  }
  if (turn_.rules().restart_on_change) return turn_.post(AddressChanged{});
  if (std::exchange(own_.ignored, e.text) == e.text) return;
  turn_.say(Tone::info,
            "this node's address would now be another one; the agent keeps the old one (bind.on_change: ignore)",
            {{"address", address}, {"other", e.text}});
}

}  // namespace lictor
