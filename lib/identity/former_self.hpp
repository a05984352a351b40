// What a node has been.
#pragma once

#include <cstddef>
#include <string>

namespace lictor {

// A name and an id that a node has had together.
struct FormerSelf {
  std::string name, id;
  bool operator==(const FormerSelf&) const = default;
};

// Of these so many are kept, the last ones.
constexpr std::size_t former_selves = 8;

}  // namespace lictor
