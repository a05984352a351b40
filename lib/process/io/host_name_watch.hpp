// News of the host's name, which netlink has none of: the kernel wakes who polls /proc/sys/kernel/hostname.
#pragma once

#include "process/io/descriptor_watch.hpp"

#include <functional>
#include <memory>

namespace lictor {

// Calls `changed` after the name was set, here or in another UTS namespace, be it to what it was. Nothing where /proc does not show
// the name: then nothing is heard of it.
std::unique_ptr<DescriptorWatch> watch_host_name(const boost::asio::any_io_executor& executor,
                                                 std::function<void()> changed);

}  // namespace lictor
