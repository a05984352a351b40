// What a check might need of its host, one need a run: `probe wx`. Ends with 0 where it is had, else with 1 and errno's words.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char page[4096];

static int told(const char* what, int result) {
  printf("%s: %s\n", what, result >= 0 ? "had" : strerror(errno));
  return result >= 0 ? 0 : 1;
}

static int jit(void) {
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return -1;
  *(unsigned char*)page = 0xc3;  // ret
  if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return -1;
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? -1 : 0;
}

static int unix_socket(const char* path, int serve) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (!serve) return connect(fd, (struct sockaddr*)&name, sizeof name);
  unlink(path);
  if (bind(fd, (struct sockaddr*)&name, sizeof name) != 0 || listen(fd, 64) != 0) return -1;
  for (;;) close(accept(fd, NULL, NULL));
}

static int realtime(int policy, int priority) {
  struct sched_param how = {.sched_priority = priority};
  return sched_setscheduler(0, policy, &how);
}

static int limit(int which, rlim_t soft) {
  struct rlimit limits;
  if (getrlimit(which, &limits) != 0) return -1;
  limits.rlim_cur = soft;
  return setrlimit(which, &limits);
}

int main(int count, char** words) {
  const char* what = count > 1 ? words[1] : "";
  const char* path = count > 2 ? words[2] : "";
  if (!strcmp(what, "jit")) return told(what, jit());
  if (!strcmp(what, "icmp")) return told(what, socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  if (!strcmp(what, "raw")) return told(what, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  if (!strcmp(what, "packet")) return told(what, socket(AF_PACKET, SOCK_RAW, 0));
  if (!strcmp(what, "netlink")) return told(what, socket(AF_NETLINK, SOCK_RAW, 0));
  if (!strcmp(what, "alg")) return told(what, socket(AF_ALG, SOCK_SEQPACKET, 0));
  if (!strcmp(what, "personality")) return told(what, personality(ADDR_NO_RANDOMIZE));
  if (!strcmp(what, "userns")) return told(what, unshare(CLONE_NEWUSER));
  if (!strcmp(what, "mlock")) return told(what, mlock(page, sizeof page));
  if (!strcmp(what, "batch")) return told(what, realtime(SCHED_BATCH, 0));
  if (!strcmp(what, "fifo")) return told(what, realtime(SCHED_FIFO, 1));
  if (!strcmp(what, "limit")) return told(what, limit(RLIMIT_NOFILE, 512));
  if (!strcmp(what, "core")) return told(what, limit(RLIMIT_CORE, RLIM_INFINITY));
  if (!strcmp(what, "nice")) return told(what, setpriority(PRIO_PROCESS, 0, 5));
  if (!strcmp(what, "root")) return told(what, geteuid() == 0 ? 0 : (errno = EPERM, -1));
  if (!strcmp(what, "chroot")) return told(what, chroot("/"));
  if (!strcmp(what, "read")) return told(what, access(path, R_OK) == 0 || fopen(path, "r") ? 0 : -1);
  if (!strcmp(what, "connect")) return told(what, unix_socket(path, 0));
  if (!strcmp(what, "listen")) return told(what, unix_socket(path, 1));
  return 2;
}
