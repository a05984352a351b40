// A child that is run to its end, with a time limit: a hook, `consul validate`, `consul version`.
#pragma once

#include "base/time.hpp"
#include "process/io/launcher.hpp"
#include "process/io/line_pipe.hpp"
#include "process/io/reaper.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>
#include <utility>

namespace lictor {

// One at a time.
class Child {
 public:
  // `take`: gets what a child writes for which no output is named.
  Child(boost::asio::any_io_executor executor, Reaper& reaper, LinePipe::Take take = {})
      : executor_(executor), reaper_(reaper), timer_(executor), take_(std::move(take)) {}

  // `done` comes from the executor (inside this call where there is no child at all): a success after exit code 0, else a
  // problem whose subject is the program. After `limit` its process group is killed, which is a problem. REQUIRES: not running.
  using Done = std::function<void(const Result<void>&)>;
  void run(LaunchRequest request, Duration limit, Done done);

  // The same: `done` gets what it wrote to standard output and errors, too, 16 KiB of it at most.
  using DoneWithOutput = std::function<void(const Result<void>& ended, std::string output)>;
  void run_for_output(LaunchRequest request, Duration limit, DoneWithOutput done);

  // Kills its process group; `done` is not called any more.
  void end();

 private:
  void finish(const Result<void>& ended);

  boost::asio::any_io_executor executor_;
  Reaper& reaper_;
  boost::asio::steady_timer timer_;
  pid_t pid_ = 0;
  int run_ = 0;  // tells a late answer of an earlier run apart
  Done done_;
  LinePipe::Take take_;
  LinePipe output_;
};

// What a child wrote that ended well, for commands: blocks.
Result<std::string> output_of(LaunchRequest request, Duration limit);

}  // namespace lictor
