// This node's address, as the kernel's news change it.
//
//   steady    nothing to do
//   settling  news have come: a change comes in several pieces
//   reading   a ReadAddress is outstanding; news meanwhile have it read once more
//   gone      the last reading found none: the agent is left as it is until there is one
//
// Another address has the settings prepared with it, and the agent restarted (bind.on_change: restart), or is told of once.
//
// In: HostChanged, AddressRead; from the settings: look at it by and by. Out: ReadAddress. Told to the others: it has changed.
#pragma once

#include "life/events.hpp"
#include "life/preparing.hpp"

#include <optional>
#include <string>

namespace lictor {

class Turn;

// From the kernel's news to a look at the addresses: a change comes in several pieces.
inline constexpr Duration address_settles = std::chrono::milliseconds(200);

struct AddressWatchState {
  std::optional<Time> read_at;
  Work reading;
  bool gone = false;
  std::string ignored;  // the one last said to be ignored
  int lost = 0;         // how often it was
  bool operator==(const AddressWatchState&) const = default;
};

class AddressWatch {
 public:
  AddressWatch(AddressWatchState& own, Turn& turn) : own_(own), turn_(turn) {}

  void host_changed();
  void look_in(Duration time);
  void read();
  void on(const AddressRead& e);
  void stand_down() { own_.read_at.reset(); }

 private:
  AddressWatchState& own_;
  Turn& turn_;
};

}  // namespace lictor
