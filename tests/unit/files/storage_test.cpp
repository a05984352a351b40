#include "files/io/storage.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "files/io/files.hpp"
#include "scenario.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

using namespace lictor;
using scenario::in_child;
using scenario::must;
namespace fs = std::filesystem;

namespace {

constexpr uid_t nobody = 12345;

struct Folder : TemporaryFolder {
  // A file below, with its folders.
  void put(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << content;
  }
};

// In a mount namespace of its own, in which `body` may mount on the folder `at`; nothing of it is seen outside.
void with_mounts(const std::function<void(const std::string& at)>& body) {
  if (::geteuid() != 0) FAIL("this test mounts file systems and has to run as root");
  const Folder folder;
  fs::create_directory(folder / "data");
  const std::string wrong = in_child([&] {
    must(::unshare(CLONE_NEWNS) == 0, std::string("unshare: ") + std::strerror(errno));
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make the mounts private");
    body(folder / "data");
    return std::string();
  });
  CHECK(wrong == "");
}

void mount_tmpfs(const std::string& at, const char* options, unsigned long flags = 0) {
  must(::mount("lictor-test", at.c_str(), "tmpfs", flags, options) == 0,
       std::string("mount tmpfs: ") + std::strerror(errno));
}

void fill(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  must(fd >= 0, "open " + path);
  const std::string block(4096, 'x');
  while (::write(fd, block.data(), block.size()) > 0) continue;
  must(errno == ENOSPC, std::string("not full: ") + std::strerror(errno));
  ::close(fd);
}

void expect(const Result<void>& result, const std::string& what, const std::string& why, Exit exit) {
  must(!result.has_value(), "no problem found");
  const Problem& p = result.error();
  must(p.what == what && p.why.find(why) != std::string::npos && p.exit == exit && !p.hint.empty(),
       "found: " + to_string(p) + ", exit " + std::to_string(static_cast<int>(p.exit)));
}

}  // namespace

TEST_CASE("filesystem_of: the file system that a path leads into") {
  struct Row {
    const char* rule;
    std::string table, path, type;
  };
  const std::string host =
      "22 27 0:21 / /proc rw - proc proc rw\n"
      "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "30 27 0:40 / /no-such/a rw,relatime shared:7 master:2 propagate_from:3 - xfs /dev/vdb rw\n"
      "31 30 0:41 / /no-such/a/b rw - tmpfs none rw,size=1k\n"
      "32 27 0:42 / /no-such/with\\040blank\\134 rw - btrfs /dev/vdc rw\n";
  const std::vector<Row> rows = {
      {"the root", host, "/", "ext4"},
      {"under the root alone", host, "/no-such/x", "ext4"},
      {"a mount point itself", host, "/no-such/a", "xfs"},
      {"below a mount point, optional fields or not", host, "/no-such/a/x/y", "xfs"},
      {"a trailing slash", host, "/no-such/a/", "xfs"},
      {"the innermost of several", host, "/no-such/a/b/x", "tmpfs"},
      {"a longer name is another folder", host, "/no-such/ab", "ext4"},
      {"escapes", host, "/no-such/with blank\\/x", "btrfs"},
      {"the last mount on one point", host + "33 30 0:43 / /no-such/a rw - nfs4 s:/x rw\n", "/no-such/a/x", "nfs4"},
      {"a mount hidden by a later one above it", host + "34 27 0:44 / /no-such rw - tmpfs none rw\n", "/no-such/a/x",
       "tmpfs"},
      {"hidden whatever the order of the lines", "34 27 0:44 / /no-such rw - tmpfs none rw\n" + host, "/no-such/a/x",
       "tmpfs"},
      {"mounted again below what hides",
       host + "34 27 0:44 / /no-such rw - tmpfs none rw\n35 34 0:45 / /no-such/a rw - ceph c rw\n", "/no-such/a/x",
       "ceph"},
      {"a container's root over the first one",
       "1 1 0:1 / / rw - rootfs rootfs rw\n900 1 0:50 / / rw - overlay overlay rw,lowerdir=/a\n", "/no-such",
       "overlay"},
      {"a line out of form is passed over", "garbage\n27 1 - / / x\n" + host, "/no-such/a", "xfs"},
      {"an empty table", "", "/", ""},
      {"no root in it", "30 27 0:40 / /no-such/a rw - xfs /dev/vdb rw\n", "/no-such/b", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    const Folder root;
    root.put("proc/self/mountinfo", row.table);
    CHECK(filesystem_of(row.path, root.path) == row.type);
  }
  const Folder no_proc;
  CHECK(filesystem_of("/", no_proc.path) == "");
}

TEST_CASE("filesystem_of follows links, and what is not there yet belongs to its nearest folder") {
  with_mounts([](const std::string& at) {
    const std::string outside = filesystem_of(at);
    must(!outside.empty() && outside != "proc", "outside: " + outside);
    must(::symlink((at + "/deep").c_str(), (at + ".link").c_str()) == 0, "symlink");
    mount_tmpfs(at, "size=64k");
    must(filesystem_of(at) == "tmpfs", "the mount: " + filesystem_of(at));
    must(filesystem_of(at + "/not/there/yet") == "tmpfs", "not there yet");
    fs::create_directory(at + "/deep");
    must(filesystem_of(at + ".link/x") == "tmpfs", "over a link: " + filesystem_of(at + ".link/x"));
    must(::chdir(at.c_str()) == 0 && filesystem_of("x/y") == "tmpfs" && filesystem_of(".") == "tmpfs", "relative");
    must(filesystem_of(at + "/..") == outside, "its parent");
    must(filesystem_of("/proc/self") == "proc", "/proc");
  });
}

TEST_CASE(
    "in_container and fleeting_storage: what would not outlast the container is warned about, elsewhere nothing is") {
  const auto table = [](const std::string& root_type, const std::string& data_type) {
    return "27 1 254:0 / / rw - " + root_type + " x rw\n30 27 0:40 / /no-such/data rw - " + data_type + " x rw\n";
  };
  struct Row {
    const char* place;
    std::string mounts;
    std::string file, content;  // one more file below the root
    bool container, fleeting;
  };
  const std::string env("A=1\0container=podman\0B=2\0", 25);
  const std::vector<Row> rows = {
      {"a host", table("ext4", "xfs"), "", "", false, false},
      {"a host whose data is in memory", table("ext4", "tmpfs"), "", "", false, false},
      {"a host with an overlay", table("ext4", "overlay"), "", "", false, false},
      {"Docker, a volume", table("overlay", "ext4"), ".dockerenv", "", true, false},
      {"Docker, tmpfs", table("overlay", "tmpfs"), ".dockerenv", "", true, true},
      {"Docker on another storage driver", table("btrfs", "tmpfs"), ".dockerenv", "", true, true},
      {"Podman", table("fuse.x", "ramfs"), "run/.containerenv", "", true, true},
      {"Podman, a volume", table("fuse.x", "xfs"), "run/.containerenv", "", true, false},
      {"Kubernetes, which leaves no sign but the root", table("overlay", "overlay"), "", "", true, true},
      {"PID 1 was told", table("ext4", "tmpfs"), "proc/1/environ", env, true, true},
      {"this process was told", table("ext4", "tmpfs"), "proc/self/environ", "container=oci", true, true},
      {"a variable that only ends like it", table("ext4", "tmpfs"), "proc/self/environ",
       std::string("my_container=x\0a=container=y", 28), false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.place);
    const Folder root;
    root.put("proc/self/mountinfo", row.mounts);
    if (!row.file.empty()) root.put(row.file, row.content);
    CHECK(in_container(root.path) == row.container);
    const auto warning = fleeting_storage("/no-such/data/consul", root.path);
    REQUIRE(warning.has_value() == row.fleeting);
    if (!warning) continue;
    CAPTURE(*warning);
    CHECK(warning->find("/no-such/data/consul: ") == 0);
    CHECK(warning->find(filesystem_of("/no-such/data", root.path)) != std::string::npos);
    CHECK(warning->find("mount a volume") != std::string::npos);
  }
}

TEST_CASE("check_data_dir: a folder that an agent can live in passes and is left as it was") {
  const Folder folder;
  folder.put("serf/local.snapshot", "alive");
  CHECK(check_data_dir(folder.path, {::geteuid(), ::getegid()}).has_value());
  // What a crash left of an earlier try is no obstacle and does not stay.
  folder.put("lictor.probe", "left over");
  CHECK(check_data_dir(folder.path, {::geteuid(), ::getegid()}).has_value());
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("check_data_dir: no directory") {
  const Folder folder;
  folder.put("file", "");
  for (const char* name : {"file", "missing"}) {
    CAPTURE(name);
    const auto result = check_data_dir(folder / name, {::geteuid(), ::getegid()});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().what == folder / name);
    CHECK(result.error().exit == Exit::config);
    CHECK_FALSE(result.error().hint.empty());
  }
}

TEST_CASE("check_data_dir: a read-only file system can't work, a full one may later") {
  with_mounts([](const std::string& at) {
    mount_tmpfs(at, "size=64k", MS_RDONLY);
    expect(check_data_dir(at, {0, 0}), at, "read-only file system", Exit::config);
    must(::umount(at.c_str()) == 0, "umount");

    mount_tmpfs(at, "size=64k");
    must(check_data_dir(at, {nobody, nobody}).has_value(), "room for everybody");
    fill(at + "/ballast");
    expect(check_data_dir(at, {0, 0}), at, "no space left", Exit::retry);
    expect(check_data_dir(at, {nobody, nobody}), at, "no space left", Exit::retry);
    must(!fs::exists(at + "/lictor.probe"), "the try is left");
    fs::remove(at + "/ballast");
    must(check_data_dir(at, {0, 0}).has_value(), "room again");
    must(::umount(at.c_str()) == 0, "umount");

    mount_tmpfs(at, "nr_inodes=3");
    std::ofstream(at + "/a") << "";
    std::ofstream(at + "/b") << "";
    expect(check_data_dir(at, {0, 0}), at, "no space left", Exit::retry);
    fs::remove(at + "/b");
    must(check_data_dir(at, {0, 0}).has_value(), "an inode again");
  });
}

TEST_CASE("check_data_dir: files of somebody else matter only to a lictor that can't give them away") {
  if (::geteuid() != 0) FAIL("this test changes owners and has to run as root");
  struct Row {
    const char* what;
    std::function<void(const Folder&)> arrange;
    const char* entry;  // that is told; nothing: all is well
  };
  const std::vector<Row> rows = {
      {"all its own", [](const Folder&) {}, nullptr},
      {"the folder itself", [](const Folder& f) { (void)!::chown(f.path.c_str(), 0, 0); }, ""},
      {"a file", [](const Folder& f) { (void)!::chown((f / "serf/local.snapshot").c_str(), 0, 0); },
       "/serf/local.snapshot"},
      {"a folder", [](const Folder& f) { (void)!::chown((f / "serf").c_str(), 0, 0); }, "/serf"},
      {"of somebody else, and open to all",
       [](const Folder& f) {
         (void)!::chown((f / "serf").c_str(), 0, 0);
         fs::permissions(f / "serf", fs::perms::all);
       },
       nullptr},
      {"what mkfs made",
       [](const Folder& f) {
         fs::create_directory(f / "lost+found");
         fs::permissions(f / "lost+found", fs::perms::owner_all);
       },
       nullptr},
      {"a link to somebody else's", [](const Folder& f) { fs::create_symlink("/etc/hostname", f / "link"); }, nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Folder folder;
    folder.put("serf/local.snapshot", "alive");
    for (const char* name : {"", "serf", "serf/local.snapshot"})
      REQUIRE(::chown((folder / name).c_str(), nobody, nobody) == 0);
    row.arrange(folder);
    CHECK(check_data_dir(folder.path, {nobody, nobody}).has_value());
    const std::string wrong = in_child([&] {
      must(::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0, "can't become another user");
      const auto result = check_data_dir(folder.path, {nobody, nobody});
      if (row.entry == nullptr) {
        must(result.has_value(), result ? "" : to_string(result.error()));
      } else {
        expect(result, folder.path + row.entry, *row.entry ? "owned by uid 0" : "permission denied", Exit::config);
        must(to_string(result.error()).find(std::to_string(nobody)) != std::string::npos, "whose it should be");
      }
      return std::string();
    });
    CHECK(wrong == "");
  }
}
