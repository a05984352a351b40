#include "act/loop_turns.hpp"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>

namespace lictor {

namespace {

std::chrono::steady_clock::duration longest_own{}, lost{};

std::chrono::nanoseconds used_cpu() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

// How often the thread has given its CPU away to wait for something.
long waits() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

}  // namespace

LoopTurn::LoopTurn() : waits_(waits()), used_cpu_(used_cpu()) { began_ = std::chrono::steady_clock::now(); }

// The kernel's account of the time that a thread was runnable and did not run (schedstat) would be simpler and was seen to
// leave out most of it where a thread is preempted within a system call.
LoopTurn::~LoopTurn() {
  const std::chrono::steady_clock::duration all = std::chrono::steady_clock::now() - began_;
  const std::chrono::steady_clock::duration own =
      waits() == waits_ ? std::min<std::chrono::steady_clock::duration>(all, used_cpu() - used_cpu_) : all;
  longest_own = std::max(longest_own, own);
  lost = std::max(lost, all - own);
}

std::chrono::steady_clock::duration LoopTurn::longest() { return longest_own; }

std::chrono::steady_clock::duration LoopTurn::longest_lost() { return lost; }

}  // namespace lictor
