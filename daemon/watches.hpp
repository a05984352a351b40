// What tells lictor that something has changed: files, what is mounted, the network, the host's name. What can't be watched is a
// problem, for people, and is tried again each minute and whenever the files to watch are named, as at each reload.
#pragma once

#include "files/io/file_watch.hpp"
#include "process/io/descriptor_watch.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

class Watches {
 public:
  // Called from the executor.
  struct News {
    std::function<void(const std::vector<std::string>& paths)> files;
    std::function<void()> mounts, network, host_name;
  };
  Watches(boost::asio::any_io_executor executor, News news);

  // Of network, mounts and host name. A problem (Exit::config) where this host forbids it.
  Result<void> begin();

  // FileWatch's. Nothing is watched before the first call.
  void watch(const std::vector<std::string>& paths, const std::string& format);
  void watch_also(const std::vector<std::string>& paths);
  // No files any more. The watch itself stays: the kernel takes 10 ms and more to end an inotify instance.
  void let_files_go();

  bool watches_files() const { return files_ != nullptr; }
  // Whether each change of the files is told by the kernel.
  bool hears_files() const { return files_ && files_->hears_all(); }
  Problems problems() const;

 private:
  Result<void> watch_network();
  void try_network_again();

  boost::asio::any_io_executor executor_;
  News news_;
  std::unique_ptr<FileWatch> files_;
  std::unique_ptr<DescriptorWatch> network_, mounts_, host_name_;
  std::optional<Problem> no_network_;
  boost::asio::steady_timer again_;
};

}  // namespace lictor
