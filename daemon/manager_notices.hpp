// What the service manager that started lictor is told (report/notice.hpp), where there is one that wants to know; else nothing.
#pragma once

#include "report/io/service_manager.hpp"
#include "report/notice.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <string>

namespace lictor {

class ManagerNotices {
 public:
  // What there is to tell; looked at also where only time has passed.
  struct Standpoint {
    LifeView life;
    const std::string& settings_problem;  // why the last reload was refused
    ReadyRule rule;
  };
  ManagerNotices(boost::asio::any_io_executor executor, std::optional<ServiceManager> manager,
                 std::function<Standpoint()> standpoint);

  // After each step and before its effects: a reload that is over within one turn has been one all the same.
  void tell(Time at);

  // From now on, as often as its watchdog wants to hear that the loop turns.
  void feed_watchdog();

 private:
  void send(const std::string& message);
  void tell_at_last(const Standpoint& now);

  std::optional<ServiceManager> manager_;
  std::function<Standpoint()> standpoint_;
  Notice told_;  // what it was told last
  boost::asio::steady_timer watchdog_, limit_;
  std::optional<Time> limit_at_;  // the timer's
};

}  // namespace lictor
