// What a service manager is told of the life, in the words of sd_notify(3): READY once the node is registered, or by the rule that
// the settings give, RELOADING while new settings are looked at, STOPPING from the stop's first moment, and the phase as STATUS.
#pragma once

#include "life/view.hpp"

#include <optional>
#include <string>

namespace lictor {

// Ready stays ready while the agent is restarted: a manager knows no way back, and STATUS tells.
enum class Standing { starting, ready, reloading, stopping };

// Where the node stands, in words: what it waits for, or "registered".
std::string state_of(const LifeView& life);

// When a start is over for the manager, which lets others wait for it: at the latest `within` after the life began.
struct ReadyRule {
  bool by_api = false;  // once the agent's API has answered, instead of once the node is registered
  Duration within = std::chrono::seconds(30);  // zero: no limit
  bool operator==(const ReadyRule&) const = default;
};
ReadyRule ready_rule(const Settings& settings);
// When a start that is not over by then is: nothing without a limit.
std::optional<Time> ready_at_last(const LifeView& life, const ReadyRule& rule);

struct Notice {
  Standing standing = Standing::starting;
  std::string status{};
};

// `before`: what it was told last. `settings_problem`: why the last reload was refused; empty if it was not.
Notice notice_of(const LifeView& life, const std::string& settings_problem, const Notice& before, const ReadyRule& rule,
                 Time at);

// The message for a manager that was last told `before`; empty where there is nothing to tell. `at` is CLOCK_MONOTONIC,
// which RELOADING must carry. STOPPING asks for as long as a stop may take by `rules`, whatever the unit's own limit.
std::string notice_message(const Notice& before, const Notice& now, const Rules& rules, Time at);

// The message that proves that the loop turns, to be sent at least once in `watchdog`. A start that takes long, because no
// server answers, is given more time by it: once the loop hangs, it is not.
std::string alive_message(const Notice& now, Duration watchdog);

}  // namespace lictor
