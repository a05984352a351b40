// A descriptor by which the kernel has something to say.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/descriptor_base.hpp>

#include <functional>
#include <memory>

namespace lictor {

// Owns the descriptor and calls `news` with it (from the executor, never from inside the constructor) each time that it is ready: to
// be read, or by an error or urgent data. Stops when destroyed, also from inside `news`.
class DescriptorWatch {
 public:
  using Sign = boost::asio::posix::descriptor_base::wait_type;
  DescriptorWatch(const boost::asio::any_io_executor& executor, int fd, Sign sign, std::function<void(int fd)> news);
  DescriptorWatch(const DescriptorWatch&) = delete;
  DescriptorWatch& operator=(const DescriptorWatch&) = delete;
  ~DescriptorWatch();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lictor
