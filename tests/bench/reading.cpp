// Reads files in HCL as a start of lictor does, into what an agent goes by, over and over for two seconds. Writes how many
// microseconds of the processor all of them took at best, the most bytes of heap that were in use at a time, and those that stay.
#include "../oracle/counted_heap.hpp"
#include "agent_config/definitions.hpp"
#include "agent_config/kept_definitions.hpp"
#include "agent_config/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <limits>

int main(int argc, char** argv) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  auto best = std::numeric_limits<std::clock_t>::max();
  const lictor::Settings settings;
  std::size_t kept = 0, most = 0;
  while (std::chrono::steady_clock::now() < end) {
    const std::size_t before = most_heap = heap;
    const auto begin = std::clock();
    lictor::AgentReads reads;
    for (int i = 1; i < argc; ++i) {
      auto file = lictor::parse_without_definitions(argv[i], content_of(argv[i]), "hcl");
      if (!file) return 1;
      reads.files.push_back(std::move(*file));
    }
    lictor::AgentConfig config = lictor::merge_agent_config({}, settings, std::move(reads));
    lictor::let_definitions_go(config);
    best = std::min(best, std::clock() - begin);
    most = most_heap - before;
    kept = heap - before;
  }
  std::printf("%lld %zu %zu\n", static_cast<long long>(best) * 1'000'000 / CLOCKS_PER_SEC, most, kept);
}
