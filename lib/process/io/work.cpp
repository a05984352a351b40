#include "process/io/work.hpp"

#include "files/io/files.hpp"

#include <unistd.h>

#include <string>

namespace lictor {

std::optional<ProcessWork> read_work(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  return parse_work(content_of(process + "/stat"), content_of(process + "/io"), ::sysconf(_SC_CLK_TCK));
}

bool WorkWatch::works(pid_t pid) {
  const Time now = std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  const bool another = !last_ || last_->pid != pid;
  if (!another && now - last_->at < least_apart) return works_;
  const std::optional<ProcessWork> work = read_work(pid);
  works_ = !another && work && has_worked(last_->work, *work, now - last_->at);
  last_ = work ? std::optional(Look{pid, *work, now}) : std::nullopt;
  return works_;
}

}  // namespace lictor
