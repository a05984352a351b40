// The lock that keeps a second lictor off.
#include "files/io/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "files_parts.hpp"
#include "test.hpp"

using namespace lictor;
using files_parts::Folder;
using files_parts::get;
using files_parts::put;
namespace fs = std::filesystem;

TEST_CASE("FileLock keeps a second process off and dies with its holder") {
  const Folder folder;
  const std::string path = folder / "lictor.lock";
  std::array<int, 2> taken{};
  REQUIRE(::pipe2(taken.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto lock = FileLock::acquire(path);
    const char answer = lock && *lock ? 'y' : 'n';
    (void)!::write(taken[1], &answer, 1);
    ::alarm(20);
    for (;;) ::pause();
  }
  ::close(taken[1]);
  pollfd ready{taken[0], POLLIN, 0};
  const bool answered = ::poll(&ready, 1, 10000) == 1;
  char answer = 0;
  const bool read = answered && ::read(taken[0], &answer, 1) == 1;
  const auto held = FileLock::acquire(path);
  const std::string holder = lock_holder(path);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(taken[0]);

  REQUIRE(read);
  CHECK(answer == 'y');
  REQUIRE(held.has_value());
  CHECK_FALSE(held->has_value());
  CHECK(holder.starts_with("process " + std::to_string(child) + " ("));  // and its program

  const auto free = FileLock::acquire(path);
  REQUIRE((free && *free));
  CHECK(get(path).starts_with(std::to_string(::getpid()) + "\npid:["));
}

TEST_CASE("Who holds a lock is told as far as it can be known") {
  const Folder folder;
  const std::string path = folder / "lictor.lock";
  CHECK(lock_holder(path) == "another process");  // there is no file
  for (const char* content : {"", "\n", "12 34\n", "x\npid:[1]\n"}) {
    put(path, content);
    CHECK(lock_holder(path) == "another process");
  }
  put(path, "4711\n");
  CHECK(lock_holder(path) == "process 4711");
  put(path, "1\npid:[1]\n");
  CHECK(lock_holder(path) == "process 1 of another container");
}

TEST_CASE("FileLock leaves nothing of what a longer content was behind its holder") {
  const Folder folder;
  const std::string path = folder / "lictor.lock";
  put(path, "123456789012\n" + std::string(60, 'x') + "\n");
  const auto lock = FileLock::acquire(path);
  REQUIRE((lock && *lock));
  const std::string content = get(path);
  CHECK(content.starts_with(std::to_string(::getpid()) + "\npid:["));
  CHECK(content.ends_with("]\n"));
}

TEST_CASE("FileLock is held once, moved, and let go with its object") {
  const Folder folder;
  const std::string path = folder / "lictor.lock";
  {
    auto first = FileLock::acquire(path);
    REQUIRE((first && *first));
    CHECK_FALSE(FileLock::acquire(path)->has_value());
    FileLock moved = std::move(**first);
    FileLock assigned;
    assigned = std::move(moved);
    *first = FileLock();
    CHECK_FALSE(FileLock::acquire(path)->has_value());
  }
  CHECK(FileLock::acquire(path)->has_value());
  CHECK(fs::exists(path));
  const auto nowhere = FileLock::acquire(folder / "missing/lock");
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().why == "open: no such file or directory");
}
