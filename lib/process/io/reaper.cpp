#include "process/io/reaper.hpp"

#include "files/io/descriptor.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lictor {
namespace {

// The most of one turn. Where thousands of children live, each waitpid looks at all of them first: a number of calls is no
// bound of time. Nor is this one for a single call: among 10,000 that die at once, one was seen to take 12 ms, all of it in
// the kernel.
constexpr std::chrono::milliseconds kRound{2};

struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  bool zombie = false;
};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<ProcessStat> read_process(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::array<char, 512> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  ::close(fd);
  if (size <= 0) return std::nullopt;
  // "PID (NAME) STATE PPID ...": the name may hold blanks and parentheses.
  const std::string_view line(buffer.data(), static_cast<size_t>(size));
  const auto name_end = line.rfind(") ");
  if (name_end == std::string_view::npos || name_end + 4 >= line.size()) return std::nullopt;
  const char state = line[name_end + 2];
  const auto parent = number<pid_t>(line.substr(name_end + 4));
  if (!parent) return std::nullopt;
  return ProcessStat{pid, *parent, state == 'Z' || state == 'X'};
}

// A /proc of another pid namespace knows us, and everybody else, under other numbers.
bool proc_is_ours() {
  std::array<char, 32> self;
  const ssize_t size = ::readlink("/proc/self", self.data(), self.size());
  return size > 0 && number<pid_t>({self.data(), static_cast<size_t>(size)}) == ::getpid();
}

// A walk to all descendants, in pieces.
class Descent {
 public:
  Descent() : proc_(proc_is_ours() ? ::opendir("/proc") : nullptr, &::closedir) {}

  int signal = 0;
  std::function<void(std::size_t)> done;

  std::size_t signalled() const { return signalled_; }

  // Goes on until then; true: it is over. Who is whose child is known only when all have been read.
  bool walk(std::chrono::steady_clock::time_point until) {
    while (proc_) {
      const dirent* const entry = ::readdir(proc_.get());
      if (entry == nullptr) {
        proc_.reset();
        break;
      }
      const auto pid = number<pid_t>(std::string_view(entry->d_name));
      if (const auto process = pid ? read_process(*pid) : std::nullopt) by_parent_.emplace(process->parent, *process);
      if (std::chrono::steady_clock::now() >= until) return false;
    }
    for (; next_ < parents_.size(); ++next_) {
      if (std::chrono::steady_clock::now() >= until) return false;
      const auto [first, last] = by_parent_.equal_range(parents_[next_]);
      for (auto child = first; child != last; ++child) {
        const ProcessStat& process = child->second;
        parents_.push_back(process.pid);
        if (!process.zombie && ::kill(process.pid, signal) == 0) ++signalled_;
      }
    }
    return true;
  }

 private:
  std::unique_ptr<DIR, int (*)(DIR*)> proc_;  // null: read to its end
  std::unordered_multimap<pid_t, ProcessStat> by_parent_;
  std::vector<pid_t> parents_ = {::getpid()};
  std::size_t next_ = 0;  // of parents_
  std::size_t signalled_ = 0;
};

}  // namespace

ExitStatus ExitStatus::decode(int wait_status) {
  ExitStatus status;
  if (WIFEXITED(wait_status)) {
    status.code = WEXITSTATUS(wait_status);
  } else if (WIFSIGNALED(wait_status)) {
    status.signal = WTERMSIG(wait_status);
    status.core = WCOREDUMP(wait_status);
  }
  return status;
}

std::string ExitStatus::describe() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + (core ? ", core dumped)" : ")");
}

struct Reaper::State : std::enable_shared_from_this<State> {
  explicit State(const boost::asio::any_io_executor& executor) : signals(executor) {}

  // Not a handler: in a storm that would run once for each that dies, in the midst of whatever else is done.
  boost::asio::posix::stream_descriptor signals;
  std::unordered_map<pid_t, std::function<void(ExitStatus)>> expected;
  std::function<void()> empty;
  std::optional<Descent> descent;
  std::uint64_t orphans = 0;
  bool stopped = false;

  void listen() {
    signals.async_wait(signals.wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (error || !self || self->stopped) return;
      signalfd_siginfo
          one;  // of all that died, however many; before they are collected, so that the next one tells again
      [[maybe_unused]] const ssize_t size = ::read(self->signals.native_handle(), &one, sizeof one);
      self->listen();
      self->collect();
    });
  }

  void collect() {
    // Every status of this round is matched before anybody is called: a child launched by one of those calls may
    // get the pid of one that is in this round. A round has an end, so that a storm of orphans holds up nobody else.
    std::vector<std::pair<std::function<void(ExitStatus)>, ExitStatus>> calls;
    const auto round_ends = std::chrono::steady_clock::now() + kRound;
    int wait_status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &wait_status, WNOHANG)) > 0;) {
      if (auto child = expected.extract(pid)) {
        calls.emplace_back(std::move(child.mapped()), ExitStatus::decode(wait_status));
      } else {
        ++orphans;
      }
      if (std::chrono::steady_clock::now() < round_ends) continue;
      later(&State::collect);
      break;
    }
    for (const auto& [ended, status] : calls) {
      if (stopped) return;
      ended(status);
    }
    call_if_empty();
  }

  void call_if_empty() {
    siginfo_t info;
    if (stopped || !empty || ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD) return;
    std::exchange(empty, nullptr)();
  }

  void descend() {
    if (!descent) return;
    if (!descent->walk(std::chrono::steady_clock::now() + kRound)) return later(&State::descend);
    const Descent over = std::move(*std::exchange(descent, std::nullopt));
    over.done(over.signalled());
  }

  // Runs `step` from the executor, unless the reaper is gone by then.
  void later(void (State::*step)()) {
    boost::asio::post(signals.get_executor(), [weak = weak_from_this(), step] {
      const auto self = weak.lock();
      if (self && !self->stopped) (*self.*step)();
    });
  }
};

Result<std::unique_ptr<Reaper>> Reaper::start(boost::asio::any_io_executor executor) {
  const auto problem = [](const char* stage, const std::string& why) {
    return Problem{"reaper", std::string(stage) + ": " + why, "report this: no such failure is known", Exit::internal};
  };
  // An emulator of another architecture's programs (qemu-user) knows no subreaper; there orphans go to PID 1.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 && errno != EINVAL)
    return problem("become subreaper", std::strerror(errno));
  // Whoever started us may have had it ignored, and then there are no statuses.
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  plain.sa_flags = SA_NOCLDSTOP;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (::sigaction(SIGCHLD, &plain, nullptr) != 0 || ::sigprocmask(SIG_BLOCK, &child, nullptr) != 0)
    return problem("block SIGCHLD", std::strerror(errno));
  Descriptor signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (signals.get() < 0) return problem("take SIGCHLD", std::strerror(errno));
  auto state = std::make_shared<State>(executor);
  state->signals.assign(signals.release());
  state->listen();
  state->later(&State::collect);
  return std::unique_ptr<Reaper>(new Reaper(std::move(state)));
}

Reaper::Reaper(std::shared_ptr<State> state) : state_(std::move(state)) {}

Reaper::~Reaper() {
  state_->stopped = true;
  boost::system::error_code ignored;
  state_->signals.close(ignored);
}

void Reaper::expect(pid_t pid, std::function<void(ExitStatus)> ended) { state_->expected[pid] = std::move(ended); }

void Reaper::when_empty(std::function<void()> empty) {
  state_->empty = std::move(empty);
  state_->later(&State::call_if_empty);
}

void Reaper::signal_all(int signal, std::function<void(std::size_t)> done) {
  if (!state_->descent) {
    state_->descent.emplace();
    state_->later(&State::descend);
  }
  state_->descent->signal = signal;
  state_->descent->done = std::move(done);
}

std::uint64_t Reaper::orphans_reaped() const { return state_->orphans; }

}  // namespace lictor
