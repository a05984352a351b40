// The host's network interfaces, from the kernel by netlink: a dump now, and news without polling.
#pragma once

#include "network/address.hpp"
#include "process/io/descriptor_watch.hpp"
#include "process/io/reaper.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace lictor {

// The host's, or why they can't be told: Exit::retry where the kernel does not answer, Exit::config where netlink is forbidden.
using Interfaces = Result<std::vector<Interface>>;

// Links, addresses and default routes as they are now. One blocking exchange with the kernel: some 30 microseconds on a
// small host, some 5 milliseconds with 600 links.
Interfaces list_interfaces();

// The same, and nobody waits: a child asks. The kernel lets whoever asks wait while links are made or ended anywhere on the
// host, in namespaces of others, too (its rtnl lock): tens of milliseconds where containers come and go. `done` is called
// once, from the executor; where there can be no child, inside this call, which then does wait.
void list_interfaces(boost::asio::any_io_executor executor, Reaper& reaper,
                     std::function<void(const Interfaces&)> done);

// Calls `changed` after links, addresses or routes have changed. Bursts are merged: one call for all the messages that were there. A
// lost message (ENOBUFS) counts as a change. Wakes only when the kernel has something to say.
Result<std::unique_ptr<DescriptorWatch>> watch_interfaces(const boost::asio::any_io_executor& executor,
                                                          std::function<void()> changed);

}  // namespace lictor
