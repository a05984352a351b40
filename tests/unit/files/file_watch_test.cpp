#include "files/io/file_watch.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Paths = std::vector<std::string>;

void put(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

void put_over(const std::string& path, const std::string& content) {
  put(path + ".tmp", content);
  fs::rename(path + ".tmp", path);
}

// As the kubelet exchanges what is mounted at `folder`.
void mount(const std::string& folder, const std::string& version, const std::string& content) {
  fs::create_directory(folder + "/" + version);
  put(folder + "/" + version + "/f.json", content);
  fs::create_symlink(version, folder + "/..data_tmp");
  fs::rename(folder + "/..data_tmp", folder + "/..data");
}

// A folder, and a watch.
struct Scene : TemporaryFolder {
  boost::asio::io_context io;
  std::vector<Paths> calls;
  std::unique_ptr<FileWatch> watch;

  void start(const Paths& paths) {
    watch = FileWatch::start(io.get_executor(), {.changed = [this](const Paths& p) { calls.push_back(p); },
                                                 .failed = [](const Problem& p) { FAIL(to_string(p)); },
                                                 .mended = [] { FAIL("nothing had failed"); }});
    watch->watch(paths);
  }
  // The paths of the next call; nothing where none comes within two seconds.
  Paths next() {
    const std::size_t before = calls.size();
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (calls.size() == before && io.run_one_until(deadline) > 0) {
    }
    return calls.size() == before ? Paths{} : calls.back();
  }
  // True if nothing is called for longer than a burst lasts.
  bool silent() {
    const std::size_t before = calls.size();
    io.run_for(500ms);
    return calls.size() == before;
  }
};

// Whether one of this process's watches is on what is at `path`, by what the kernel tells of them.
bool is_watched(const std::string& path) {
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  const std::string sign = fmt::format(" ino:{:x} ", about.st_ino);
  for (const auto& entry : fs::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("inotify ") && line.find(sign) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("FileWatch sees each way in which a file gets another content", "[file_watch]") {
  struct Row {
    const char* what;
    std::function<void(const std::string&folder)> before, change;
    const char* path = "/f.json";
  };
  const auto nothing = [](const std::string&) {};
  const auto one = [](const std::string& f) { put(f + "/f.json", "1"); };
  for (const Row& row : std::initializer_list<Row>{
           {"written in place", one, [](const std::string& f) { put(f + "/f.json", "2"); }},
           {"renamed over", one, [](const std::string& f) { put_over(f + "/f.json", "2"); }},
           {"made", nothing, one},
           {"gone", one, [](const std::string& f) { fs::remove(f + "/f.json"); }},
           {"made together with its folders", nothing,
            [](const std::string& f) {
              fs::create_directories(f + "/a/b");
              put(f + "/a/b/f.json", "1");
            },
            "/a/b/f.json"},
           {"its folder exchanged",
            [](const std::string& f) {
              for (const char* name : {"/a", "/b"}) {
                fs::create_directory(f + name);
                put(f + name + std::string("/f.json"), name);
              }
            },
            [](const std::string& f) {
              fs::rename(f + "/a", f + "/c");
              fs::rename(f + "/b", f + "/a");
            },
            "/a/f.json"},
           {"a folder on the way exchanged",
            [](const std::string& f) {
              for (const char* name : {"/a", "/b"}) {
                fs::create_directories(f + name + "/c/d");
                put(f + name + std::string("/c/d/f.json"), name);
              }
            },
            [](const std::string& f) {
              fs::rename(f + "/a", f + "/old");
              fs::rename(f + "/b", f + "/a");
            },
            "/a/c/d/f.json"},
           {"a folder on the way removed and made anew",
            [](const std::string& f) {
              fs::create_directories(f + "/a/c/d");
              put(f + "/a/c/d/f.json", "1");
            },
            [](const std::string& f) {
              fs::remove_all(f + "/a");
              fs::create_directories(f + "/a/c/d");
              put(f + "/a/c/d/f.json", "2");
            },
            "/a/c/d/f.json"},
           {"in a folder, by a link that is called otherwise",
            [](const std::string& f) {
              fs::create_directory(f + "/d");
              put(f + "/real.hcl", "1");
              fs::create_symlink("../real.hcl", f + "/d/web");
            },
            [](const std::string& f) { put(f + "/real.hcl", "2"); }, "/d"},
           {"a ConfigMap",
            [](const std::string& f) {
              mount(f, "..1", "1");
              fs::create_symlink("..data/f.json", f + "/f.json");
            },
            [](const std::string& f) { mount(f, "..2", "2"); }},
           {"a link to elsewhere, the file there",
            [](const std::string& f) {
              fs::create_directory(f + "/a");
              put(f + "/a/g", "1");
              fs::create_symlink(f + "/a/g", f + "/f.json");
            },
            [](const std::string& f) { put_over(f + "/a/g", "2"); }},
           {"by another name for it, as where the file alone is mounted",
            [](const std::string& f) {
              fs::create_directory(f + "/a");
              put(f + "/a/g", "1");
              fs::create_hard_link(f + "/a/g", f + "/f.json");
            },
            [](const std::string& f) { put(f + "/a/g", "2"); }},
           {"a file more in a directory",
            [](const std::string& f) {
              fs::create_directory(f + "/d");
              put(f + "/d/a.json", "1");
            },
            [](const std::string& f) { put(f + "/d/b.hcl", "1"); }, "/d"},
           {"a ConfigMap as a directory",
            [](const std::string& f) {
              mount(f, "..1", "1");
              fs::create_symlink("..data/f.json", f + "/f.json");
            },
            [](const std::string& f) { mount(f, "..2", "2"); }, ""},
       }) {
    INFO(row.what);
    Scene scene;
    row.before(scene.path);
    scene.start({scene.path + row.path});
    row.change(scene.path);
    CHECK(scene.next() == Paths{scene.path + row.path});
    CHECK(scene.silent());
  }
}

TEST_CASE("FileWatch goes on after a change, and a burst is one call", "[file_watch]") {
  Scene scene;
  mount(scene.path, "..1", "1");
  fs::create_symlink("..data/f.json", scene / "f.json");
  scene.start({scene / "f.json", scene / "g"});
  for (const char* version : {"2", "3", "4"}) {
    mount(scene.path, std::string("..") + version, version);
    put(scene / "g", version);
    CHECK(scene.next() == Paths{scene / "f.json", scene / "g"});
  }
  CHECK(scene.calls.size() == 3);
}

TEST_CASE("FileWatch is silent where nothing that is watched has another content", "[file_watch]") {
  Scene scene;
  put(scene / "f.json", "1");
  fs::create_directory(scene / "d");
  scene.start({scene / "f.json", scene / "d"});
  put_over(scene / "f.json", "1");
  put(scene / "f.json", "1");
  put(scene / "other.json", "1");
  put(scene / "d/notes.txt", "1");
  CHECK(scene.silent());

  SECTION("the same paths again, or more of them, are no news") {
    put(scene / "g", "1");
    scene.watch->watch({scene / "f.json", scene / "g"});
    CHECK(scene.silent());
    put(scene / "f.json", "2");
    CHECK(scene.next() == Paths{scene / "f.json"});
  }
  SECTION("a path that is watched no more is none") {
    scene.watch->watch({scene / "d"});
    put(scene / "f.json", "2");
    CHECK(scene.silent());
  }
  SECTION("a change from before the call that keeps the path is not lost") {
    put(scene / "f.json", "2");
    scene.watch->watch({scene / "f.json"});
    CHECK(scene.next() == Paths{scene / "f.json"});
  }
}

TEST_CASE("FileWatch sees every file of a directory that is read in a format, and no folder in it", "[file_watch]") {
  Scene scene;
  put(scene / "plain", "1");
  fs::create_directory(scene / "d");
  put(scene / "d/f", "1");
  scene.start({});
  scene.watch->watch({scene.path}, "json");
  put(scene / "d/f", "2");
  put(scene / "d/g.json", "2");
  CHECK(scene.silent());
  put(scene / "plain", "2");
  CHECK(scene.next() == Paths{scene.path});
  put(scene / "more", "1");
  CHECK(scene.next() == Paths{scene.path});

  SECTION("another format is no news by itself") {
    scene.watch->watch({scene.path});
    put(scene / "plain", "3");
    CHECK(scene.silent());
    put(scene / "f.json", "3");
    CHECK(scene.next() == Paths{scene.path});
  }
}

TEST_CASE("FileWatch wakes for no other file of the directory", "[file_watch]") {
  Scene scene;
  put(scene / "f.json", "1");
  scene.start({scene / "f.json"});
  scene.io.poll();
  put(scene / "other.json", "1");
  // One wake-up to throw the event away; no timer follows it.
  CHECK(scene.io.run_for(400ms) <= 1);
}

TEST_CASE("what a link leads to is what an agent reads in a folder, or passes over") {
  const TemporaryFolder folder;
  for (const char* name : {"a.json", "b.hcl", "notes.txt", "plain"}) put(folder / name, "{}");
  fs::create_symlink("b.hcl", folder / "link");
  fs::create_symlink("notes.txt", folder / "notes.json");
  fs::create_symlink("nowhere", folder / "void");
  fs::create_symlink(".", folder / "self");
  fs::create_directory(folder / "folder.hcl");
  CHECK(agent_files_in(folder.path, "") == std::vector<std::string>{"a.json", "b.hcl", "link", "void"});
  CHECK(agent_files_in(folder.path, "hcl") ==
        std::vector<std::string>{"a.json", "b.hcl", "link", "notes.json", "notes.txt", "plain", "void"});
}

TEST_CASE("content_digest: links back into their own folder lead nowhere") {
  const TemporaryFolder folder;
  put(folder / "f.json", "{}");
  const auto before = content_digest(folder.path);
  for (const char* name : {"a.json", "b.json", "c.hcl", "d.hcl"}) fs::create_symlink(".", folder / name);
  CHECK(content_digest(folder.path) == before);
  put(folder / "f.json", "{ }");
  const auto after = content_digest(folder.path);
  fs::remove(folder / "f.json");
  CHECK(content_digest(folder.path) != after);
}

TEST_CASE("FileWatch watches nothing that somebody else's link leads to, and the link itself", "[file_watch]") {
  INFO("this test needs root");
  REQUIRE(::geteuid() == 0);
  constexpr uid_t other = 12345;
  for (const char* target : {"/victim/secret.json", "/victim"}) {
    for (const bool in_folder : {true, false}) {
      CAPTURE(target, in_folder);
      Scene s;
      const std::string secret = s / "victim/secret.json", home = s / "home", link = home + "/link.json";
      fs::create_directory(s / "victim");
      fs::create_directory(home);
      put(secret, "1");
      fs::create_symlink(s.path + target, link);
      REQUIRE(::chown(home.c_str(), other, other) == 0);
      REQUIRE(::lchown(link.c_str(), other, other) == 0);
      s.start({in_folder ? home : link});
      CHECK_FALSE(is_watched(secret));
      CHECK_FALSE(is_watched(s / "victim"));
      CHECK(is_watched(home));
      put_over(link, "2");
      CHECK(s.next() == Paths{in_folder ? home : link});
      CHECK(is_watched(link));
    }
  }
  {
    // His name for a file of root's.
    Scene s;
    const std::string secret = s / "secret.json", home = s / "home", name = home + "/name.json";
    fs::create_directory(home);
    put(secret, "1");
    REQUIRE(::chmod(secret.c_str(), 0600) == 0);
    fs::create_hard_link(secret, name);
    REQUIRE(::chown(home.c_str(), other, other) == 0);
    s.start({name});
    CHECK_FALSE(is_watched(secret));
    CHECK(is_watched(home));
  }
  // His link to what is his is read, and watched.
  Scene s;
  const std::string file = s / "file.json", link = s / "link.json";
  put(file, "1");
  fs::create_symlink("file.json", link);
  for (const std::string& path : {s.path, file, link}) REQUIRE(::lchown(path.c_str(), other, other) == 0);
  s.start({link});
  CHECK(is_watched(file));
}

namespace {

// What the kernel lets the users of this process's own user namespace have.
void allow(const char* what, int most) {
  std::ofstream file(std::string("/proc/sys/user/max_inotify_") + what);
  file << most << std::flush;
  scenario::must(file.good(), "the limit can be set");
}

// A watch that tries again after a moment, and what it says. In a user namespace of its own, whose limits are nobody else's.
struct Limited : TemporaryFolder {
  boost::asio::io_context io;
  std::vector<Paths> calls;
  int failed = 0, mended = 0;
  std::unique_ptr<FileWatch> watch = FileWatch::start(io.get_executor(),
                                                      {.changed = [this](const Paths& p) { calls.push_back(p); },
                                                       .failed = [this](const Problem&) { ++failed; },
                                                       .mended = [this] { ++mended; }},
                                                      300ms);
  template <class Fact>
  bool comes(const Fact& fact) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!fact() && io.run_one_until(deadline) > 0) continue;
    return fact();
  }
};

// `limit` is used up, or nearly, until it is raised.
std::string goes_on_without(const char* limit, int most) {
  return scenario::in_child([&]() -> std::string {
    Limited s;
    scenario::must(::unshare(CLONE_NEWUSER) == 0, "a user namespace of one's own");
    allow(limit, most);
    for (const char* name : {"/a", "/b"}) {
      fs::create_directory(s.path + name);
      put(s.path + name + "/f.json", "1");
    }
    const std::string file = s / "b/f.json";
    s.watch->watch({s / "a/f.json", file});
    scenario::must(!s.watch->problems().empty() && !s.watch->hears_all(), "a problem while it can't watch");
    const int told = s.failed;
    put(file, "2");
    scenario::must(s.comes([&] { return s.calls.size() == 1; }), "a change is found by comparing");
    scenario::must(s.calls.back() == Paths{file}, "that change");
    scenario::must(told > 0 && s.failed == told && s.mended == 0, "told once");
    allow(limit, 1000);
    scenario::must(s.comes([&] { return s.mended == 1; }), "tried again");
    scenario::must(s.watch->problems().empty(), "no problem any more");
    put(file, "3");
    scenario::must(s.comes([&] { return s.calls.size() == 2; }), "a change is seen again");
    s.io.restart();
    scenario::must(s.io.run_for(500ms) == 0, "no timer runs any more");
    return "";
  });
}

}  // namespace

TEST_CASE("FileWatch goes on where inotify's limits are reached: tells it, compares, and watches once it can",
          "[file_watch][native]") {
  CHECK(goes_on_without("instances", 0) == "");
  CHECK(goes_on_without("watches", 2) == "");
}

TEST_CASE("FileWatch sees what is mounted over a folder on the way, when it is told that something was mounted",
          "[file_watch]") {
  const std::string wrong = scenario::in_child([]() -> std::string {
    Limited s;
    scenario::must(::unshare(CLONE_NEWNS) == 0, "a mount namespace of one's own");
    scenario::must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    for (const char* name : {"/a/d", "/b/d"}) {
      fs::create_directories(s.path + name);
      put(s.path + name + "/f.json", name);
    }
    s.watch->watch({s / "a/d/f.json"});
    s.watch->look_if_replaced();
    s.io.run_for(300ms);
    scenario::must(s.calls.empty(), "nothing has been replaced");
    scenario::must(::mount((s / "b").c_str(), (s / "a").c_str(), nullptr, MS_BIND, nullptr) == 0, "a mount");
    s.watch->look_if_replaced();
    s.io.restart();
    scenario::must(s.comes([&] { return s.calls.size() == 1; }), "the mount is seen");
    put(s / "b/d/f.json", "2");
    scenario::must(s.comes([&] { return s.calls.size() == 2; }), "and what is in it is watched");
    ::umount2((s / "a").c_str(), MNT_DETACH);
    return "";
  });
  CHECK(wrong.empty());
}
