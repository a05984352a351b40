// A host on which an agent without lictor runs, or did: what `lictor check` tells of the move.
#pragma once

#include "ground.hpp"

#include <string>
#include <vector>

namespace lictor {

struct MoveTold {
  std::vector<std::string> lines;  // nothing where no such agent has run, or lictor has already taken its place
  Problems problems;
};
MoveTold look_at_move(const Ground& ground);

}  // namespace lictor
