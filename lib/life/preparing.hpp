// Until there is something to launch: settings read, an address found, the identity settled, consul.json written.
//
//   under way  a Prepare is outstanding; news meanwhile have it done once more
//   files      some that are named, or mounts, are not there yet: news of them and other settings are awaited for wait.files, and
//              then there is one last look
//   lock       another lictor holds one of the node's directories: most likely the one before, which is still leaving. It is
//              looked for again and again for lock_wait from when nothing else was missing
//   address    there is none yet: the kernel's news and other settings are awaited for bind.wait from when nothing else was
//              missing
//   settling   there is no address yet, but a candidate: it is taken when it has been the one for bind.settle, or bind.wait is over
//   over       prepared, or a stop has begun
//
// Law (tests/walk). Awaited: files are given up on at wait.files, a lock at lock_wait and an address at bind.wait after it was the
// first thing missing, none of them before, and each with the problem that was found last.
//
// In: Begin, Prepared, PrepareFailed, the host's news, a reload. Out: Prepare. Told to the others: give up.
#pragma once

#include "life/events.hpp"
#include "life/settling.hpp"

#include <optional>

namespace lictor {

class Turn;

// Work whose news may come while it runs: it is then done once more.
struct Work {
  bool running = false, again = false;
  bool operator==(const Work&) const = default;
};

// Between looks at files whose coming the kernel may not tell.
inline constexpr Duration files_looked_at = std::chrono::seconds(2);

// A lictor that was told to stop is gone by then, with any stop.timeout that platforms give.
inline constexpr Duration lock_wait = std::chrono::seconds(30);
inline constexpr Duration lock_looked_at = std::chrono::milliseconds(100);

enum class Missing { nothing, files, lock, address };

struct PreparingState {
  Time began{};
  bool over = false;
  Work work;
  std::optional<Time> deadline;  // wait.files, lock_wait, bind.wait, bind.settle
  std::optional<Settling> settling;
  Problems awaited;  // what was not there when it was last looked for
  Missing missing = Missing::nothing;
  Time since{};            // that it is this that is missing
  bool unheard = false;    // files which nobody may tell of
  bool last_look = false;  // at files or lock has begun
  bool operator==(const PreparingState&) const = default;
};

// Neither news nor other settings will mend it.
bool hopeless(const PrepareFailed& e);

class Preparing {
 public:
  Preparing(PreparingState& own, Turn& turn) : own_(own), turn_(turn) {}

  void begin();
  void prepare();
  bool prepared();  // false: too late
  void failed(const PrepareFailed& e);
  void stand_down();  // whatever is still prepared comes too late
  void on_deadline();

 private:
  void prepare(const std::string& settled);
  void tell_of(const PrepareFailed& e);
  void await();
  Time end_of_wait() const;
  std::optional<Duration> looked_at() const;

  PreparingState& own_;
  Turn& turn_;
};

}  // namespace lictor
