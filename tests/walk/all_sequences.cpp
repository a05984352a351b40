#include "lives.hpp"

#include <cstdio>

namespace lictor::walk {

using std::chrono::seconds;

namespace {

class Explorer {
 public:
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
        Dice dice(static_cast<std::uint64_t>(++ends_));
        walk.go_on_with(dice);
        guarded(walk, [](Walk& w) { w.to_the_end(); });
      }
    } while (turns.next());
  }

  // From each moment of the life that goes as it should and is stopped after `happenings`, until it ends.
  void explore_along(const Rules& rules, int happenings, int depth) {
    StraightOn straight_on;
    Walk walk(straight_on, rules, 1);
    for (int i = 0; !walk.over(); ++i) {
      explore(walk, depth);
      walk.go_on_with(straight_on);
      i == happenings ? walk.signal(SignalKind::terminate) : walk.one();
    }
  }

  void report() const { std::printf("%ld happenings, %ld ends, no law broken\n", steps_, ends_); }

 private:
  template <class Act>
  void guarded(Walk& walk, const Act& act) {
    try {
      act(walk);
    } catch (const Broken& broken) {
      print(walk, broken);
      throw;
    }
  }

  long steps_ = 0, ends_ = 0;
};

}  // namespace

int all_sequences(int depth) {
  Rules leave, stay, hooks;
  leave.stop_timeout = seconds(8);
  stay.stop_policy = StopPolicy::stay;
  hooks.post_start = {OnFailure::retry};
  hooks.pre_stop = {OnFailure::fail};
  hooks.acl = true;
  hooks.linger = {};
  Explorer explorer;
  try {
    for (Rules rules : {leave, stay, hooks}) {
      rules.joins.addresses = 1;
      for (const int happenings : {3, 12}) explorer.explore_along(rules, happenings, depth);
    }
  } catch (const Broken&) {
    return 1;
  }
  explorer.report();
  return 0;
}

}  // namespace lictor::walk
