// News of the host's name, which netlink has none of: the kernel wakes who polls /proc/sys/kernel/hostname.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace lictor {

// Calls `changed` (from the executor, never from inside start) after the name was set, here or in another UTS namespace, be it to
// what it was. Stops when destroyed.
class HostNameWatch {
 public:
  // Nothing where /proc does not show the name: then nothing is heard of it.
  static std::unique_ptr<HostNameWatch> start(boost::asio::any_io_executor executor, std::function<void()> changed);
  ~HostNameWatch();

 private:
  struct State;
  explicit HostNameWatch(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace lictor
