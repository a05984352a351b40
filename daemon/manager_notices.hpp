// What the service manager that started lictor is told (report/notice.hpp), where there is one that wants to know; else nothing.
#pragma once

#include "report/io/service_manager.hpp"
#include "report/notice.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>

namespace lictor {

class ManagerNotices {
 public:
  ManagerNotices(boost::asio::any_io_executor executor, std::optional<ServiceManager> manager);

  // After each step and before its effects: a reload that is over within one turn has been one all the same.
  // `settings_problem`: why the last reload was refused.
  void tell(const LifeView& life, const std::string& settings_problem, Time at);

  // From now on, as often as its watchdog wants to hear that the loop turns.
  void feed_watchdog();

 private:
  void send(const std::string& message);

  std::optional<ServiceManager> manager_;
  Notice told_;  // what it was told last
  boost::asio::steady_timer watchdog_;
};

}  // namespace lictor
