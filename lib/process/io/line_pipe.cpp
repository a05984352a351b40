#include "process/io/line_pipe.hpp"

#include "base/text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

constexpr std::size_t longest = 64 * 1024;  // a line without an end must not grow for ever

}  // namespace

struct LinePipe::State : std::enable_shared_from_this<State> {
  State(const boost::asio::any_io_executor& executor, int fd, Take what) : pipe(executor, fd), take(std::move(what)) {}

  boost::asio::posix::stream_descriptor pipe;
  Take take;
  std::string line;

  void wait() {
    pipe.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [self = shared_from_this()](boost::system::error_code error) {
                      if (error || !self->pipe.is_open()) return;
                      self->read();
                      if (self->pipe.is_open()) self->wait();
                    });
  }

  // A piece of it: how many bytes. At the end of all the pipe is closed.
  std::size_t read() {
    std::array<char, 4096> buffer{};
    boost::system::error_code error;
    const std::size_t size = pipe.read_some(boost::asio::buffer(buffer), error);
    for (std::string_view rest(buffer.data(), size); !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      line += rest.substr(0, end);
      if (end < rest.size()) take(std::exchange(line, {}));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.size() <= longest) continue;
      const std::string piece(cut(line, longest));
      line.erase(0, piece.size());
      take(piece);
    }
    if (!error || error == boost::asio::error::would_block) return size;
    if (!line.empty()) take(std::exchange(line, {}));
    pipe.close(error);
    return 0;
  }
};

Result<Descriptor> LinePipe::open(boost::asio::any_io_executor executor, Take take) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return Problem{"output of a child", std::string("pipe: ") + std::strerror(errno), "raise the limit of open files",
                   Exit::internal};
  Descriptor child(ends[1]);
  state_ = std::make_shared<State>(executor, ends[0], std::move(take));
  state_->pipe.non_blocking(true);
  state_->wait();
  return child;
}

void LinePipe::read_rest() {
  for (int piece = 0; piece < 16 && state_ && state_->pipe.is_open() && state_->read() > 0; ++piece) continue;
}

}  // namespace lictor
