#include "child.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <memory>
#include <utility>

namespace lictor {

void Child::run(const LaunchRequest& request, Duration limit, std::function<void(std::string)> done) {
  const auto said = [](const Problem& problem) { return problem.what + ": " + problem.why; };
  auto child = launch(executor_, request);
  if (!child) return done(said(child.error()));
  pid_ = child->pid;
  done_ = std::move(done);
  const int run = ++run_;
  const auto report = std::make_shared<const LaunchReport>(std::move(child->report));
  reaper_.expect(pid_, [this, run, report, said](ExitStatus status) {
    if (run != run_ || pid_ == 0) return;
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

}  // namespace lictor
