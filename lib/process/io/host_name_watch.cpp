#include "process/io/host_name_watch.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>

#include <utility>

namespace lictor {

struct HostNameWatch::State : std::enable_shared_from_this<State> {
  State(const boost::asio::any_io_executor& executor, int fd, std::function<void()> call)
      : descriptor(executor, fd), changed(std::move(call)) {}

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_error,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error || !self->descriptor.is_open()) return;
                            self->changed();
                            self->wait();  // ends at once where that call closed it
                          });
  }

  boost::asio::posix::stream_descriptor descriptor;
  std::function<void()> changed;
};

std::unique_ptr<HostNameWatch> HostNameWatch::start(boost::asio::any_io_executor executor,
                                                    std::function<void()> changed) {
  const int fd = ::open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  auto state = std::make_shared<State>(executor, fd, std::move(changed));
  state->wait();
  return std::unique_ptr<HostNameWatch>(new HostNameWatch(std::move(state)));
}

HostNameWatch::HostNameWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}

HostNameWatch::~HostNameWatch() {
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

}  // namespace lictor
