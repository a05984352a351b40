#include "lives.hpp"

#include <cstdio>
#include <set>

namespace lictor::walk {

using std::chrono::seconds;

namespace {

class Explorer {
 public:
  // Of the moments that it comes by in straight lives, each `parts`-th: together such explorers see all of them.
  Explorer(int part, int parts) : moments_(part - 1), parts_(parts) {}

  // From each moment of the life that goes as it should, and of those into which a stop makes it after so many happenings.
  void explore_along(const Rules& rules, const std::set<int>& stops, int depth) {
    Walk life(straight_on_, rules, 1);
    for (int i = 0; i <= *stops.rbegin(); ++i) {
      explore_if_mine(life, depth);
      if (stops.count(i)) {
        Walk stopped = life;
        stopped.signal(SignalKind::terminate);
        for (; !stopped.over(); stopped.one()) explore_if_mine(stopped, depth);
      }
      life.one();
    }
  }

  void report() const { std::printf("%ld happenings, %ld ends, no law broken\n", steps_, ends_); }

 private:
  void explore_if_mine(const Walk& moment, int depth) {
    if (++moments_ % parts_ == 0) explore(moment, depth);
  }

  // All that can follow within `depth` happenings, and a random end of each.
  void explore(const Walk& from, int depth) {
    Odometer turns;
    do {
      Walk walk = from;
      walk.go_on_with(turns);
      guarded(walk, [](Walk& w) { w.one(); });
      ++steps_;
      if (walk.stands_where(from)) continue;
      if (depth > 1 && !walk.over()) {
        explore(walk, depth - 1);
      } else {
        ++ends_;
        walk.go_on_with(dice_);
        guarded(walk, [](Walk& w) { w.to_the_end(); });
      }
    } while (turns.next());
  }

  template <class Act>
  void guarded(Walk& walk, const Act& act) {
    try {
      act(walk);
    } catch (const Broken& broken) {
      print(walk, broken);
      throw;
    }
  }

  StraightOn straight_on_;
  Dice dice_{1};  // of all ends: to seed one for each would cost as much as to walk there
  int moments_, parts_;
  long steps_ = 0, ends_ = 0;
};

}  // namespace

int all_sequences(int depth, int part, int parts) {
  Rules leave, stay, hooks;
  leave.stop_timeout = seconds(8);
  stay.stop_policy = StopPolicy::stay;
  hooks.post_start = {OnFailure::retry};
  hooks.pre_stop = {OnFailure::fail};
  hooks.acl = true;
  hooks.linger = {};
  Explorer explorer(part, parts);
  try {
    for (Rules rules : {leave, stay, hooks}) {
      rules.joins.addresses = 1;
      explorer.explore_along(rules, {3, 12}, depth);
    }
  } catch (const Broken&) {
    return 1;
  }
  explorer.report();
  return 0;
}

}  // namespace lictor::walk
