// Many walks. Each prints what came of them, and is 0 if no law was broken.
#pragma once

#include "walk.hpp"

#include <cstdint>
#include <string>

namespace lictor::walk {

// At random, of so many happenings altogether. `wanted`: 0 if that law was broken, for a mutant of the life.
int random_lives(long most, std::uint64_t seed, const std::string& wanted);

// All sequences of so many happenings from each moment of a few straight lives, and an end of each. 1 <= part <= parts: those
// of a share of the moments; all parts together are the whole.
int all_sequences(int depth, int part, int parts);

void print(const Walk& walk, const Broken& broken);

}  // namespace lictor::walk
