#include "status.hpp"

#include "process/io/loop_turns.hpp"
#include "report/metrics_text.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

namespace lictor {

std::string metrics_text(const Standpoint& at) {
  const auto& [life, ground, agent, settings_problem, unwatched, settled, orphans, now] = at;
  using enum MetricKind;
  MetricsText text;
  const auto clock = [now = now](Time time) {
    const auto wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
    return std::floor((wall - std::chrono::duration<double>(now - time)).count() * 1000) / 1000;
  };
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  const auto total = [](int count) { return static_cast<double>(count); };
  const auto yes_no = [&text](const char* name, const char* help, bool yes) {
    text.metric(gauge, name, help).sample(yes);
  };

  text.metric(gauge, "lictor_build_info", "Always 1; the version is its label.")
      .sample(1, {{"version", LICTOR_VERSION}});
  text.metric(gauge, "lictor_start_time_seconds", "When lictor began, since 1970.").sample(clock(life.began()));
  text.metric(gauge, "lictor_phase", "1 for the phase of the daemon's life, 0 for all others.");
  for (const char* phase : {"prepare", "launch", "join", "register", "serve", "restart", "stop", "leave", "end"})
    text.sample(std::string_view(phase) == to_string(life.phase()), {{"phase", phase}});
  yes_no("lictor_live", "Whether lictor is not about to give up, as /livez says.", life.live());
  yes_no("lictor_ready", "Whether the node is registered and its agent knows a leader, as /readyz says.", life.ready());
  yes_no("lictor_registered", "Whether the catalog shows this node and all its services.", life.registered());
  yes_no("lictor_leader_known", "Whether the agent knows a leader of the servers.", life.leader());
  yes_no("lictor_held_for_failed", "Whether the servers hold this node for failed though its agent serves.",
         life.held_for_failed());
  yes_no("lictor_maintenance", "Whether the node is in Consul's maintenance mode, as its agent last said.",
         agent.maintenance.has_value());
  text.metric(gauge, "lictor_problem", "1 for what is wrong with the node now, by name; none where nothing is.");
  for (const std::string& name : problem_names(at)) text.sample(1, {{"problem", name}});
  if (life.first_ready()) {
    text.metric(gauge, "lictor_first_ready_seconds", "From lictor's start to the moment the node was first ready.")
        .sample(seconds(*life.first_ready() - life.began()));
  }

  yes_no("lictor_agent_up", "Whether an agent process runs.", life.agent().has_value());
  if (life.agent()) {
    text.metric(gauge, "lictor_agent_start_time_seconds", "When the agent that runs was started, since 1970.")
        .sample(clock(life.agent()->started));
  }
  if (life.first_registered()) {
    text.metric(gauge, "lictor_agent_registered_seconds",
                "From the start of the agent that runs to the moment it was first registered.")
        .sample(seconds(*life.first_registered() - life.agent()->started));
  }
  text.metric(counter, "lictor_agent_launches_total", "Agents started, or tried to.").sample(total(life.launches()));
  text.metric(counter, "lictor_agent_restarts_total", "Agents that ended without a stop of lictor's, by reason.");
  for (const RestartReason reason : restart_reasons)
    text.sample(total(life.restarts()[static_cast<std::size_t>(reason)]), {{"reason", to_string(reason)}});

  if (life.stop()) {
    text.metric(gauge, "lictor_stop_seconds", "Since lictor was asked to stop.")
        .sample(seconds(now - life.stop()->asked));
    yes_no("lictor_leave_confirmed", "Whether a server has confirmed that the node has left.", life.stop()->confirmed);
  }
  text.metric(counter, "lictor_orphans_reaped_total", "Children reaped that lictor had not started.")
      .sample(static_cast<double>(orphans));

  text.metric(counter, "lictor_reloads_total", "Settings read again, by result.");
  for (const ReloadResult result : reload_results)
    text.sample(total(life.reloads()[static_cast<std::size_t>(result)]), {{"result", to_string(result)}});
  yes_no("lictor_settings_broken", "Whether the settings on disk were refused, and older ones are in force.",
         !settings_problem.empty());
  if (ground) {
    text.metric(gauge, "lictor_settings_info",
                "Always 1; the hash of the settings in force, the node's name and secrets left out, is its label.")
        .sample(1, {{"hash", settings_hash(*ground)}});
    text.metric(gauge, "lictor_settings_applied_timestamp_seconds", "When they were taken, since 1970.")
        .sample(clock(settled));
  }
  const std::size_t desired = ground ? ground->services.size() : 0;
  text.metric(gauge, "lictor_services_desired", "Services that this node is to have.")
      .sample(static_cast<double>(desired));
  text.metric(gauge, "lictor_services_registered",
              "Those of them that the catalog was last seen with: none while the node is not registered.")
      .sample(life.registered() ? static_cast<double>(desired - std::min(desired, life.services_awaited())) : 0);
  text.metric(gauge, "lictor_services_refused", "Those of them that are not registered as they are defined now.")
      .sample(static_cast<double>(life.faults().size()));

  const ClaimCounts& claims = life.claim_counts();
  text.metric(gauge, "lictor_conflicts",
              "Open claims of others on this node's address, name or id, by what is claimed.");
  for (const ClaimKind kind : {ClaimKind::address, ClaimKind::name, ClaimKind::id}) {
    const auto open =
        std::count_if(life.claims().begin(), life.claims().end(), [kind](const Claim& c) { return c.kind == kind; });
    const bool contested = life.contested() && life.contested()->kind == kind;
    text.sample(static_cast<double>(open) + contested, {{"kind", to_string(kind)}});
  }
  text.metric(counter, "lictor_conflicts_total", "Such claims since lictor's start.")
      .sample(total(claims.address_claims), {{"kind", to_string(ClaimKind::address)}})
      .sample(total(claims.name_claims), {{"kind", to_string(ClaimKind::name)}})
      .sample(total(claims.id_claims), {{"kind", to_string(ClaimKind::id)}});
  text.metric(counter, "lictor_healings_total", "Attempts to mend what such claims are about, by outcome.")
      .sample(total(claims.claims_cleared), {{"kind", "cleared"}})
      .sample(total(claims.clearings_refused), {{"kind", "refused"}})
      .sample(total(claims.ids_taken_back), {{"kind", "id_taken_back"}});
  text.metric(counter, "lictor_taken_for_failed_total", "Looks that found the servers to take this node for failed.")
      .sample(total(life.looks_failed()));
  text.metric(counter, "lictor_address_changes_total", "Moves of this node to another address.")
      .sample(total(life.address_changes()));
  text.metric(counter, "lictor_addresses_lost_total", "Times at which this node's address was gone.")
      .sample(total(life.addresses_lost()));

  text.metric(gauge, "lictor_loop_longest_turn_seconds",
              "The longest that the event loop was busy with one thing, since lictor's start.")
      .sample(seconds(LoopTurn::longest()));
  text.metric(gauge, "lictor_loop_longest_lost_seconds",
              "The most that one turn of the loop lost because the machine gave its CPU to others.")
      .sample(seconds(LoopTurn::longest_lost()));
  return text.text();
}

}  // namespace lictor
