// Which of several addresses takes a TCP connection.
#pragma once

#include "base/time.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// Connects to all at once and closes what it gets: nothing is sent. `peers`: "10.0.0.1:8301", "[fd00::1]:8301".
class Reach {
 public:
  // `done` is called once, from the executor: with the first that took the connection, or with nothing if none has within
  // `within`, or all have refused. Destroying this ends it, and `done` is not called.
  Reach(const boost::asio::any_io_executor& executor, const std::vector<std::string>& peers, Duration within,
        std::function<void(std::optional<std::string>)> done);
  ~Reach();
  Reach(const Reach&) = delete;
  Reach& operator=(const Reach&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lictor
