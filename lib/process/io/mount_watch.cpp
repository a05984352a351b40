#include "process/io/mount_watch.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <utility>

namespace lictor {

std::unique_ptr<DescriptorWatch> watch_mounts(const boost::asio::any_io_executor& executor,
                                              std::function<void()> changed) {
  const int fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  return std::make_unique<DescriptorWatch>(executor, fd, DescriptorWatch::Sign::wait_error,
                                           [changed = std::move(changed)](int) { changed(); });
}

bool is_mount_point(const std::string& path) {
  struct statx about {};
  if (::statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT, STATX_INO, &about) != 0) return false;
  if ((about.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
    return (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  // Kernels before 5.8 tell it by the device alone, which a bind mount may share with its parent.
  struct stat here {
  }, parent{};
  return ::stat(path.c_str(), &here) == 0 && ::stat((path + "/..").c_str(), &parent) == 0 &&
         here.st_dev != parent.st_dev;
}

}  // namespace lictor
