#include "report/io/service_manager.hpp"

#include "test.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>

using namespace lictor;

namespace {

// A manager's end: a datagram socket at `name`, "@" for the abstract namespace.
class Listening {
 public:
  explicit Listening(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
  }
  ~Listening() { close(fd_); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  std::string next() const {
    std::array<char, 256> text{};
    const ssize_t size = recv(fd_, text.data(), text.size(), 0);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("a message reaches the manager, by path or by abstract name") {
  const std::string folder = std::filesystem::temp_directory_path() / ("lt-manager-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  for (const std::string& name : {folder + "/notify", "@" + folder}) {
    CAPTURE(name);
    const Listening manager(name);
    const auto found = service_manager({{"NOTIFY_SOCKET", name}}, 1);
    REQUIRE(found);
    REQUIRE(found->tell("READY=1\nSTATUS=serve\n").has_value());
    CHECK(manager.next() == "READY=1\nSTATUS=serve\n");
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("a manager that has gone is an error with its socket's name, not a signal and not a wait") {
  const auto told = ServiceManager{"/nonexistent/notify"}.tell("READY=1\n");
  REQUIRE(told.has_error());
  CHECK(told.error().what == "/nonexistent/notify");
  CHECK(ServiceManager{"/" + std::string(200, 'x')}.tell("READY=1\n").has_error());
}

TEST_CASE("who wants to be told, and within what time, is in the environment") {
  struct Row {
    const char* why;
    Environment environment;
    bool told;
    std::optional<long> watchdog;
  };
  const std::string s = "/run/notify";
  const std::vector<Row> rows{
      {"nobody", {}, false, {}},
      {"no socket that we know", {{"NOTIFY_SOCKET", "vsock:2:3"}}, false, {}},
      {"empty", {{"NOTIFY_SOCKET", ""}}, false, {}},
      {"no watchdog", {{"NOTIFY_SOCKET", s}}, true, {}},
      {"for us", {{"NOTIFY_SOCKET", s}, {"WATCHDOG_USEC", "5000"}, {"WATCHDOG_PID", "7"}}, true, 5000},
      {"for whoever has it", {{"NOTIFY_SOCKET", s}, {"WATCHDOG_USEC", "5000"}}, true, 5000},
      {"for another process", {{"NOTIFY_SOCKET", s}, {"WATCHDOG_USEC", "5000"}, {"WATCHDOG_PID", "8"}}, true, {}},
      {"zero", {{"NOTIFY_SOCKET", s}, {"WATCHDOG_USEC", "0"}}, true, {}},
      {"no number", {{"NOTIFY_SOCKET", s}, {"WATCHDOG_USEC", "5s"}}, true, {}},
      {"nobody listens", {{"WATCHDOG_USEC", "5000"}}, false, {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto manager = service_manager(row.environment, 7);
    REQUIRE(manager.has_value() == row.told);
    if (!manager) continue;
    REQUIRE(manager->watchdog.has_value() == row.watchdog.has_value());
    if (row.watchdog) CHECK(manager->watchdog->count() == *row.watchdog);
  }
}
