#include "process/io/loop_turns.hpp"

#include "files/io/descriptor.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

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

// How long the thread has been runnable and not run: the second figure of schedstat. 0 where the kernel keeps no such account.
std::chrono::nanoseconds queued() {
  static const Descriptor schedstat(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
  std::array<char, 80> text;
  const ssize_t size = pread(schedstat.get(), text.data(), text.size(), 0);
  if (size <= 0) return {};
  const std::string_view figures(text.data(), static_cast<std::size_t>(size));
  const std::size_t second = std::min(figures.find(' '), figures.size() - 1) + 1;
  std::int64_t time = 0;
  std::from_chars(figures.data() + second, figures.data() + figures.size(), time);
  return std::chrono::nanoseconds(time);
}

}  // namespace

LoopTurn::LoopTurn() : waits_(waits()), used_cpu_(used_cpu()), queued_(queued()) {
  began_ = std::chrono::steady_clock::now();
}

// The kernel's account of the queue alone would be simpler, and was seen to leave out most of it where a thread is preempted
// within a system call: where nothing was waited for, the time on the CPU tells more.
LoopTurn::~LoopTurn() {
  using Clock = std::chrono::steady_clock;
  const Clock::duration all = Clock::now() - began_;
  const Clock::duration own = waits() == waits_ ? std::min<Clock::duration>(all, used_cpu() - used_cpu_)
                                                : std::max(Clock::duration::zero(), all - (queued() - queued_));
  longest_own = std::max(longest_own, own);
  lost = std::max(lost, all - own);
}

std::chrono::steady_clock::duration LoopTurn::longest() { return longest_own; }

std::chrono::steady_clock::duration LoopTurn::longest_lost() { return lost; }

}  // namespace lictor
