#include "act/folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "act/files.hpp"
#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kAgent = 12345;
constexpr gid_t kGroup = 12346;

struct Folder : TemporaryFolder {
  Folder() {
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
      const Folder folder;
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
      CHECK(make_directory(link + "/made/too", 0700, kAgent, kGroup).has_value() == followed);
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

TEST_CASE("a folder is found as well where the kernel can't walk to it in one step") {
  const Folder folder;
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
  const Folder folder;
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
  const Folder folder;
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
  const Folder folder;
  std::ofstream(folder / "precious") << "precious";
  fs::create_hard_link(folder / "precious", folder / "home/name");
  const auto given = give_ownership(folder / "home", kAgent, kGroup);
  REQUIRE_FALSE(given.has_value());
  CHECK(given.error().what == folder / "home/name");
  struct stat precious {};
  REQUIRE(::stat((folder / "precious").c_str(), &precious) == 0);
  CHECK(precious.st_uid == 0);
  // What is the agent's already stays as it is.
  REQUIRE(::chown((folder / "precious").c_str(), kAgent, kGroup) == 0);
  CHECK(give_ownership(folder / "home", kAgent, kGroup).has_value());
}
