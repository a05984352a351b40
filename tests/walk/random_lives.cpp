#include "lives.hpp"

#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lictor::walk {

using std::chrono::seconds;

namespace {

Rules random_rules(Dice& dice) {
  const auto chance = [&](int percent) { return dice.upto(99) < percent; };
  const auto upto = [&](Duration most) { return Duration(dice.upto(most.count())); };
  const auto hooks = [&] {
    std::vector<OnFailure> some(static_cast<std::size_t>(chance(50) ? 0 : dice.upto(2)));
    for (auto& hook : some) hook = static_cast<OnFailure>(dice.upto(2));
    return some;
  };
  Rules rules;
  rules.stop_policy = chance(50) ? StopPolicy::automatic : chance(60) ? StopPolicy::leave : StopPolicy::stay;
  rules.stay_over_reboot = chance(50);
  rules.linger = chance(30) ? Duration{} : upto(seconds(3));
  rules.stop_timeout = seconds(3) + upto(seconds(30));
  rules.bind_wait = upto(seconds(60));
  rules.bind_settle = chance(20) ? Duration{} : upto(seconds(10));
  rules.files_wait = chance(20) ? Duration{} : upto(seconds(60));
  rules.restart_spread = chance(40) ? Duration{} : upto(seconds(20));
  rules.hung_after = seconds(1) + upto(seconds(chance(50) ? 5 : 90));
  rules.rejoin_after = chance(30) ? Duration{} : seconds(1) + upto(seconds(chance(50) ? 4 : 60));
  rules.give_up_after = 1 + static_cast<int>(dice.upto(5));
  rules.post_start = hooks();
  rules.pre_stop = hooks();
  rules.rejoin_after_leave = chance(30);
  rules.acl = chance(30);
  rules.heal = chance(70);
  rules.restart_on_change = chance(70);
  rules.fixed_id = chance(20);
  rules.api_after_join = chance(20);
  rules.joins = {static_cast<std::size_t>(dice.upto(2)), static_cast<std::size_t>(dice.upto(3)),
                 seconds(1) + upto(seconds(60))};
  rules.ready_needs_leader = chance(70);
  return rules;
}

}  // namespace

void print(const Walk& walk, const Broken& broken) {
  for (const Walk::Turn& turn : walk.turns()) {
    std::printf("%lld ms  %s  in %s\n", static_cast<long long>(turn.at.time_since_epoch().count() / 1000), turn.name,
                to_string(turn.phase));
  }
  std::printf("law %s broken: %s\n", broken.law.c_str(), broken.what());
}

int random_lives(long most, std::uint64_t seed, const std::string& wanted) {
  constexpr int turns = 500;
  long steps = 0, lives = 0;
  std::set<std::string> laws;
  for (; steps < most; ++seed, ++lives) {
    Dice dice(seed);
    const Rules rules = random_rules(dice);
    Walk walk(dice, rules, seed);
    std::optional<Broken> broken;
    try {
      for (int i = 0; i < turns && !walk.over(); ++i) walk.one();
      walk.to_the_end();
    } catch (const Broken& law) {
      broken = law;
    }
    steps += static_cast<long>(walk.turns().size());
    if (!broken) continue;
    if (wanted.empty()) {
      print(walk, *broken);
      std::printf("to see it again: --seed %llu\n", static_cast<unsigned long long>(seed));
      return 1;
    }
    laws.insert(broken->law);
    if (laws.count(wanted)) {
      std::printf("caught by %s after %ld steps\n", wanted.c_str(), steps);
      return 0;
    }
  }
  if (wanted.empty()) {
    std::printf("%ld steps in %ld lives, no law broken\n", steps, lives);
    return 0;
  }
  std::printf("not caught by %s in %ld steps; caught by:", wanted.c_str(), steps);
  for (const std::string& law : laws) std::printf(" %s", law.c_str());
  std::printf("\n");
  return 1;
}

}  // namespace lictor::walk
