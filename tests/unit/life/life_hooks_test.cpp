// Hooks: life/hooks.hpp.
#include "life_story.hpp"

using namespace lictor;
using namespace story;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("hooks run in order; fail stops the node, retry tries again, ignore goes on") {
  Rules rules;
  rules.post_start = {OnFailure::ignore, OnFailure::retry, OnFailure::fail};
  Story s(rules);
  s.launched().at(milliseconds(60), Probed{1, ProbeAnswer::leader, 3});
  CHECK(s.at(milliseconds(60), ServicesSent{1, ""}).first<RunHook>()->index == 0);
  CHECK(s.at(milliseconds(70), HookEnded{1, "exit code 1"}).first<RunHook>()->index == 1);
  CHECK_FALSE(s.at(milliseconds(80), HookEnded{1, "exit code 1"}).has<RunHook>());
  CHECK(s.at(milliseconds(1080), Tick{}).first<RunHook>()->index == 1);
  CHECK(s.at(milliseconds(1090), HookEnded{1, ""}).first<RunHook>()->index == 2);
  s.at(seconds(5), HookEnded{1, "exit code 2"});
  CHECK(s.life.stopping.stop.has_value());
  CHECK(s.has<AskLeave>());
}

TEST_CASE("a hook's failure is what its on_failure says, and so is what the others are told") {
  struct Row {
    bool in_stop;
    OnFailure rule;
    bool done, retry, failed, spoiled;
  };
  for (const Row& row :
       {Row{false, OnFailure::ignore, true, false, false, false},
        Row{false, OnFailure::retry, false, true, false, false}, Row{false, OnFailure::fail, false, false, true, false},
        Row{true, OnFailure::ignore, true, false, false, false}, Row{true, OnFailure::retry, false, true, false, false},
        Row{true, OnFailure::fail, true, false, false, true}}) {
    CAPTURE(row.in_stop, row.rule);
    Surroundings s;
    s.with_agent();
    s.in_force.rules.pre_stop = s.in_force.rules.post_start = {row.rule};
    s.registration.state = RegistrationStep::registering;
    if (row.in_stop) s.stop.step = StopStep::pre_stop;
    HooksState hooks{.running = true};
    Turn turn = s.turn(seconds(1));
    Hooks(hooks, turn).on(HookEnded{1, "exit code 1"});
    CHECK_FALSE(hooks.running);
    CHECK(hooks.done == (row.done ? 1 : 0));
    CHECK((first_of<HookDone>(turn.messages) != nullptr) == row.done);
    CHECK((first_of<HookRetry>(turn.messages) != nullptr) == row.retry);
    CHECK((first_of<HookFailed>(turn.messages) != nullptr) == row.failed);
    CHECK((first_of<HookSpoiled>(turn.messages) != nullptr) == row.spoiled);
    CHECK(first_of<Say>(turn.effects)->tone == Tone::warn);
  }
}

TEST_CASE("the end of a hook that was dropped says nothing") {
  Surroundings s;
  s.with_agent();
  s.registration.state = RegistrationStep::registering;
  HooksState state;
  Turn turn = s.turn(seconds(1));
  Hooks hooks(state, turn);
  hooks.run_next(HookKind::post_start);
  CHECK(first_of<RunHook>(turn.effects)->index == 0);
  hooks.drop();
  CHECK(first_of<EndHook>(turn.effects));
  hooks.on(HookEnded{1, ""});
  CHECK(turn.messages.empty());
  CHECK(state.done == 0);
}
