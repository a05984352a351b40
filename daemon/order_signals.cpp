#include "order_signals.hpp"

#include "files/io/files.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace lictor {
namespace {

// SIGRTMIN+1 by its number, which is the same for whoever sends it: the C libraries keep different ones for themselves.
constexpr int stay_signal = 35;
constexpr std::array ordering{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, stay_signal};

sigset_t ordering_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : ordering) sigaddset(&set, signal);
  return set;
}

SignalKind kind_of(std::uint32_t signal) {
  switch (signal) {
    case SIGTERM:
      return SignalKind::terminate;
    case SIGINT:
      return SignalKind::interrupt;
    case SIGQUIT:
      return SignalKind::quit;
    case SIGHUP:
      return SignalKind::reload;
    case SIGUSR2:
      return SignalKind::restart;
    case stay_signal:
      return SignalKind::stay;
    default:
      return SignalKind::report;
  }
}

}  // namespace

void hold_signals() {
  const sigset_t set = ordering_set();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

bool signals_unheard() {
  sigset_t come;
  return ::sigpending(&come) == 0 &&
         std::any_of(ordering.begin(), ordering.end(), [&](int one) { return sigismember(&come, one) == 1; });
}

Result<std::unique_ptr<DescriptorWatch>> watch_signals(const boost::asio::any_io_executor& executor,
                                                       std::function<void(SignalKind)> heard) {
  const sigset_t set = ordering_set();
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return Problem{"signals", error_text(errno), "let the process have more descriptors", Exit::internal};
  return std::make_unique<DescriptorWatch>(executor, fd, DescriptorWatch::Sign::wait_read,
                                           [heard = std::move(heard)](int signals) {
                                             signalfd_siginfo one{};
                                             if (::read(signals, &one, sizeof one) == sizeof one)
                                               heard(kind_of(one.ssi_signo));
                                           });
}

}  // namespace lictor
