// Until there is something to launch: settings read, an address found, the identity settled, consul.json written.
//
//   under way  a Prepare is outstanding; news meanwhile have it done once more
//   waiting    no address yet: the kernel's news and other settings are awaited for bind.wait, then it is given up
//   settling   waiting, and there is a candidate: it is taken when it has been the one for bind.settle, or bind.wait is over
//   over       prepared, or a stop has begun
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

struct PreparingState {
  Time began{};
  bool over = false;
  Work work;
  std::optional<Time> deadline;  // bind.wait, bind.settle
  std::optional<Settling> settling;
  std::optional<Problem> no_address;  // what was found last
  bool operator==(const PreparingState&) const = default;
};

// Neither the network's news nor other settings will mend it.
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
  void await();
  Time end_of_wait() const;

  PreparingState& own_;
  Turn& turn_;
};

}  // namespace lictor
