// For the bench: makes orphans as fast as it can, 10,000 in bursts of 100, for whatever is PID 1 in this namespace.
//
// A burst is a mother that forks a hundred children and ends: what is left of them is PID 1's to reap, all at once.
// When PID 1 has no more children than at the beginning, three numbers go to the file that $ORPHANS names:
//
//   nanoseconds from the first fork on; the most orphans seen waiting; nanoseconds that PID 1 was on a CPU
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int bursts = 100, burst = 100;

long long now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int children_of_init() {
  FILE* file = fopen("/proc/1/task/1/children", "re");
  if (!file) _exit(1);
  int count = 0, pid = 0;
  while (fscanf(file, "%d", &pid) == 1) ++count;
  fclose(file);
  return count;
}

long long cpu_time_of_init() {
  FILE* file = fopen("/proc/1/schedstat", "re");
  long long time = 0;
  if (!file || fscanf(file, "%lld", &time) != 1) _exit(1);
  fclose(file);
  return time;
}

void one_burst() {
  const pid_t mother = fork();
  if (mother < 0) _exit(1);
  if (mother == 0) {
    for (int i = 0; i < burst; ++i)
      if (fork() <= 0) _exit(0);
    _exit(0);
  }
  waitpid(mother, nullptr, 0);
}

}  // namespace

int main() {
  const char* path = getenv("ORPHANS");
  if (!path) return 1;
  usleep(200000);  // whatever PID 1 does at its start is over
  const int before = children_of_init();
  const long long worked = cpu_time_of_init(), began = now();
  int most = 0;
  for (int i = 0; i < bursts; ++i) {
    one_burst();
    const int waiting = children_of_init() - before;
    if (waiting > most) most = waiting;
  }
  while (children_of_init() > before) usleep(200);
  const long long took = now() - began;
  FILE* file = fopen(path, "we");
  if (!file) return 1;
  fprintf(file, "%lld %d %lld\n", took, most, cpu_time_of_init() - worked);
  fclose(file);
  pause();
}
