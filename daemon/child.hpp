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

  // `done` gets "" after exit code 0, else why it failed, from the executor (inside this call where there is no
  // child at all). After `limit` its process group is killed and done called with the reason. REQUIRES: not running.
  void run(LaunchRequest request, Duration limit, std::function<void(std::string failure)> done);

  // The same: `done` gets what it wrote to standard output and errors, 4 KiB of it at most; the problem's subject is the program.
  void run_for_output(LaunchRequest request, Duration limit, std::function<void(Result<std::string>)> done);

  // Kills its process group; `done` is not called any more.
  void end();

 private:
  void finish(std::string failure);

  boost::asio::any_io_executor executor_;
  Reaper& reaper_;
  boost::asio::steady_timer timer_;
  pid_t pid_ = 0;
  int run_ = 0;  // tells a late answer of an earlier run apart
  std::function<void(std::string)> done_;
  LinePipe::Take take_;
  LinePipe output_;
};

// run_for_output for commands: blocks.
Result<std::string> output_of(LaunchRequest request, Duration limit);

}  // namespace lictor
