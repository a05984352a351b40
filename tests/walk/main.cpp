// The life under random walks, and under every short sequence of happenings (walk.hpp).
//
//   life_walk [--steps N] [--seed S]  random lives; exit 0 if no law was broken, else the broken one, its seed and what
//                                     happened
//   life_walk --explore DEPTH [--part K --parts N]
//                                     all sequences of DEPTH happenings from each moment of a few straight lives, and an
//                                     end of each, or the K-th of N shares of that work; same exit
//   life_walk --caught-by LAW         random lives; exit 0 if LAW was broken: for a mutant of the life
#include "lives.hpp"

#include <cstdlib>
#include <cstring>
#include <string>

int main(int argc, char** argv) {
  long most = 1500000;
  int depth = 0, part = 1, parts = 1;
  std::uint64_t seed = 1;
  std::string wanted;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--steps")) most = std::atol(argv[i + 1]);
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--explore")) depth = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--part")) part = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--parts")) parts = std::atoi(argv[i + 1]);
    if (!std::strcmp(argv[i], "--caught-by")) wanted = argv[i + 1];
  }
  return depth > 0 ? lictor::walk::all_sequences(depth, part, parts) : lictor::walk::random_lives(most, seed, wanted);
}
