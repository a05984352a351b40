// For the bench: writes the moment at which it runs to the file that $STAMP names.
//
//   stamp COMMAND...   then becomes COMMAND: the moment of its exec
//   as "consul"        then waits for a signal: the moment at which the agent's main begins
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const char* name = strrchr(argv[0], '/');
  const bool agent = strcmp(name ? name + 1 : argv[0], "consul") == 0;
  const char* path = getenv(agent ? "STAMP_AGENT" : "STAMP");
  const int file = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  dprintf(file, "%lld\n", static_cast<long long>(now.tv_sec) * 1000000000 + now.tv_nsec);
  close(file);
  if (agent) pause();
  if (argc > 1 && !agent) execv(argv[1], argv + 1);
  return 1;
}
