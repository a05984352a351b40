// Asks systemd or Kubernetes why lictor is to stop (platform/stop_reason.hpp), by programs that are run for that alone: until then
// nothing of it is in memory.
#pragma once

#include "child.hpp"
#include "parts.hpp"
#include "platform/stop_reason.hpp"

#include <optional>
#include <string>

namespace lictor {

// What process `pid` with this environment runs under, as seen from here.
Platform platform_of(const Environment& environment, pid_t pid);

// The same answer as at a stop, for commands: blocks, up to 5 s for each question. Of a platform that is not there: untold.
StopReason ask_platform(const Platform& platform, const Environment& environment);

class HostPlatform final : public StopWitness {
 public:
  HostPlatform(boost::asio::any_io_executor executor, Reaper& reaper, const Environment& environment)
      : environment_(environment), jobs_(executor, reaper), unit_(executor, reaper) {}

  void ask_why(Duration within, bool grace_only, std::function<void(StopReason)> done) override;

 private:
  void ask_systemd(Duration within);
  void ask_kubernetes(Duration within);
  void systemd_has_told();
  void tell(StopReason reason);

  const Environment& environment_;
  Child jobs_, unit_;
  Platform platform_;
  std::optional<Result<std::string>> printed_;  // of jobs_
  std::optional<std::string> shown_;            // of unit_
  std::optional<Duration> grace_;               // LICTOR_GRACE
  std::function<void(StopReason)> done_;
};

}  // namespace lictor
