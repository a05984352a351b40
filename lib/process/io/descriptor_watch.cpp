#include "process/io/descriptor_watch.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <utility>

namespace lictor {

struct DescriptorWatch::State : std::enable_shared_from_this<State> {
  State(const boost::asio::any_io_executor& executor, int fd, Sign what, std::function<void(int)> call)
      : descriptor(executor, fd), sign(what), news(std::move(call)) {}

  void wait() {
    descriptor.async_wait(sign, [self = shared_from_this()](const boost::system::error_code& error) {
      if (error || !self->descriptor.is_open()) return;
      self->news(self->descriptor.native_handle());
      self->wait();  // ends at once where that call closed it
    });
  }

  boost::asio::posix::stream_descriptor descriptor;
  Sign sign;
  std::function<void(int)> news;
};

DescriptorWatch::DescriptorWatch(const boost::asio::any_io_executor& executor, int fd, Sign sign,
                                 std::function<void(int fd)> news)
    : state_(std::make_shared<State>(executor, fd, sign, std::move(news))) {
  state_->wait();
}

DescriptorWatch::~DescriptorWatch() {
  boost::system::error_code ignored;
  state_->descriptor.close(ignored);
}

}  // namespace lictor
