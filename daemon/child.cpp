#include "child.hpp"

#include "files/io/files.hpp"

#include <boost/asio/io_context.hpp>

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

namespace lictor {
namespace {

Problem failure(const std::string& program, std::string why) {
  return Problem{program, std::move(why), "run it by hand", Exit::retry};
}

// Of what became no program.
Problem not_begun(const std::string& program, const Problem& step) {
  return failure(program, step.what + ": " + step.why);
}

}  // namespace

void Child::run(LaunchRequest request, Duration limit, Done done) {
  const std::string program = request.argv.front();
  Descriptor end(-1);
  if (request.output < 0 && take_) {
    auto opened = output_.open(executor_, take_);
    if (!opened) return done(not_begun(program, opened.error()));
    end = std::move(*opened);
    request.output = end.get();
  }
  auto child = launch(executor_, request);
  if (!child) return done(not_begun(program, child.error()));
  pid_ = child->pid;
  done_ = std::move(done);
  const int run = ++run_;
  const auto report = std::make_shared<const LaunchReport>(std::move(child->report));
  reaper_.expect(pid_, [this, run, report, program](ExitStatus status) {
    if (run != run_ || pid_ == 0) return;
    output_.read_rest();
    if (const auto step = report->failure()) return finish(not_begun(program, *step));
    if (status == ExitStatus{.code = 0}) return finish({});
    finish(failure(program, status.describe()));
  });
  timer_.expires_after(limit);
  timer_.async_wait([this, run, limit, program](boost::system::error_code error) {
    if (error || run != run_ || pid_ == 0) return;
    kill(-pid_, SIGKILL);
    finish(failure(program, fmt::format("not done within {}, killed", format_duration(limit))));
  });
}

void Child::run_for_output(LaunchRequest request, Duration limit, DoneWithOutput done) {
  // Not a pipe: nobody has to read while it runs.
  const auto file = std::make_shared<const Descriptor>(::memfd_create("output", MFD_CLOEXEC));
  const std::string program = request.argv.front();
  if (file->get() < 0)
    return done(Problem{program, "memfd_create: " + error_text(errno), "raise the limit of open files", Exit::retry},
                "");
  request.output = file->get();
  run(request, limit, [file, done = std::move(done)](const Result<void>& ended) {
    constexpr std::size_t longest = 16384;
    std::string output(longest, '\0');
    const ssize_t length = ::pread(file->get(), output.data(), output.size(), 0);
    output.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    done(ended, std::move(output));
  });
}

void Child::finish(const Result<void>& ended) {
  pid_ = 0;
  timer_.cancel();
  // `done` may start the next run.
  std::exchange(done_, nullptr)(ended);
}

void Child::end() {
  if (pid_ == 0) return;
  kill(-pid_, SIGKILL);
  pid_ = 0;
  timer_.cancel();
  done_ = nullptr;
}

Result<std::string> output_of(LaunchRequest request, Duration limit) {
  boost::asio::io_context io(1);
  auto reaper = Reaper::start(io.get_executor());
  if (!reaper) return reaper.error();
  Child child(io.get_executor(), **reaper);
  std::optional<Result<std::string>> output;
  child.run_for_output(std::move(request), limit, [&](const Result<void>& ended, std::string got) {
    if (ended)
      output.emplace(boost::system::in_place_value, std::move(got));
    else
      output.emplace(ended.error());
    io.stop();
  });
  if (!output) io.run();
  return std::move(*output);
}

}  // namespace lictor
