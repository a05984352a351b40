#include "manager_notices.hpp"

#include "clock.hpp"
#include "report/io/log.hpp"

#include <utility>

namespace lictor {

ManagerNotices::ManagerNotices(boost::asio::any_io_executor executor, std::optional<ServiceManager> manager,
                               std::function<Standpoint()> standpoint)
    : manager_(std::move(manager)), standpoint_(std::move(standpoint)), watchdog_(executor), limit_(executor) {}

void ManagerNotices::tell(Time at) {
  if (!manager_) return;
  const Standpoint now = standpoint_();
  Notice next = notice_of(now.life, now.settings_problem, told_, now.rule, at);
  const std::string message = notice_message(told_, next, now.life.rules(), at);
  if (!message.empty()) {
    told_ = std::move(next);
    send(message);
  }
  tell_at_last(now);
}

// A start that is not over in time is over all the same, though nothing happens at that moment.
void ManagerNotices::tell_at_last(const Standpoint& now) {
  const auto at = told_.standing == Standing::starting ? ready_at_last(now.life, now.rule) : std::nullopt;
  if (std::exchange(limit_at_, at) == at) return;
  limit_.cancel();
  if (!at) return;
  limit_.expires_at(*at);
  limit_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    tell(steady_now());
    if (told_.standing == Standing::ready)
      log::warn("systemd.ready_within is over: the service counts as started, and the node is not there yet",
                {{"reason", state_of(standpoint_().life)}});
  });
}

void ManagerNotices::feed_watchdog() {
  if (!manager_ || !manager_->watchdog) return;
  send(alive_message(told_, *manager_->watchdog));
  watchdog_.expires_after(*manager_->watchdog / 2);
  watchdog_.async_wait([this](boost::system::error_code error) {
    if (!error) feed_watchdog();
  });
}

void ManagerNotices::send(const std::string& message) {
  if (auto told = manager_->tell(message); !told) log::debug(to_string(told.error()));
}

}  // namespace lictor
