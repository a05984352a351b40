#include "process/io/host_name_watch.hpp"

#include <fcntl.h>

#include <utility>

namespace lictor {

std::unique_ptr<DescriptorWatch> watch_host_name(const boost::asio::any_io_executor& executor,
                                                 std::function<void()> changed) {
  const int fd = ::open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  return std::make_unique<DescriptorWatch>(executor, fd, DescriptorWatch::Sign::wait_error,
                                           [changed = std::move(changed)](int) { changed(); });
}

}  // namespace lictor
