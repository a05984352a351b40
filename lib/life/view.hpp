// What the rest of the program may know of a life: status, metrics, notices, timeline, daemon. How it is spread over the
// life's parts is the life's own matter.
#pragma once

#include "life/life.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

// Read-only, and of the life as it is when asked: it must not outlive it.
class LifeView {
 public:
  LifeView(const Life& life) : life_(&life) {}  // NOLINT(google-explicit-constructor): a life is seen as it is

  Phase phase() const { return phase_of(*life_); }
  Time since() const { return since_of(*life_); }  // when the phase was entered
  Time began() const { return life_->preparing.began; }
  bool ready() const { return lictor::ready(*life_); }
  bool live() const { return lictor::live(*life_); }
  const std::optional<Time>& first_ready() const { return life_->registration.first_ready; }

  // What it goes by.
  const Rules& rules() const { return life_->reloading.in_force.rules; }
  const NodeKey& own() const { return life_->reloading.in_force.own; }

  // The agent's process.
  const std::optional<Process>& agent() const { return life_->supervisor.process; }
  bool launching() const { return life_->supervisor.state == AgentState::launching; }
  int launches() const { return life_->supervisor.launches; }
  const std::array<int, restart_reasons.size()>& restarts() const { return life_->supervisor.restarts; }
  const std::optional<LastRestart>& last_restart() const { return life_->supervisor.last_restart; }

  // Of the agent that runs now; without one nothing is.
  bool answered() const { return life_->joining.answered.has_value(); }
  bool closes() const { return life_->joining.closes; }
  bool leader() const { return life_->joining.leader; }
  bool registered() const { return life_->registration.registered; }
  const std::optional<Time>& first_registered() const { return life_->registration.first_registered; }
  bool services_due() const { return life_->registration.to_send || life_->registration.sending; }
  // Answers of the agent until it has been sent the services as they are in force now.
  int services_to_come() const { return (life_->registration.sending ? 1 : 0) + (life_->registration.to_send ? 1 : 0); }
  // They have been sent, and may still come to the catalog or be refused there.
  bool services_unsettled() const { return life_->registration.unsettled; }
  std::vector<ServiceFault> faults() const { return open_faults(life_->registration); }
  // Desired ones that the catalog lacks, and that the node does not wait for.
  std::size_t services_awaited() const { return life_->registration.awaited.size(); }
  bool hooks_due() const { return life_->hooks.done < rules().post_start.size(); }
  const std::string& failure() const { return life_->registration.failure; }  // what registering last failed on
  const LeftOver& left_over() const { return life_->registration.left_over; }

  // Address and claims.
  // What is not there yet, and awaited: files, a lock or the address. Empty: nothing is.
  const Problems& awaited() const { return life_->preparing.awaited; }
  Missing missing() const { return life_->preparing.missing; }
  const std::optional<std::string>& address_missing() const { return life_->address.missing; }
  // Why the host could not be looked at when it last had news of addresses.
  const std::optional<std::string>& address_unseen() const { return life_->address.unseen; }
  const std::optional<Settling>& address_settling() const { return life_->address.settling; }
  int addresses_lost() const { return life_->address.lost; }
  int address_changes() const { return life_->reloading.address_changes; }
  const std::vector<Claim>& claims() const { return life_->claims.claims; }
  const std::optional<Claim>& contested() const { return life_->claims.contested; }
  // For failed, though the agent serves; told of.
  bool held_for_failed() const { return life_->standing.held; }
  int looks_failed() const { return life_->standing.looks_failed; }
  const ClaimCounts& claim_counts() const { return life_->claims.counts; }

  // Settings.
  bool reloading() const { return life_->reloading.work.running || life_->reloading.after_leave; }
  // What the files say by now needs another agent, and waits for its turn.
  const std::optional<Held>& held() const { return life_->reloading.held; }
  bool on_trial() const { return life_->reloading.before.has_value(); }
  const std::array<int, reload_results.size()>& reloads() const { return life_->reloading.results; }

  // Its end.
  const std::optional<Stop>& stop() const {
    static const std::optional<Stop> none;
    return life_->stopping.goes_on ? none : life_->stopping.stop;
  }
  // What that is to do; nothing while it is being found out.
  const std::optional<Verdict>& verdict() const { return life_->deciding.verdict; }
  bool giving_up() const { return life_->stopping.verdict.has_value(); }

 private:
  const Life* life_;
};

}  // namespace lictor
