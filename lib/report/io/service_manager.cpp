#include "report/io/service_manager.hpp"

#include "base/text.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace lictor {
namespace {

std::optional<long> number(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  const auto value = found == environment.end() ? std::nullopt : whole_number<long>(found->second);
  return value && *value > 0 ? value : std::nullopt;
}

}  // namespace

Result<void> ServiceManager::tell(const std::string& message) const {
  const auto failed = [this] {
    return Problem{socket, std::strerror(errno), "the service manager was not told; is NOTIFY_SOCKET right?"};
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return failed();
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed();
  const bool sent = sendto(fd, message.data(), message.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), length) >= 0;
  const Result<void> result = sent ? Result<void>() : failed();
  close(fd);
  return result;
}

std::optional<ServiceManager> service_manager(const Environment& environment, pid_t pid) {
  const auto found = environment.find("NOTIFY_SOCKET");
  if (found == environment.end() || (found->second.rfind('/', 0) != 0 && found->second.rfind('@', 0) != 0))
    return std::nullopt;
  ServiceManager manager{.socket = found->second};
  const auto microseconds = number(environment, "WATCHDOG_USEC");
  if (microseconds && number(environment, "WATCHDOG_PID").value_or(pid) == pid)
    manager.watchdog = Duration(*microseconds);
  return manager;
}

}  // namespace lictor
