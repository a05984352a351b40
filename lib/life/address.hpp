// This node's address, as the kernel's news change it.
//
//   steady    it is there, and nothing to do
//   looking   news have come: a change comes in several pieces
//   reading   a ReadAddress is outstanding; news meanwhile have it read once more
//   missing   the last reading did not find it: the agent is left as it is
//   unseen    the host could not be looked at: all stays as it is, and it is looked at again each minute and at news
//   settling  missing, and another one would be taken: it is, when it has been that one for bind.settle
//
// Another address has the settings prepared with it, and the agent restarted (bind.on_change: restart), or is told of once.
//
// Laws. Steady: the node moves for the address's sake only where no reading has found it for bind.settle.
//
// In: HostChanged, AddressRead; from the settings: look at it by and by, the node has moved. Out: ReadAddress. Told to the
// others: it has changed.
#pragma once

#include "life/events.hpp"
#include "life/preparing.hpp"

#include <optional>
#include <string>

namespace lictor {

class Turn;

// From the kernel's news to a look at the addresses: a change comes in several pieces.
inline constexpr Duration address_looked_at = std::chrono::milliseconds(200);
// After a look at them that could not be had.
inline constexpr Duration address_looked_at_again = std::chrono::minutes(1);

struct AddressWatchState {
  std::optional<Time> read_at;
  Work reading;
  std::optional<std::string> missing;  // for people: which one, and why
  std::optional<std::string> unseen;   // for people: why the host could not be looked at
  std::optional<Settling> settling;
  std::string ignored;  // the one last said to be ignored
  int lost = 0;         // how often it went missing
  bool operator==(const AddressWatchState&) const = default;
};

class AddressWatch {
 public:
  AddressWatch(AddressWatchState& own, Turn& turn) : own_(own), turn_(turn) {}

  void host_changed();
  void look_in(Duration time);
  void read();
  void on(const AddressRead& e);
  void settled();
  void stand_down();

 private:
  void not_seen(const AddressRead& e);
  void found(const AddressRead& e);
  void not_found(const AddressRead& e);
  void would_be(const AddressRead& e);
  void changed(const AddressRead& e);

  AddressWatchState& own_;
  Turn& turn_;
};

}  // namespace lictor
