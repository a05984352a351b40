#include "manager_notices.hpp"

#include "report/io/log.hpp"

#include <utility>

namespace lictor {

ManagerNotices::ManagerNotices(boost::asio::any_io_executor executor, std::optional<ServiceManager> manager)
    : manager_(std::move(manager)), watchdog_(executor) {}

void ManagerNotices::tell(const LifeView& life, const std::string& settings_problem, Time at) {
  if (!manager_) return;
  Notice next = notice_of(life, settings_problem);
  const std::string message = notice_message(told_, next, life.rules(), at);
  if (message.empty()) return;
  told_ = std::move(next);
  send(message);
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
