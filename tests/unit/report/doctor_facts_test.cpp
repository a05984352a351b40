// What the doctor asks of the host: who listens, limits, a server's clock.
#include "report/doctor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <tuple>

#include "agent_api/io/http_client.hpp"
#include "network/io/listeners.hpp"
#include "process/io/agent_limits.hpp"
#include "test.hpp"

using namespace lictor;
using std::chrono::seconds;

namespace {

struct OpenSocket {
  int fd;
  int port = 0;
  explicit OpenSocket(int type) : fd(::socket(AF_INET, type, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(fd, 4) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
  }
  ~OpenSocket() { ::close(fd); }
};

}  // namespace

TEST_CASE("parse_listeners: only sockets that wait for others") {
  const std::string tcp =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4711 1 0 100 0 0 10 "
      "0\n"
      "   1: 0100007F:2135 0100007F:9999 01 00000000:00000000 00:00000000 00000000   102        0 4712 1 0 20 0 0 10 "
      "0\n"
      "   2: garbage\n"
      "   3: 0100007G:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4713 1 0 100 0 0 10 "
      "0\n";
  CHECK(parse_listeners(tcp, Protocol::tcp) == std::vector<Listener>{{Protocol::tcp, "127.0.0.1", 8500, 4711}});
  const std::string udp6 =
      "  11: 00000000000000000000000001000000:206D 00000000000000000000000000000000:0000 07 00000000:00000000 "
      "00:00000000 00000000     0        0 12 2 0 0";
  CHECK(parse_listeners(udp6, Protocol::udp) == std::vector<Listener>{{Protocol::udp, "::1", 8301, 12}});
  CHECK(parse_listeners("", Protocol::tcp).empty());
}

TEST_CASE("listeners of this host are found with their process") {
  const OpenSocket tcp(SOCK_STREAM), udp(SOCK_DGRAM);
  const auto listeners = list_listeners();
  REQUIRE(listeners.has_value());
  std::ifstream comm("/proc/self/comm");
  std::string name;
  std::getline(comm, name);
  for (const auto& pair : {std::pair(&tcp, Protocol::tcp), std::pair(&udp, Protocol::udp)}) {
    const OpenSocket* const socket = pair.first;
    const Protocol protocol = pair.second;
    const auto mine = std::find_if(listeners->begin(), listeners->end(), [&](const Listener& l) {
      return l.protocol == protocol && l.address == "127.0.0.1" && l.port == socket->port;
    });
    REQUIRE(mine != listeners->end());
    const auto holder = holder_of(*mine);
    REQUIRE(holder.has_value());
    CHECK(holder->pid == getpid());
    CHECK(holder->name == name);
  }
  CHECK_FALSE(holder_of({Protocol::tcp, "127.0.0.1", 1, 1}).has_value());
}

TEST_CASE("the limits of this process are read") {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const auto limits = read_agent_limits(0);
  REQUIRE(limits.has_value());
  CHECK(limits->open_files ==
        (limit.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(limit.rlim_cur)));
  CHECK(limits->open_files_hard ==
        (limit.rlim_max == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(limit.rlim_max)));
  CHECK(limits->memory.value_or(1) > 0);
  CHECK_FALSE(read_agent_limits(0x7fffffff).has_value());
}

TEST_CASE("ask_once over TCP: refused where nobody listens, and the sender's date where somebody does") {
  int free_port = 0;
  {
    const OpenSocket gone(SOCK_STREAM);
    free_port = gone.port;
  }
  const auto refused = ask_once("127.0.0.1:" + std::to_string(free_port), {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(contains(refused.error().why, "127.0.0.1:" + std::to_string(free_port)));

  // The answer waits in the socket's buffer: the kernel accepts the connection by itself.
  const OpenSocket server(SOCK_STREAM);
  const pid_t child = fork();
  if (child == 0) {
    const int peer = ::accept(server.fd, nullptr, nullptr);
    const std::string answer = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nhi";
    const ssize_t sent = ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    char request[4096];
    while (::recv(peer, request, sizeof request, 0) > 0) continue;
    _exit(sent == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  REQUIRE(child > 0);
  const auto answer = ask_once("127.0.0.1:" + std::to_string(server.port), {});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  REQUIRE(answer.has_value());
  CHECK(answer->body == "hi");
  CHECK(answer->date == "Sun, 06 Nov 1994 08:49:37 GMT");
}
