// For the bench: GETs at a fixed rate, each over a connection of its own, as a kubelet makes them.
//
//   prober ADDRESS PORT TARGET RATE SECONDS
//
// Prints a line for each: its HTTP status (0: no answer), and the nanoseconds from the moment at which it was due. One
// that is late because of those before it is late.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

constexpr long long second = 1000000000;

long long now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second + time.tv_nsec;
}

int answer(const sockaddr_in& address, const std::string& request) {
  const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string text;
  if (connect(peer, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      write(peer, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
    char part[4096];
    for (ssize_t size = 0; (size = read(peer, part, sizeof part)) > 0;) text.append(part, static_cast<size_t>(size));
  }
  close(peer);
  return text.size() > 12 ? atoi(text.c_str() + 9) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 64;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(atoi(argv[2])));
  if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 64;
  const std::string request = std::string("GET ") + argv[3] + " HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
  const int rate = atoi(argv[4]), count = rate * atoi(argv[5]);
  std::vector<std::pair<int, long long>> seen;
  seen.reserve(static_cast<size_t>(count));
  const long long began = now();
  for (int i = 0; i < count; ++i) {
    const long long due = began + i * second / rate;
    const timespec at{.tv_sec = due / second, .tv_nsec = due % second};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
    }
    const int status = answer(address, request);
    seen.emplace_back(status, now() - due);
  }
  for (const auto& [status, took] : seen) printf("%d %lld\n", status, took);
}
