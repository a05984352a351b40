// Files that fail on purpose: the n-th call of an installation, or the power of the disk below it.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "files/io/files.hpp"

namespace faults {

using lictor::FileCalls;

// The n-th call fails with EIO; all others are real. Remembers what it did.
class FailAt : public FileCalls {
 public:
  explicit FailAt(int n) : n_(n) {}
  bool reached() const { return count_ >= n_; }
  const std::string& failed() const { return failed_; }
  int open(const char* p, int f, mode_t m) override { return fails("open") ? -1 : FileCalls::open(p, f, m); }
  ssize_t write(int fd, const void* d, size_t s) override {
    // In small bites, so that a short write is part of every installation.
    return fails("write") ? -1 : FileCalls::write(fd, d, std::min<size_t>(s, 3));
  }
  int fchown(int fd, uid_t u, gid_t g) override { return fails("chown") ? -1 : FileCalls::fchown(fd, u, g); }
  int fchmod(int fd, mode_t m) override { return fails("chmod") ? -1 : FileCalls::fchmod(fd, m); }
  int fsync(int fd) override { return fails("fsync") ? -1 : FileCalls::fsync(fd); }
  int close(int fd) override {
    const bool failing = fails("close");
    FileCalls::close(fd);
    if (failing) errno = EIO;
    return failing ? -1 : 0;
  }
  int rename(const char* a, const char* b) override { return fails("rename") ? -1 : FileCalls::rename(a, b); }
  int unlink(const char* p) override { return fails("unlink") ? -1 : FileCalls::unlink(p); }

 private:
  bool fails(const char* name) {
    if (++count_ != n_) return false;
    failed_ = name;
    errno = EIO;
    return true;
  }
  int n_;
  int count_ = 0;
  std::string failed_;
};

// A disk in memory that loses power at the n-th call. What was not synced may or may not be there afterwards, data
// and names independently of each other: that is what file systems promise, and no more.
class Disk : public FileCalls {
 public:
  struct PowerLoss {};
  struct Inode {
    std::string cached, durable;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  explicit Disk(int n) : n_(n) {}
  void add(const std::string& path, const std::string& content) {
    cached[path] = durable[path] = std::make_shared<Inode>(Inode{content, content});
  }
  // Every content that `path` may have when power is back; "(missing)" for none.
  std::vector<std::string> after_power_loss(const std::string& path) const {
    std::vector<std::string> all;
    for (const Names* names : {&cached, &durable}) {
      const auto it = names->find(path);
      if (it == names->end()) {
        all.push_back("(missing)");
      } else {
        all.push_back(it->second->cached);
        all.push_back(it->second->durable);
      }
    }
    return all;
  }

  int open(const char* path, int flags, mode_t) override {
    tick();
    open_.push_back(nullptr);
    if ((flags & O_DIRECTORY) == 0) {
      if (cached.count(path)) {
        open_.pop_back();
        errno = EEXIST;
        return -1;
      }
      open_.back() = cached[path] = std::make_shared<Inode>();
    }
    return static_cast<int>(open_.size()) - 1;
  }
  ssize_t write(int fd, const void* data, size_t size) override {
    tick();
    file(fd)->cached.append(static_cast<const char*>(data), std::min<size_t>(size, 3));
    return static_cast<ssize_t>(std::min<size_t>(size, 3));
  }
  int fchown(int, uid_t, gid_t) override { return tick(); }
  int fchmod(int, mode_t) override { return tick(); }
  int fsync(int fd) override {
    tick();
    if (const auto inode = file(fd)) {
      inode->durable = inode->cached;
    } else {
      durable = cached;
    }
    return 0;
  }
  int close(int) override { return tick(); }
  int rename(const char* from, const char* to) override {
    tick();
    cached[to] = cached.at(from);
    cached.erase(from);
    return 0;
  }
  int unlink(const char* path) override {
    tick();
    cached.erase(path);
    return 0;
  }

 private:
  Names cached, durable;
  int tick() {
    if (++count_ == n_) throw PowerLoss();
    return 0;
  }
  std::shared_ptr<Inode> file(int fd) const { return open_.at(static_cast<size_t>(fd)); }
  int n_;
  int count_ = 0;
  std::vector<std::shared_ptr<Inode>> open_;
};

}  // namespace faults
