#include "life/rules.hpp"

namespace lictor {

const char* to_string(StopPolicy policy) {
  return policy == StopPolicy::automatic ? "auto" : policy == StopPolicy::leave ? "leave" : "stay";
}

Rules rules_of(const Settings& s, const AgentTraits& traits) {
  const auto failures = [](const std::vector<Hook>& hooks) {
    std::vector<OnFailure> rules;
    for (const Hook& hook : hooks) rules.push_back(hook.on_failure);
    return rules;
  };
  return {.stop_policy = s.stop.policy,
          .stay_over_reboot = s.stop.stay_over_reboot,
          .linger = s.stop.linger,
          .stop_timeout = s.stop.timeout,
          .bind_wait = s.bind.wait,
          .bind_settle = s.bind.settle,
          .files_wait = s.wait.files,
          .restart_min = s.restart.min,
          .restart_max = s.restart.max,
          .restart_spread = s.restart.spread,
          .give_up_after = s.restart.give_up_after,
          .hung_after = s.watch.hung_after,
          .rejoin_after = s.watch.rejoin_after,
          .rejoin_after_leave = s.watch.rejoin_after_leave,
          .ready_needs_leader = s.control.ready_needs_leader,
          .post_start = failures(s.hooks.post_start),
          .pre_stop = failures(s.hooks.pre_stop),
          .acl = traits.acl,
          .heal = s.node.heal,
          .restart_on_change = s.bind.restart_on_change,
          .fixed_id = traits.fixed_id,
          .api_after_join = traits.api_after_join,
          .joins = traits.joins};
}

}  // namespace lictor
