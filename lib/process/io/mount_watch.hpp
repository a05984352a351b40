// News of what is mounted: the kernel wakes who polls /proc/self/mountinfo.
#pragma once

#include "process/io/descriptor_watch.hpp"

#include <functional>
#include <memory>
#include <string>

namespace lictor {

// Calls `changed` after something was mounted or unmounted in this process's mount namespace. Nothing where there is no /proc: then
// nothing is heard of it.
std::unique_ptr<DescriptorWatch> watch_mounts(const boost::asio::any_io_executor& executor,
                                              std::function<void()> changed);

// Whether something is mounted exactly at `path`, which may be a link to such a place.
bool is_mount_point(const std::string& path);

}  // namespace lictor
