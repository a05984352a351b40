// What the settings say about the life: as values, for what decides.
#pragma once

#include "base/time.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace lictor {

// What the settings say about the life. Replaced as a whole when settings change.
struct Rules {
  StopPolicy stop_policy = StopPolicy::automatic;
  bool stay_over_reboot = false;  // stop.reboot
  Duration linger = std::chrono::seconds(1);
  Duration stop_timeout = std::chrono::seconds(25);
  Duration bind_wait = std::chrono::seconds(60);
  Duration bind_settle = std::chrono::seconds(5);
  Duration files_wait = std::chrono::seconds(60);  // wait.files
  Duration restart_min = std::chrono::milliseconds(100);
  Duration restart_max = std::chrono::seconds(30);
  Duration restart_spread = std::chrono::seconds(10);  // 0: at once
  int give_up_after = 5;
  Duration hung_after = std::chrono::seconds(30);
  Duration rejoin_after = std::chrono::minutes(5);  // 0: never
  bool rejoin_after_leave = false;                  // watch.on_leave
  bool ready_needs_leader = true;                   // control.ready_needs_leader
  std::vector<OnFailure> post_start, pre_stop;      // one for each hook
  bool acl = false;                                 // the agent's settings turn ACLs on
  bool heal = true;
  bool restart_on_change = true;  // bind.on_change
  bool fixed_id = false;          // the agent's settings name the id
  // The agent's API opens only once a server has signed its certificate (auto_encrypt, auto_config): until its first answer
  // it waits for the servers, and is not hung.
  bool api_after_join = false;
  // Whom the agent is to join, as its settings have it.
  struct Joins {
    std::size_t addresses = 0, names = 0;
    Duration retry_interval = std::chrono::seconds(30);
    bool others = false;  // whom the agent alone can find
    bool operator==(const Joins&) const = default;
  } joins = {};
  bool operator==(const Rules&) const = default;
};
struct AgentTraits {
  bool acl = false, fixed_id = false, api_after_join = false;  // as in Rules
  Rules::Joins joins = {};
};
const char* to_string(StopPolicy policy);  // as users write it
Rules rules_of(const Settings& settings, const AgentTraits& traits);

}  // namespace lictor
