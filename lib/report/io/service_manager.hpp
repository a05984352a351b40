// The service manager that started lictor, where it wants to be told (sd_notify(3)): systemd, or a container engine
// that passes its messages on.
#pragma once

#include "base/environment.hpp"
#include "base/problem.hpp"
#include "base/time.hpp"

#include <sys/types.h>

#include <optional>
#include <string>

namespace lictor {

struct ServiceManager {
  std::string socket;                  // a path, or "@name" in the abstract namespace
  std::optional<Duration> watchdog{};  // within which it wants to hear WATCHDOG=1 each time

  // Sends one message of lines NAME=VALUE. Does not block: a manager that does not read loses it.
  [[nodiscard]] Result<void> tell(const std::string& message) const;
};

// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; `pid` is our own: a watchdog may be meant for another process.
std::optional<ServiceManager> service_manager(const Environment& environment, pid_t pid);

}  // namespace lictor
