#include "files/io/file_watch.hpp"

#include "base/text.hpp"
#include "files/io/files.hpp"
#include "files/io/folder.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

constexpr auto settle = std::chrono::milliseconds(200);

// No IN_MODIFY: half a file is no news.
constexpr std::uint32_t signs =
    IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

// Of a folder on the way, which holds neither a watched name nor a link: only that it is moved away.
constexpr std::uint32_t moved_away = IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
constexpr const char* no_name = "/";  // of what happens in such a folder nothing matters

bool is_directory(const std::string& path) {
  const auto found = find_to_read(path);
  return found && S_ISDIR(found->about.st_mode);
}

// What is there is not lictor's to read, nor to be woken by.
bool refused(const std::string& path) { return !find_to_read(path) && errno == ELOOP; }

std::uint64_t file_digest(const std::string& path) {
  const std::hash<std::string> hash;
  const auto content = read_file(path);
  if (!content) return hash("unreadable: " + content.error().why);
  return *content ? hash(**content) : 0;
}

// What stands at a path, whatever its name.
using Inode = std::pair<dev_t, ino_t>;
Inode inode_at(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? Inode{about.st_dev, about.st_ino} : Inode{};
}

// Whether another host may change what is there, and this kernel not hear of it.
bool shared_with_others(const std::string& path) {
  constexpr std::array<std::uint32_t, 9> network{0x6969,     0x517B,     0xFF534D42, 0xFE534D42, 0x00C36400,
                                                 0x65735546, 0x01021997, 0x5346414F, 0x0BD00BD0};
  struct statfs about {};
  return ::statfs(path.c_str(), &about) == 0 &&
         std::find(network.begin(), network.end(), static_cast<std::uint32_t>(about.f_type)) != network.end();
}

}  // namespace

bool agent_reads_in_folder(const std::string& path, const std::string& format) {
  struct stat about {};
  std::string name = path;
  if (lstat(path.c_str(), &about) == 0 && S_ISLNK(about.st_mode)) {
    const std::unique_ptr<char, void (*)(void*)> target(::realpath(path.c_str(), nullptr), &::free);
    if (!target) return true;
    name = target.get();
  }
  if (::stat(name.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return false;
  return !format.empty() || name.ends_with(".json") || name.ends_with(".hcl");
}

std::vector<std::string> agent_files_in(const std::string& folder, const std::string& format) {
  std::vector<std::string> names;
  each_name(folder, [&](std::string_view name) {
    if (agent_reads_in_folder(folder + "/" + std::string(name), format)) names.emplace_back(name);
    return true;
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t content_digest(const std::string& path, const std::string& format) {
  if (!is_directory(path)) return file_digest(path);
  std::string all;
  for (const std::string& name : agent_files_in(path, format))
    all += name + "/" + std::to_string(file_digest(path + "/" + name)) + "/";
  return std::hash<std::string>()(all);
}

struct FileWatch::State : std::enable_shared_from_this<State> {
  State(const boost::asio::any_io_executor& executor, News what, Duration again)
      : descriptor(executor), timer(executor), retry_timer(executor), news(std::move(what)), retry(again) {}

  // Once there is one that stays.
  void open() {
    if (descriptor.is_open()) return;
    const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
      return fail("", Problem{"watch.settings", "inotify: " + error_text(errno),
                              "raise fs.inotify.max_user_instances; until then changes are looked for each minute"});
    descriptor.assign(fd);
    wait();
  }

  void wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error || !self->descriptor.is_open()) return;
                            if (self->drain()) self->look_later();
                            self->wait();
                          });
  }

  void look_later() {
    if (std::exchange(settling, true)) return;
    timer.expires_after(settle);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->ended) return;
      self->settling = false;
      self->look();
    });
  }

  // True: one of the events may concern a watched path.
  bool drain() {
    bool concerned = false;
    alignas(inotify_event) std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t size = read(descriptor.native_handle(), buffer.data(), buffer.size());
      if (size <= 0) return concerned;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        // Filled up with zeros.
        const std::string name = event.len > 0 ? buffer.data() + at + sizeof event : "";
        at += sizeof event + event.len;
        const auto found = names.find(event.wd);
        concerned |= (event.mask & IN_Q_OVERFLOW) != 0 ||
                     (found != names.end() && (name.empty() || found->second.count(name) || found->second.count("")));
      }
    }
  }

  // First the watches, then the contents: whatever changes in between is an event.
  void look() {
    place_watches();
    std::vector<std::string> changed;
    for (auto& [path, digest] : digests) {
      const std::uint64_t before = std::exchange(digest, content_digest(path, format));
      if (before != digest) changed.push_back(path);
    }
    if (!changed.empty()) news.changed(changed);
  }

  void place_watches() {
    const auto before = std::exchange(names, {});
    const auto failing_before = std::exchange(failing, {});
    told.clear();
    for (const auto& [path, problem] : failing_before) told.insert(path);
    places.clear();
    if (!digests.empty()) open();
    for (const auto& [path, digest] : digests) place(path);
    for (const auto& [wd, _] : before) {
      if (!names.count(wd)) inotify_rm_watch(descriptor.native_handle(), wd);
    }
    if (!failing_before.empty() && failing.empty()) news.mended();
    try_again_later();
  }

  void try_again_later() {
    if (failing.empty() || std::exchange(retrying, true)) return;
    retry_timer.expires_after(retry);
    retry_timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->ended) return;
      self->retrying = false;
      if (!self->failing.empty()) self->look();
    });
  }

  void fail(const std::string& path, Problem problem) {
    const auto [entry, first] = failing.emplace(path, std::move(problem));
    if (first && told.insert(path).second) news.failed(entry->second);
  }

  void place(const std::string& path) {
    trace(path);
    if (!is_directory(path)) return;
    for (const std::string& name : agent_files_in(path, format)) {
      const std::string entry = path + "/" + name;
      // The way there has been traced, but for what a link adds to it.
      struct stat s {};
      if (lstat(entry.c_str(), &s) == 0 && S_ISREG(s.st_mode)) {
        watch(entry, "");
      } else {
        trace(entry);
      }
    }
  }

  // Of directories that are neither the last nor hold a link nothing is told but that they go: the likes of /run and /tmp are busy.
  // Of a path that is not read, somebody else's link is watched, to be seen when it is mended, and nothing that it leads to.
  void trace(const std::string& path) {
    const auto root_of = [](const std::string& p) { return std::string(p[0] == '/' ? "" : "."); };
    if (path.empty()) return;
    const bool unread = refused(path);
    std::string folder = root_of(path);
    std::vector<std::string> rest = split_list(path, '/');
    for (int links = 0; !rest.empty();) {
      const std::string name = rest.front(), here = folder + "/" + name;
      rest.erase(rest.begin());
      struct stat s {};
      bool there = lstat(here.c_str(), &s) == 0;
      if (!there || S_ISLNK(s.st_mode) || rest.empty()) {
        watch(folder + "/", name);
        there = lstat(here.c_str(), &s) == 0;  // it may have come, or gone, before the watch
      }
      if (!there) return;
      if (!S_ISLNK(s.st_mode)) {
        folder = here;
        if (!rest.empty() && !unread) watch(folder + "/", no_name, moved_away);
        continue;
      }
      if (unread && s.st_uid != 0 && s.st_uid != geteuid()) return;
      char target[PATH_MAX];
      const ssize_t size = readlink(here.c_str(), target, sizeof target);
      if (size <= 0 || ++links > 40) return;
      const std::string to(target, static_cast<std::size_t>(size));
      if (to[0] == '/') folder = root_of(to);
      const std::vector<std::string> parts = split_list(to, '/');
      rest.insert(rest.begin(), parts.begin(), parts.end());
    }
    // The file itself too: one that is mounted alone changes without its directory knowing. Of a directory: all in it.
    if (!unread) watch(folder, "");
  }

  void watch(const std::string& path, const std::string& name, std::uint32_t what = signs) {
    places.emplace(path, inode_at(path));
    if (!descriptor.is_open()) return;
    const int wd = inotify_add_watch(descriptor.native_handle(), path.c_str(), what);
    // That it goes is told by what it is in, too, unless that can't be watched either.
    const bool passed_over = errno == ENOENT || errno == ENOTDIR || (name == no_name && errno == EACCES);
    if (wd >= 0) {
      names[wd].insert(name);
    } else if (!passed_over) {
      const bool full = errno == ENOSPC;
      fail(path, Problem{path, "can't be watched: " + error_text(errno),
                         full ? "raise fs.inotify.max_user_watches; until then changes are looked for each minute"
                              : "changes are looked for each minute; send SIGHUP after one"});
    }
  }

  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::steady_timer timer, retry_timer;
  News news;
  Duration retry;
  bool settling = false, retrying = false, ended = false;
  std::string format;                            // FileWatch::watch's
  std::map<std::string, std::uint64_t> digests;  // of the watched paths
  std::map<int, std::set<std::string>> names;    // watch descriptor -> names in that directory; "": all
  std::map<std::string, Inode> places;           // what stood at each path that a watch was put on
  std::map<std::string, Problem> failing;        // what can't be watched; "": anything at all
  std::set<std::string> told;                    // of them
};

std::unique_ptr<FileWatch> FileWatch::start(boost::asio::any_io_executor executor, News news, Duration retry) {
  return std::unique_ptr<FileWatch>(new FileWatch(std::make_shared<State>(executor, std::move(news), retry)));
}

FileWatch::FileWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}

FileWatch::~FileWatch() {
  boost::system::error_code ignored;
  state_->ended = true;
  state_->descriptor.close(ignored);
  state_->timer.cancel();
  state_->retry_timer.cancel();
}

void FileWatch::watch(const std::vector<std::string>& paths, const std::string& format) {
  const auto before = std::exchange(state_->digests, {});
  const bool same_format = std::exchange(state_->format, format) == format;
  for (const std::string& path : paths) state_->digests[path] = 0;
  state_->place_watches();
  // What was not watched is read anew by whoever calls this, and has changed for nobody else.
  const bool watched = state_->failing.empty();
  for (auto& [path, digest] : state_->digests) {
    const auto known = before.find(path);
    const bool comparable = watched && known != before.end() && (same_format || !is_directory(path));
    digest = comparable ? known->second : content_digest(path, format);
  }
}

void FileWatch::watch_also(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto [entry, first] = state_->digests.emplace(path, 0);
    if (!first) continue;
    state_->open();
    state_->place(path);
    entry->second = content_digest(path, state_->format);
  }
  state_->try_again_later();
}

void FileWatch::look_if_replaced() {
  const bool replaced = std::any_of(state_->places.begin(), state_->places.end(),
                                    [](const auto& one) { return inode_at(one.first) != one.second; });
  if (replaced) state_->look_later();
}

Problems FileWatch::problems() const {
  Problems all;
  for (const auto& [path, problem] : state_->failing) all.push_back(problem);
  return all;
}

bool FileWatch::hears_all() const {
  return state_->failing.empty() && std::none_of(state_->places.begin(), state_->places.end(),
                                                 [](const auto& one) { return shared_with_others(one.first); });
}

}  // namespace lictor
