#include "files/io/folder.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "files/io/descriptor.hpp"
#include "files/io/file_watch.hpp"
#include "files/io/files.hpp"
#include "files/io/ownership.hpp"
#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kAgent = 12345;
constexpr gid_t kGroup = 12346;

struct Homes : TemporaryFolder {
  Homes() {
    fs::create_directories(path + "/victim/below");
    fs::create_directory(path + "/home");
  }
};

void make_link(const std::string& path, const std::string& to, uid_t uid) {
  fs::create_symlink(to, path);
  REQUIRE(::lchown(path.c_str(), uid, 0) == 0);
}

}  // namespace

TEST_CASE("a symbolic link is followed only where none but root and lictor's user can have put it") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  struct Row {
    const char* what;
    uid_t folder_uid;
    gid_t folder_gid;
    mode_t folder_mode;
    uid_t link_uid;
    std::string who;  // empty: followed
  };
  const std::vector<Row> rows = {
      {"root's folder", 0, 0, 0755, 0, ""},
      {"root's folder, somebody's link", 0, 0, 0755, kAgent, ""},
      {"the agent's folder", kAgent, 0, 0755, kAgent, "uid 12345"},
      {"the agent's folder, root's link moved there", kAgent, 0, 0755, 0, "uid 12345"},
      {"everybody's folder", 0, 0, 0777, 0, "everybody"},
      {"like /tmp, root's link", 0, 0, 01777, 0, ""},
      {"like /tmp, somebody's link", 0, 0, 01777, kAgent, "everybody"},
      {"like /tmp, but the agent's", kAgent, 0, 01777, 0, "uid 12345"},
      {"a group's folder", 0, kGroup, 0775, 0, "gid 12346"},
      {"root's group's folder", 0, 0, 0775, kAgent, ""},
      {"a group that may only read", 0, kGroup, 0755, kAgent, ""},
  };
  for (const auto& row : rows) {
    for (const bool absolute : {true, false}) {
      CAPTURE(row.what, absolute);
      const Homes folder;
      const std::string link = folder / "home/link";
      make_link(link, absolute ? folder / "victim" : "../victim", row.link_uid);
      REQUIRE(::chown((folder / "home").c_str(), row.folder_uid, row.folder_gid) == 0);
      REQUIRE(::chmod((folder / "home").c_str(), row.folder_mode) == 0);
      for (const char* below : {"", "/", "/below", "//below/."}) {
        CAPTURE(below);
        const auto opened = open_folder(link + below);
        CHECK(opened.has_value() == row.who.empty());
        if (!opened) {
          CHECK(opened.error().what == link);
          CHECK(opened.error().why == "is a symbolic link in a directory that " + row.who + " can write to");
          CHECK(opened.error().exit == Exit::config);
        }
      }
      // Nothing is made, opened, given away or removed through it.
      const bool followed = row.who.empty();
      CHECK(write_atomically(link + "/file", "x", {}).has_value() == followed);
      CHECK(make_directory(link + "/made/too", {.mode = 0700, .uid = kAgent, .gid = kGroup}).has_value() == followed);
      CHECK(FileLock::acquire(link + "/lock").has_value() == followed);
      CHECK(give_ownership(link, kAgent, kGroup).has_value() == followed);
      CHECK(fs::exists(folder / "victim/file") == followed);
      CHECK(fs::exists(folder / "victim/made") == followed);
      CHECK(fs::exists(folder / "victim/lock") == followed);
      struct stat victim {};
      REQUIRE(::stat((folder / "victim").c_str(), &victim) == 0);
      CHECK(victim.st_uid == (followed ? kAgent : 0));
    }
  }
}

TEST_CASE("a folder is found as well where the kernel can't walk to it in one step", "[native]") {
  const Homes folder;
  CHECK(scenario::in_child([&] {
          for (const bool in_one : {true, false}) {
            if (!in_one) scenario::take_call_away(SYS_openat2);
            for (const char* way : {"", "/", "/victim", "//victim/../victim/below/.", "/home/../victim/below/"}) {
              const auto opened = open_folder(folder.path + way);
              struct stat there {
              }, seen{};
              scenario::must(opened && ::fstat(opened->get(), &seen) == 0, std::string("open ") + way);
              scenario::must(::stat((folder.path + way).c_str(), &there) == 0 && there.st_ino == seen.st_ino, way);
            }
            for (const char* way : {"/none", "/victim/none/below"}) {
              const auto opened = open_folder(folder.path + way);
              scenario::must(!opened && opened.error().why == "open: no such file or directory", way);
            }
          }
          return std::string();
        }) == "");
}

TEST_CASE("links in circles, to nothing and to files are no folders") {
  const Homes folder;
  fs::create_symlink("circle", folder / "circle");
  fs::create_symlink("nothing", folder / "dangling");
  std::ofstream(folder / "file") << "x";
  fs::create_symlink("file", folder / "to-file");
  const std::vector<std::pair<const char*, int>> rows = {{"circle", ELOOP}, {"dangling", ENOENT}, {"missing", ENOENT},
                                                         {"file", ENOTDIR}, {"to-file", ENOTDIR}, {"file/x", ENOTDIR}};
  for (const auto& [name, error] : rows) {
    CAPTURE(name);
    CHECK_FALSE(open_folder(folder / name).has_value());
    CHECK(open_below(folder / name + "/below", O_RDONLY) == -1);
    CHECK(errno == error);
  }
  REQUIRE(open_folder("/").has_value());
  REQUIRE(open_folder(".").has_value());
  REQUIRE(open_folder(folder / "victim/../victim/./below").has_value());
}

TEST_CASE("a lock is neither a link nor another name of a file that is elsewhere") {
  const Homes folder;
  std::ofstream(folder / "precious") << "precious";
  fs::create_symlink(folder / "precious", folder / "link");
  fs::create_hard_link(folder / "precious", folder / "name");
  for (const char* name : {"link", "name", "victim"}) {
    CAPTURE(name);
    const auto held = FileLock::acquire(folder / name);
    REQUIRE_FALSE(held.has_value());
    CHECK(held.error().what == folder / name);
    CHECK(held.error().exit == Exit::config);
  }
  CHECK(FileLock::acquire(folder / "link").error().why == "is a symbolic link");
  CHECK(content_of(folder / "precious") == "precious");
}

TEST_CASE("give_ownership gives away no file that has another name elsewhere") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  const Homes folder;
  std::ofstream(folder / "precious") << "precious";
  fs::create_hard_link(folder / "precious", folder / "home/name");
  const auto given = give_ownership(folder / "home", kAgent, kGroup);
  REQUIRE_FALSE(given.has_value());
  CHECK(given.error().what == folder / "home/name");
  struct stat precious {};
  REQUIRE(::stat((folder / "precious").c_str(), &precious) == 0);
  CHECK(precious.st_uid == 0);
  struct stat home {};
  REQUIRE(::stat((folder / "home").c_str(), &home) == 0);
  CHECK(home.st_uid == 0);  // so that it is all tried again
  // What is the agent's already stays as it is.
  REQUIRE(::chown((folder / "precious").c_str(), kAgent, kGroup) == 0);
  CHECK(give_ownership(folder / "home", kAgent, kGroup).has_value());
}

TEST_CASE("a file is read through the links of root, and through nobody's links to what is not his") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  struct Row {
    const char* what;
    uid_t folder_uid;
    mode_t folder_mode;
    uid_t link_uid, file_uid;
    std::string who;  // empty: followed
  };
  const std::vector<Row> rows = {
      {"root's folder", 0, 0755, 0, 0, ""},
      {"root's folder, somebody's link", 0, 0755, kAgent, 0, ""},
      {"the agent's folder", kAgent, 0755, kAgent, 0, "uid 12345"},
      {"the agent's folder, to somebody else's", kAgent, 0755, kAgent, 4711, "uid 12345"},
      {"the agent's folder, to its own", kAgent, 0755, kAgent, kAgent, ""},
      {"the agent's folder, root's link", kAgent, 0755, 0, 0, ""},
      {"a ConfigMap", 0, 0777, 0, 0, ""},
      {"everybody's folder", 0, 0777, kAgent, 0, "everybody"},
      {"like /tmp, somebody's link", 0, 01777, kAgent, 0, "everybody"},
      {"like /tmp, root's link", 0, 01777, 0, 0, ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const Homes folder;
    std::ofstream(folder / "victim/secret.json") << "{}";
    const std::string to_file = folder / "home/link.json", to_folder = folder / "home/folder";
    make_link(to_file, folder / "victim/secret.json", row.link_uid);
    make_link(to_folder, "../victim", row.link_uid);
    for (const char* name : {"victim", "victim/secret.json"})
      REQUIRE(::chown((folder / name).c_str(), row.file_uid, 0) == 0);
    REQUIRE(::chmod((folder / "victim/secret.json").c_str(), 0600) == 0);
    REQUIRE(::chown((folder / "home").c_str(), row.folder_uid, 0) == 0);
    REQUIRE(::chmod((folder / "home").c_str(), row.folder_mode) == 0);
    const bool followed = row.who.empty();
    for (const std::string& path : {to_file, to_folder + "/secret.json"}) {
      CAPTURE(path);
      const auto content = read_file(path);
      REQUIRE(content.has_value() == followed);
      if (followed) CHECK(*content == "{}");
      if (followed) continue;
      CHECK(content.error().what == (path == to_file ? to_file : to_folder));
      CHECK(content.error().why == "is a symbolic link in a directory that " + row.who + " can write to");
      CHECK(content_of(path).empty());
    }
    CHECK(agent_files_in(to_folder, "") ==
          (followed ? std::vector<std::string>{"secret.json"} : std::vector<std::string>{}));
    CHECK((content_digest(to_file) == content_digest(folder / "victim/secret.json")) == followed);
  }
}

TEST_CASE("a link to a link is followed for one who owns both, and what they lead to") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  const Homes folder;
  std::ofstream(folder / "home/file") << "x";
  make_link(folder / "home/inner", "file", kAgent);
  make_link(folder / "home/outer", "inner", 4711);
  REQUIRE(::chown((folder / "home/file").c_str(), kAgent, 0) == 0);
  REQUIRE(::chown((folder / "home").c_str(), kAgent, 0) == 0);
  CHECK_FALSE(read_file(folder / "home/outer").has_value());
  REQUIRE(::lchown((folder / "home/outer").c_str(), kAgent, 0) == 0);
  CHECK(content_of(folder / "home/outer") == "x");
}

TEST_CASE("a name that somebody gave to a secret of somebody else's is not read") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  struct Row {
    const char* what;
    uid_t folder_uid;
    mode_t folder_mode;
    uid_t file_uid;
    mode_t file_mode;
    bool read;
  };
  const std::vector<Row> rows = {
      {"root's secret in the agent's folder", kAgent, 0755, 0, 0600, false},
      {"somebody else's secret in the agent's folder", kAgent, 0755, 4711, 0640, false},
      {"root's secret in everybody's folder", 0, 01777, 0, 0600, false},
      {"its own", kAgent, 0755, kAgent, 0600, true},
      {"what everybody can read", kAgent, 0755, 0, 0644, true},
      {"root's folder", 0, 0755, 0, 0600, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const Homes folder;
    std::ofstream(folder / "victim/secret") << "x";
    fs::create_hard_link(folder / "victim/secret", folder / "home/name");
    REQUIRE(::chown((folder / "victim/secret").c_str(), row.file_uid, 0) == 0);
    REQUIRE(::chmod((folder / "victim/secret").c_str(), row.file_mode) == 0);
    REQUIRE(::chown((folder / "home").c_str(), row.folder_uid, 0) == 0);
    REQUIRE(::chmod((folder / "home").c_str(), row.folder_mode) == 0);
    const auto content = read_file(folder / "home/name");
    CHECK(content.has_value() == row.read);
    if (!content) CHECK(contains(content.error().why, "has another name elsewhere"));
  }
}

TEST_CASE("what is no file is never opened: a terminal does not become lictor's") {
  CHECK(scenario::in_child([] {
          const Homes folder;
          // Only the first process of a session gets a terminal by opening one, and no leader of a group begins a session.
          if (const pid_t leader = ::fork(); leader > 0) {
            int status = 0;
            scenario::must(::waitpid(leader, &status, 0) == leader && status == 0, "see above");
            return std::string();
          }
          scenario::must(::setsid() > 0, "setsid");
          int terminal = -1, user = -1;
          char name[64];
          scenario::must(::openpty(&terminal, &user, name, nullptr, nullptr) == 0, "openpty");
          fs::create_symlink(name, folder / "home/terminal");
          scenario::must(::mkfifo((folder / "home/fifo").c_str(), 0600) == 0, "mkfifo");
          for (const std::string& path : {folder / "home/terminal", std::string(name), folder / "home/fifo"}) {
            const auto content = read_file(path);
            scenario::must(!content && content.error().why == "no regular file", path);
          }
          const Descriptor own(::open("/dev/tty", O_RDWR | O_CLOEXEC));
          scenario::must(own.get() < 0 && errno == ENXIO, "there is a controlling terminal");
          // Nobody who waits for a reader of the FIFO has seen one.
          const Descriptor writer(::open((folder / "home/fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
          scenario::must(writer.get() < 0 && errno == ENXIO, "there is a reader");
          ::_exit(0);
        }) == "");
}

TEST_CASE("files are read as well where there is no /proc, and where the kernel can't walk in one step", "[native]") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  const Homes folder;
  std::ofstream(folder / "victim/file") << "x";
  fs::create_symlink("victim", folder / "link");
  CHECK(scenario::in_child([&] {
          scenario::must(::chroot(folder.path.c_str()) == 0 && ::chdir("/") == 0, "chroot");
          for (const bool in_one : {true, false}) {
            if (!in_one) scenario::take_call_away(SYS_openat2);
            for (const char* path : {"/victim/file", "/link/file", "victim/file", "link/../victim/./file"})
              scenario::must(content_of(path) == "x", path);
            const auto missing = read_file("/victim/none");
            scenario::must(missing && !*missing, "a missing file is none");
          }
          return std::string();
        }) == "");
}

TEST_CASE("others_who_write: by the folders on the way, the file itself, and what is behind a link") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  const Homes folder;
  std::ofstream(folder / "victim/below/file") << "x";
  fs::create_symlink("victim", folder / "link");
  const std::string path = folder / "link/below/file", whole = folder / "victim/below/file";
  CHECK(others_who_write(path) == std::nullopt);
  REQUIRE(::chmod(whole.c_str(), 0664) == 0);
  CHECK(others_who_write(path) == std::nullopt);  // root's own group
  REQUIRE(::chown(whole.c_str(), 0, kGroup) == 0);
  CHECK(others_who_write(path) == "gid 12346 can write to " + path);
  REQUIRE(::chown(whole.c_str(), kAgent, 0) == 0);
  CHECK(others_who_write(path) == "uid 12345 can write to " + path);
  REQUIRE(::chown(whole.c_str(), 0, 0) == 0);
  REQUIRE(::chmod((folder / "victim").c_str(), 0777) == 0);
  CHECK(others_who_write(path) == "everybody can write to " + (folder / "victim"));
  REQUIRE(::chmod((folder / "victim").c_str(), 01777) == 0);
  CHECK(others_who_write(path) == std::nullopt);
  CHECK(others_who_write(folder / "victim") == "everybody can write to " + (folder / "victim"));
  CHECK(others_who_write(folder / "missing") == std::nullopt);
}

namespace {

// `levels` folders, each in the one before; and away again, whatever their depth.
void make_deep(const std::string& top, int levels) {
  Descriptor at(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < levels; ++i) {
    ::mkdirat(at.get(), "d", 0755);
    at = Descriptor(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  REQUIRE(at.get() >= 0);
}

void remove_deep(const std::string& top) {
  const std::string first = top + "/d", second = top + "/e";
  while (::rename((first + "/d").c_str(), second.c_str()) == 0 && ::rmdir(first.c_str()) == 0 &&
         ::rename(second.c_str(), first.c_str()) == 0)
    continue;
  REQUIRE(::rmdir(first.c_str()) == 0);
}

}  // namespace

TEST_CASE("give_ownership: however deep the folders, with few descriptors and little stack") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  constexpr int levels = 3'000;  // of a few hundred bytes of stack each, if it took any
  const Homes folder;
  make_deep(folder / "home", levels);
  CHECK(scenario::in_child([&] {
          const rlimit descriptors{16, 16}, stack{256 * 1024, 256 * 1024};
          scenario::must(::setrlimit(RLIMIT_NOFILE, &descriptors) == 0 && ::setrlimit(RLIMIT_STACK, &stack) == 0,
                         "setrlimit");
          const auto given = give_ownership(folder / "home", kAgent, kGroup);
          scenario::must(given && *given == levels + 1, given ? std::to_string(*given) : given.error().why);
          scenario::must(!foreign_entry(folder / "home", kAgent, kGroup, 2 * levels), "all is theirs");
          return std::string();
        }) == "");
  remove_deep(folder / "home");
}

TEST_CASE("give_ownership stays out of folders that are the new owner's already, and gives no device away") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  const Homes folder;
  for (const char* name : {"home/his", "home/roots"}) fs::create_directory(folder / name);
  for (const char* name : {"home/his/file", "home/roots/file"}) std::ofstream(folder / name) << "x";
  REQUIRE(::chown((folder / "home/his").c_str(), kAgent, kGroup) == 0);
  const auto owner = [&](const char* name) {
    struct stat about {};
    REQUIRE(::lstat((folder / name).c_str(), &about) == 0);
    return about.st_uid;
  };
  REQUIRE(::mknod((folder / "home/roots/null").c_str(), S_IFCHR | 0600, ::makedev(1, 3)) == 0);
  CHECK_FALSE(give_ownership(folder / "home", kAgent, kGroup).has_value());
  CHECK(owner("home/roots/null") == 0);
  REQUIRE(::unlink((folder / "home/roots/null").c_str()) == 0);
  const auto given = give_ownership(folder / "home", kAgent, kGroup);
  REQUIRE(given.has_value());
  CHECK(owner("home") == kAgent);
  CHECK(owner("home/roots") == kAgent);
  CHECK(owner("home/roots/file") == kAgent);
  CHECK(owner("home/his/file") == 0);
  CHECK(foreign_entry(folder / "home", kAgent, kGroup) == folder / "home/his/file");
  CHECK(foreign_entry(folder / "home", kAgent, kGroup, 0) == std::nullopt);
}
