// What a child writes, line by line: it gets a pipe, and never the file, the terminal or the socket that lictor writes to.
#pragma once

#include "base/problem.hpp"
#include "files/io/descriptor.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace lictor {

class LinePipe {
 public:
  using Take = std::function<void(std::string line)>;

  LinePipe() = default;

  // The child's end, to be closed once there is a child. From the executor `take` gets each line, without its break, in pieces
  // of 64 KiB where it is longer, until all who have that end are gone, whatever becomes of this object and of later pipes
  // of it: a child's children may write for as long as they live.
  Result<Descriptor> open(boost::asio::any_io_executor executor, Take take);

  // Takes what has been written by now, as far as a pipe holds it: what a child wrote last says why it ended, and belongs before
  // the line that tells of that.
  void read_rest();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lictor
