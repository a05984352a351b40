// News of files, from the kernel by inotify: no polling, and no timer while nothing happens and all is watched.
#pragma once

#include "base/problem.hpp"
#include "base/time.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lictor {

// Whether an agent reads this entry of a folder (sourcesFromPath of Consul's agent/config). Told a format, -config-format, it
// reads every file; told none, "", it goes by the name: *.json and *.hcl. Folders in a folder are never read. Of a link what it
// leads to counts, its name included. One that leads nowhere is read, too: the agent fails with it.
bool agent_reads_in_folder(const std::string& path, const std::string& format);
// The names of those entries, sorted.
std::vector<std::string> agent_files_in(const std::string& folder, const std::string& format);

// Tells contents apart; no signature. Of a file: its bytes. Of a directory: names and bytes of its agent_files_in, by that format.
// Something missing, and something that can't be read, have digests of their own.
std::uint64_t content_digest(const std::string& path, const std::string& format = "");

// Calls `changed` with those of the watched paths whose content_digest is another, from the executor, 200 ms after the first
// sign: a burst is one call, and what leaves the content as it was is none. What is seen: a file written in place or renamed
// over, made or gone, made readable; each symbolic link on the way exchanged, as Kubernetes does it with `..data`; each folder on the
// way renamed away, or removed and made anew. A directory that is not there yet is awaited in its nearest parent. Not seen: changes
// that another host makes on a network file system, and what is mounted over a path (look_if_replaced).
//
// Where the kernel does not watch (inotify's limits: ENOSPC, EMFILE) what can't be watched is tried again each `retry`, and at each
// watch(), and then compared: a change is told of, later. A timer runs only as long as that is so.
class FileWatch {
 public:
  struct News {
    std::function<void(const std::vector<std::string>& paths)> changed;  // may destroy the watch
    // Something can't be watched: once for each until it can be, also from inside watch().
    std::function<void(const Problem&)> failed;
    std::function<void()> mended;  // all is watched again
  };
  static std::unique_ptr<FileWatch> start(boost::asio::any_io_executor executor, News news,
                                          Duration retry = std::chrono::minutes(1));
  ~FileWatch();  // nothing is called any more

  // From now on these paths, files or directories, and no others. News is what differs from the moment of the call that
  // named a path first, of a directory with another format: what is read after that call is at least that new. `format`:
  // the agent's, by which it reads the directories.
  void watch(const std::vector<std::string>& paths, const std::string& format = "");
  // And these.
  void watch_also(const std::vector<std::string>& paths);

  // Something has been mounted or unmounted on the host: looks whether that concerns what is watched, and then for changes.
  void look_if_replaced();

  // What can't be watched right now.
  Problems problems() const;
  // Whether a change of any of the paths is told by the kernel: none of `problems`, and none is on a network file system.
  bool hears_all() const;

 private:
  struct State;
  explicit FileWatch(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace lictor
