#include "watches.hpp"

#include "network/io/interfaces.hpp"
#include "process/io/host_name_watch.hpp"
#include "process/io/mount_watch.hpp"
#include "report/io/log.hpp"

#include <chrono>
#include <utility>

namespace lictor {

Watches::Watches(boost::asio::any_io_executor executor, News news)
    : executor_(executor), news_(std::move(news)), again_(executor) {}

Result<void> Watches::begin() {
  if (auto watching = watch_network(); !watching) return watching;
  mounts_ = watch_mounts(executor_, [this] {
    if (files_) files_->look_if_replaced();
    news_.mounts();
  });
  host_name_ = watch_host_name(executor_, news_.host_name);
  return {};
}

// What came of it, and what is tried again, is told once.
Result<void> Watches::watch_network() {
  auto watching = watch_interfaces(executor_, news_.network);
  if (watching) {
    network_ = std::move(*watching);
    if (no_network_) log::info("the network is watched");
    no_network_.reset();
    return {};
  }
  if (watching.error().exit == Exit::config) return watching.error();
  if (!std::exchange(no_network_, watching.error())) log::warn(to_string(*no_network_));
  again_.expires_after(std::chrono::minutes(1));
  again_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    try_network_again();
    if (!network_) news_.network();  // nobody else tells of a change
  });
  return {};
}

void Watches::try_network_again() {
  if (network_ || !no_network_) return;
  if (watch_network(); network_) news_.network();  // of what has changed unheard
}

void Watches::watch(const std::vector<std::string>& paths, const std::string& format) {
  if (!files_)
    files_ = FileWatch::start(executor_, {.changed = [this](const auto& changed) { news_.files(changed); },
                                          .failed = [](const Problem& problem) { log::warn(to_string(problem)); },
                                          .mended = [] { log::info("all files with settings are watched again"); }});
  files_->watch(paths, format);
  try_network_again();
}

void Watches::watch_also(const std::vector<std::string>& paths) {
  if (files_) files_->watch_also(paths);
}

void Watches::let_files_go() {
  if (files_) files_->watch({});
}

Problems Watches::problems() const {
  Problems all = files_ ? files_->problems() : Problems{};
  if (no_network_) all.push_back(*no_network_);
  return all;
}

}  // namespace lictor
