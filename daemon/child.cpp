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

void Child::run(LaunchRequest request, Duration limit, std::function<void(std::string)> done) {
  const auto said = [](const Problem& problem) { return problem.what + ": " + problem.why; };
  Descriptor end(-1);
  if (request.output < 0 && take_) {
    auto opened = output_.open(executor_, take_);
    if (!opened) return done(said(opened.error()));
    end = std::move(*opened);
    request.output = end.get();
  }
  auto child = launch(executor_, request);
  if (!child) return done(said(child.error()));
  pid_ = child->pid;
  done_ = std::move(done);
  const int run = ++run_;
  const auto report = std::make_shared<const LaunchReport>(std::move(child->report));
  reaper_.expect(pid_, [this, run, report, said](ExitStatus status) {
    if (run != run_ || pid_ == 0) return;
    output_.read_rest();
    const auto failure = report->failure();
    finish(failure ? said(*failure) : status == ExitStatus{.code = 0} ? "" : status.describe());
  });
  timer_.expires_after(limit);
  timer_.async_wait([this, run, limit](boost::system::error_code error) {
    if (error || run != run_ || pid_ == 0) return;
    kill(-pid_, SIGKILL);
    finish(fmt::format("not done within {}, killed", format_duration(limit)));
  });
}

void Child::run_for_output(LaunchRequest request, Duration limit, std::function<void(Result<std::string>)> done) {
  // Not a pipe: nobody has to read while it runs.
  const auto file = std::make_shared<const Descriptor>(::memfd_create("output", MFD_CLOEXEC));
  const std::string program = request.argv.front();
  if (file->get() < 0)
    return done(Problem{program, "memfd_create: " + error_text(errno), "raise the limit of open files", Exit::retry});
  request.output = file->get();
  run(request, limit, [file, program, done = std::move(done)](std::string failure) {
    constexpr std::size_t longest = 4096;
    std::string output(longest, '\0');
    const ssize_t length = ::pread(file->get(), output.data(), output.size(), 0);
    output.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    if (!failure.empty()) return done(Problem{program, std::move(failure), "run it by hand", Exit::retry});
    done({boost::system::in_place_value, std::move(output)});
  });
}

void Child::finish(std::string failure) {
  pid_ = 0;
  timer_.cancel();
  // `done` may start the next run.
  std::exchange(done_, nullptr)(std::move(failure));
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
  child.run_for_output(std::move(request), limit, [&](Result<std::string> got) {
    output = std::move(got);
    io.stop();
  });
  if (!output) io.run();
  return std::move(*output);
}

}  // namespace lictor
