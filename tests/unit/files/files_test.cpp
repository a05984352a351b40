#include "files/io/files.hpp"

#include "files/io/ownership.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "file_faults.hpp"
#include "files_parts.hpp"
#include "test.hpp"

using namespace lictor;
using faults::Disk;
using faults::FailAt;
using files_parts::Folder;
using files_parts::get;
using files_parts::put;
namespace fs = std::filesystem;

namespace {

struct stat status(const std::string& path) {
  struct stat s {};
  REQUIRE(::lstat(path.c_str(), &s) == 0);
  return s;
}

size_t entries(const std::string& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void require_root() {
  if (::geteuid() != 0) FAIL("this test gives files away and has to run as root");
}

FileAttributes own_attributes(mode_t mode) { return {mode, ::getuid(), ::getgid()}; }

// A file system that keeps neither owners nor modes, as vfat.
class KeepsNone : public FileCalls {
 public:
  int fchown(int, uid_t, gid_t) override { return refused(); }
  int fchmod(int, mode_t) override { return refused(); }

 private:
  static int refused() {
    errno = EPERM;
    return -1;
  }
};

}  // namespace

TEST_CASE("a file system that keeps no modes will do where the file need not be exactly so") {
  const Folder folder;
  const std::string path = folder / "file";
  KeepsNone calls;
  FileAttributes attributes = own_attributes(0666);
  const mode_t before = ::umask(077);
  const auto exact = write_atomically(path, "x", attributes, calls);
  REQUIRE(exact.has_error());
  CHECK(exact.error().why == "chmod: operation not permitted");
  CHECK(exact.error().exit == Exit::config);
  CHECK(::access((path + ".tmp").c_str(), F_OK) != 0);
  ::umask(before);

  attributes.exact = false;
  REQUIRE(write_atomically(path, "x", attributes, calls).has_value());
  CHECK(content_of(path) == "x");
  // Nobody's but the wanted user's, all the same.
  attributes.uid = 12345;
  const auto foreign = write_atomically(path, "y", attributes, calls);
  REQUIRE(foreign.has_error());
  CHECK(foreign.error().why == "chown: operation not permitted");
  CHECK(content_of(path) == "x");
  // As it is made is right, whatever can't be changed.
  CHECK(write_atomically(path, "z", own_attributes(0600), calls).has_value());
  CHECK(content_of(path) == "z");
}

TEST_CASE("write_atomically: whichever call fails, the file is whole and nothing is left beside it") {
  for (const bool existed : {true, false}) {
    std::vector<std::string> failed;
    for (int n = 1;; ++n) {
      REQUIRE(n < 50);
      const Folder folder;
      const std::string path = folder / "consul.json";
      if (existed) put(path, "old content");
      FailAt calls(n);
      const auto written = write_atomically(path, "new content", own_attributes(0600), calls);
      CAPTURE(existed, n, calls.failed());
      CHECK(entries(folder.path) == (get(path) == "(missing)" ? 0U : 1U));
      if (!calls.reached()) {
        REQUIRE(written.has_value());
        CHECK(get(path) == "new content");
        break;
      }
      failed.push_back(calls.failed());
      REQUIRE_FALSE(written.has_value());
      CHECK(contains(written.error().what, folder.path));
      CHECK(written.error().why == calls.failed() + ": input/output error");
      CHECK_FALSE(written.error().hint.empty());
      // After the rename only the folder's own open, fsync and close are left to fail.
      const bool renamed =
          std::find(failed.begin(), failed.end(), "rename") != failed.end() && calls.failed() != "rename";
      CHECK(get(path) == (renamed ? "new content" : existed ? "old content" : "(missing)"));
    }
    const std::vector<std::string> expected = {"open",  "write", "write",  "write", "write", "chmod", "chown",
                                               "fsync", "close", "rename", "open",  "fsync", "close"};
    CHECK(failed == expected);
  }
}

TEST_CASE("write_atomically: whenever the power goes, the old or the new content is there, whole") {
  for (int n = 1;; ++n) {
    REQUIRE(n < 50);
    CAPTURE(n);
    Disk disk(n);
    disk.add("/d/node-id", "old content");
    bool lost = false;
    bool written = false;
    try {
      written = write_atomically("/d/node-id", "new content", own_attributes(0600), disk).has_value();
    } catch (const Disk::PowerLoss&) {
      lost = true;
    }
    for (const auto& content : disk.after_power_loss("/d/node-id")) {
      CAPTURE(content);
      CHECK((content == "new content" || (lost && content == "old content")));
    }
    CHECK(written == !lost);
    if (!lost) break;
  }
}

TEST_CASE("write_atomically goes on after an interrupted write") {
  class Interrupted : public FileCalls {
   public:
    int interruptions = 3;
    ssize_t write(int fd, const void* data, size_t size) override {
      if (interruptions == 0) return FileCalls::write(fd, data, size);
      --interruptions;
      errno = EINTR;
      return -1;
    }
  };
  const Folder folder;
  Interrupted calls;
  REQUIRE(write_atomically(folder / "node-id", "whole", own_attributes(0600), calls).has_value());
  CHECK(calls.interruptions == 0);
  CHECK(get(folder / "node-id") == "whole");
}

TEST_CASE("write_atomically takes away what a crash left") {
  const Folder folder;
  const std::string path = folder / "node-id";
  put(path + ".tmp", "half of somethi");
  REQUIRE(write_atomically(path, "whole", own_attributes(0640)).has_value());
  CHECK(get(path) == "whole");
  CHECK(entries(folder.path) == 1);
}

TEST_CASE("write_atomically gives mode and owner whatever the umask, and takes any content") {
  require_root();
  const Folder folder;
  const mode_t before = ::umask(077);
  const auto written = write_atomically(folder / "a", "x", {0644, 12345, 12346});
  ::umask(before);
  REQUIRE(written.has_value());
  CHECK((status(folder / "a").st_mode & 07777U) == 0644);
  CHECK(status(folder / "a").st_uid == 12345);
  CHECK(status(folder / "a").st_gid == 12346);

  const std::string big(3 << 20, '\0');
  REQUIRE(write_atomically(folder / "a", big, {0600, std::nullopt, std::nullopt}).has_value());
  CHECK(get(folder / "a") == big);
  CHECK(status(folder / "a").st_uid == 0);
  REQUIRE(write_atomically(folder / "a", "", {}).has_value());
  CHECK(get(folder / "a").empty());
}

TEST_CASE("a symbolic link at the target or at the temporary name is replaced, never followed") {
  for (const bool install : {false, true}) {
    const Folder folder;
    // Right in every respect, so that only the link itself is wrong.
    put(folder / "victim", "precious");
    REQUIRE(::chmod((folder / "victim").c_str(), 0600) == 0);
    fs::create_symlink(folder / "victim", folder / "target");
    fs::create_symlink(folder / "victim", folder / "target.tmp");
    const auto attributes = own_attributes(0600);
    if (install) {
      const auto written = install_file(folder / "target", "precious", attributes);
      REQUIRE(written.has_value());
      CHECK(*written);
    } else {
      REQUIRE(write_atomically(folder / "target", "new", attributes).has_value());
    }
    CHECK(get(folder / "victim") == "precious");
    CHECK(S_ISREG(status(folder / "target").st_mode));
    CHECK(get(folder / "target") == (install ? "precious" : "new"));
    CHECK(entries(folder.path) == 2);
  }
}

TEST_CASE("write_atomically names step, cause and remedy") {
  const Folder folder;
  fs::create_directory(folder / "folder");
  put(folder / "file", "");
  struct Row {
    std::string path;
    const char* why;
  };
  const std::vector<Row> rows = {
      {folder / "missing/x", "open: no such file or directory"},
      {folder / "file/x", "open: not a directory"},
      {folder / "folder", "rename: is a directory"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    const auto written = write_atomically(row.path, "x", {});
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().why == row.why);
    CHECK(written.error().exit == Exit::config);
    CHECK_FALSE(written.error().hint.empty());
  }
  CHECK(entries(folder.path) == 2);
}

TEST_CASE("install_file writes only what is not right already") {
  require_root();
  const Folder folder;
  const std::string path = folder / "consul.json";
  struct Row {
    const char* change;
    void (*make)(const std::string&);
    bool written;
  };
  const std::vector<Row> rows = {
      {"first time", [](const std::string&) {}, true},
      {"nothing", [](const std::string&) {}, false},
      {"other content", [](const std::string& p) { put(p, "other"); }, true},
      {"longer content", [](const std::string& p) { put(p, "content and more"); }, true},
      {"shorter content", [](const std::string& p) { put(p, "conten"); }, true},
      {"mode", [](const std::string& p) { ::chmod(p.c_str(), 0644); }, true},
      {"owner", [](const std::string& p) { (void)!::chown(p.c_str(), 0, 12346); }, true},
      {"group", [](const std::string& p) { (void)!::chown(p.c_str(), 12345, 0); }, true},
      {"gone", [](const std::string& p) { ::unlink(p.c_str()); }, true},
      {"a pipe in its place",
       [](const std::string& p) {
         ::unlink(p.c_str());
         ::mkfifo(p.c_str(), 0600);
       },
       true},
      {"nothing again", [](const std::string&) {}, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.change);
    row.make(path);
    const auto inode = fs::exists(path) ? status(path).st_ino : 0;
    const auto written = install_file(path, "content", {0600, 12345, 12346});
    REQUIRE(written.has_value());
    CHECK(*written == row.written);
    if (!row.written) CHECK(status(path).st_ino == inode);
    CHECK(get(path) == "content");
    CHECK((status(path).st_mode & 07777U) == 0600);
    CHECK(status(path).st_uid == 12345);
    CHECK(status(path).st_gid == 12346);
  }
}

TEST_CASE("read_file: bytes, nothing, or a problem") {
  const Folder folder;
  const std::string bytes = std::string("a\0b\n", 4) + std::string(10000, 'x');
  put(folder / "file", bytes);
  fs::create_symlink("file", folder / "link");
  fs::create_symlink("nowhere", folder / "dangling");
  fs::create_directory(folder / "folder");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);

  CHECK(get(folder / "file") == bytes);
  CHECK(get(folder / "link") == bytes);
  CHECK(get("/proc/self/cgroup") != "(missing)");
  for (const char* name : {"missing", "dangling", "missing/too"}) {
    CAPTURE(name);
    CHECK(get(folder / name) == "(missing)");
  }
  for (const char* name : {"folder", "pipe", "file/below"}) {
    CAPTURE(name);
    const auto content = read_file(folder / name);
    REQUIRE_FALSE(content.has_value());
    CHECK(content.error().what == folder / name);
    CHECK_FALSE(content.error().hint.empty());
  }
  CHECK(read_file(folder / "file", bytes.size()).has_value());
  const auto large = read_file(folder / "file", bytes.size() - 1);
  REQUIRE_FALSE(large.has_value());
  CHECK(contains(large.error().why, "larger than"));
  CHECK_FALSE(read_file("/dev/zero").has_value());
}

TEST_CASE("make_directory makes parents that anybody may pass, and sets the last one right") {
  require_root();
  const Folder folder;
  const mode_t before = ::umask(077);
  const auto made = make_directory(folder / "a//b/c/", {.mode = 0700, .uid = 12345, .gid = 12346});
  ::umask(before);
  REQUIRE(made.has_value());
  CHECK((status(folder / "a").st_mode & 07777U) == 0755);
  CHECK((status(folder / "a/b").st_mode & 07777U) == 0755);
  CHECK(status(folder / "a/b").st_uid == 0);
  CHECK((status(folder / "a/b/c").st_mode & 07777U) == 0700);
  CHECK(status(folder / "a/b/c").st_uid == 12345);
  CHECK(status(folder / "a/b/c").st_gid == 12346);

  // There already: parents are left alone, the last one is corrected.
  REQUIRE(::chmod((folder / "a").c_str(), 0711) == 0);
  REQUIRE(make_directory(folder / "a/b/c", {.mode = 0750, .uid = {}, .gid = 12347}).has_value());
  CHECK((status(folder / "a").st_mode & 07777U) == 0711);
  CHECK((status(folder / "a/b/c").st_mode & 07777U) == 0750);
  CHECK(status(folder / "a/b/c").st_uid == 12345);
  CHECK(status(folder / "a/b/c").st_gid == 12347);

  fs::create_directory_symlink(folder / "a/b", folder / "link");
  REQUIRE(make_directory(folder / "link/d", {.mode = 0700, .uid = {}, .gid = {}}).has_value());
  CHECK(S_ISDIR(status(folder / "a/b/d").st_mode));
  REQUIRE(make_directory("/", {.mode = status("/").st_mode & 07777U, .uid = {}, .gid = {}}).has_value());

  put(folder / "file", "");
  for (const char* path : {"file", "file/below"}) {
    CAPTURE(path);
    const auto refused = make_directory(folder / path, {.mode = 0700, .uid = {}, .gid = {}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().why, "not a directory"));
  }
}

TEST_CASE("give_ownership changes what is wrong, everywhere below, and follows no link") {
  require_root();
  const Folder folder;
  const Folder outside;
  put(outside / "victim", "");
  fs::create_directories(folder / "serf/snapshots");
  put(folder / "node-id", "");
  put(folder / "serf/local.snapshot", "");
  fs::create_symlink(outside / "victim", folder / "link");
  fs::create_directory_symlink(outside.path, folder / "serf/folder-link");
  REQUIRE(::chown((folder / "node-id").c_str(), 12345, 12346) == 0);

  const auto changed = give_ownership(folder.path, 12345, 12346);
  REQUIRE(changed.has_value());
  CHECK(*changed == 6);  // all but node-id, the folder itself included
  for (const char* name :
       {"", "serf", "serf/snapshots", "serf/local.snapshot", "node-id", "link", "serf/folder-link"}) {
    CAPTURE(name);
    CHECK(status(folder / name).st_uid == 12345);
    CHECK(status(folder / name).st_gid == 12346);
  }
  CHECK(status(outside.path).st_uid == 0);
  CHECK(status(outside / "victim").st_uid == 0);

  const auto again = give_ownership(folder.path, 12345, 12346);
  REQUIRE(again.has_value());
  CHECK(*again == 0);
  const auto group = give_ownership(folder.path, 12345, 0);
  REQUIRE(group.has_value());
  CHECK(*group == 7);
  CHECK_FALSE(give_ownership(folder / "missing", 1, 1).has_value());
}
