// An address that would be taken, for as long as it has been the one to take. News of a host come in several pieces, and what is
// gone may be back at once: a change counts when it has stood for bind.settle.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <string>

namespace lictor {

struct Settling {
  std::string address;
  Time since{};
  bool operator==(const Settling&) const = default;
};

// It is seen to be the one to take. True: it was another one until now, or none.
inline bool settle(std::optional<Settling>& settling, const std::string& address, Time now) {
  if (settling && settling->address == address) return false;
  settling = {address, now};
  return true;
}

}  // namespace lictor
