#include "status.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "process/io/loop_turns.hpp"
#include "report/io/log.hpp"
#include "report/notice.hpp"
#include "secrets/secrets.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <span>

namespace lictor {
namespace {

double seconds_between(Time from, Time to) {
  return std::chrono::duration<double>(std::chrono::floor<std::chrono::milliseconds>(to - from)).count();
}

Json claim_json(const Claim& claim) {
  return {{"kind", to_string(claim.kind)},
          {"name", claim.name},
          {"id", claim.id},
          {"address", claim.address},
          {"state", claim.state}};
}

Json tally_json(const LifeView& life) {
  const ClaimCounts& t = life.claim_counts();
  return {{"address_claims", t.address_claims},
          {"name_claims", t.name_claims},
          {"id_claims", t.id_claims},
          {"gossip_shut_down", t.gossip_shut_down},
          {"taken_for_failed", life.looks_failed()},
          {"ids_taken_back", t.ids_taken_back},
          {"claims_cleared", t.claims_cleared},
          {"clearings_refused", t.clearings_refused},
          {"address_changes", life.address_changes()},
          {"addresses_lost", life.addresses_lost()}};
}

template <class Reasons, class Counts>
Json counts_json(const Reasons& reasons, const Counts& counts) {
  Json all;
  for (const auto reason : reasons) all[to_string(reason)] = counts[static_cast<std::size_t>(reason)];
  return all;
}

Json agent_json(const LifeView& life, const AgentFacts& facts, Time now) {
  Json agent = {{"running", life.agent().has_value()}, {"restarts", std::max(0, life.launches() - 1)}};
  agent["restarts_by_reason"] = counts_json(restart_reasons, life.restarts());
  if (life.last_restart()) {
    agent["last_restart"] = {{"reason", to_string(life.last_restart()->reason)},
                             {"ago", seconds_between(life.last_restart()->at, now)}};
  }
  if (!life.agent()) return agent;
  agent["pid"] = life.agent()->pid;
  agent["uptime"] = seconds_between(life.agent()->started, now);
  agent["api"] = life.answered();
  if (!facts.version.empty()) agent["version"] = facts.version;
  return agent;
}

// From 1.15 on an agent takes services out of the catalog by its own token alone, and tells nobody where that is too weak.
std::string kept_by_servers(const LifeView& life, Time now) {
  if (!life.left_over().lasts(now)) return "";
  return fmt::format(
      "the catalog still shows what this node's agent has given up: {}; the agent's own token "
      "(agent.tokens.agent_file or acl.tokens.agent, else its default one) needs node:write on \"{}\"",
      join(life.left_over().ids, ", "), life.own().name);
}

Json stop_json(const LifeView& life) {
  const Stop& stop = *life.stop();
  Json out = {{"policy", to_string(life.rules().stop_policy)},
              {"budget", std::chrono::duration<double>(budget_of(stop, life.rules())).count()}};
  if (!life.verdict()) return out;
  out["decision"] = stop.leave ? "leave" : "stay";
  if (!life.verdict()->evidence.empty()) out["evidence"] = life.verdict()->evidence;
  return out;
}

std::string missing_address(const LifeView& life, Time now) {
  if (!life.address_missing()) return "";
  const std::string gone = "the address " + *life.address_missing();
  const auto& settling = life.address_settling();
  if (!settling || !life.rules().restart_on_change) return gone;
  const Duration left = settling->since + life.rules().bind_settle - now;
  if (left <= Duration{}) return gone;
  return fmt::format("{}; the node moves to {} in {} if that is so still (bind.settle)", gone, settling->address,
                     format_duration(std::chrono::ceil<std::chrono::seconds>(left)));
}

}  // namespace

std::string settings_hash(const Ground& ground) {
  return fmt::format("{:016x}",
                     fnv1a(json_text(without_secrets(ground.config.effective().merged)), ground.settings.digest));
}

BesideLife beside_life(const Ground* ground, const std::string& settings_problem, bool unwatched) {
  return {.settings_refused = !settings_problem.empty(),
          .settings_unwatched = unwatched,
          .keyring_differs = ground != nullptr && ground->keyring};
}

std::vector<std::string> problem_names(const Standpoint& at) {
  const BesideLife beside = beside_life(at.ground, at.settings_problem, !at.unwatched.empty());
  std::vector<std::string> names;
  for (const NodeProblem problem : problems_of(at.life, beside, at.now)) names.emplace_back(to_string(problem));
  return names;
}

Json ground_json(const Ground& ground) {
  Json out = {{"address", ground.facts.bind.address},
              {"address_origin", ground.facts.bind.origin},
              {"advertise_address", ground.own().address},
              {"node_name", ground.facts.identity.name},
              {"node_id", ground.facts.identity.id},
              {"data_dir", ground.facts.data_dir},
              {"http_address", ground.plan.http_address},
              {"settings", {{"hash", settings_hash(ground)}}},
              {"services", Json::array()}};
  for (const SharedJson& service : ground.services) out["services"].push_back(service.id());
  return out;
}

Json status_json(const Standpoint& at) {
  const auto& [life, ground, agent, settings_problem, unwatched, settled, orphans, now] = at;
  Json status = {{"version", LICTOR_VERSION},
                 {"running", true},
                 {"pid", getpid()},
                 {"phase", to_string(life.phase())},
                 {"state", state_of(life)},
                 {"since", seconds_between(life.since(), now)},
                 {"live", life.live()},
                 {"ready", life.ready()},
                 {"registered", life.registered()},
                 {"held_for_failed", life.held_for_failed()},
                 {"agent", agent_json(life, agent, now)},
                 {"leader", life.leader()},
                 {"services_refused", Json::array()},
                 {"problems", Json::array()},
                 {"conflicts", Json::array()},
                 {"events", Json::array()},
                 {"counts", tally_json(life)},
                 {"uptime", seconds_between(life.began(), now)},
                 {"reloads", counts_json(reload_results, life.reloads())},
                 {"orphans_reaped", orphans},
                 {"longest_turn", std::chrono::duration<double>(LoopTurn::longest()).count()},
                 {"longest_lost", std::chrono::duration<double>(LoopTurn::longest_lost()).count()}};
  if (life.stop()) status["stop"] = stop_json(life);
  for (const Line& line : log::recent()) {
    status["events"].push_back(
        {{"time", rfc3339_milliseconds(line.at)}, {"level", to_string(line.level)}, {"message", words(line)}});
  }
  const std::span<const Claim> told(life.claims().data(), std::min(life.claims().size(), claims_told));
  for (const Claim& claim : told) status["conflicts"].push_back(claim_json(claim));
  if (life.contested()) status["conflicts"].push_back(claim_json(*life.contested()));
  for (const Claim& claim : told) status["problems"].push_back(describe(claim, life.own()));
  if (life.claims().size() > told.size())
    status["problems"].push_back(
        fmt::format("{} more nodes claim what is this node's", life.claims().size() - told.size()));
  if (life.contested()) status["problems"].push_back(describe(*life.contested(), life.own()));
  if (life.held_for_failed())
    status["problems"].push_back(
        "the servers hold this node for failed, though its agent serves; `lictor doctor` looks for the cause");
  if (std::string missing = missing_address(life, now); !missing.empty())
    status["problems"].push_back(std::move(missing));
  if (!agent.server.empty() && status["leader"]) status["server"] = agent.server;
  if (agent.members > 0) {
    status["members"] = agent.members;
    status["servers"] = agent.servers;
  }
  status["maintenance"] = agent.maintenance ? Json(*agent.maintenance) : Json();
  if (!settings_problem.empty()) status["problems"].push_back(settings_problem);
  for (const Problem& problem : life.awaited()) status["problems"].push_back(to_string(problem));
  if (life.address_unseen())
    status["problems"].push_back("the host's addresses can't be looked at: " + *life.address_unseen());
  for (const Problem& problem : unwatched) status["problems"].push_back(to_string(problem));
  if (life.closes()) status["problems"].push_back("the agent ends each connection without an answer");
  if (!life.failure().empty()) status["problems"].push_back(life.failure());
  for (const ServiceFault& fault : life.faults()) {
    status["services_refused"].push_back(
        {{"id", fault.id}, {"reason", fault.reason}, {"former_in_force", !fault.missing}});
    if (fault.reason != life.failure()) status["problems"].push_back(fault.reason);
  }
  if (std::string kept = kept_by_servers(life, now); !kept.empty()) status["problems"].push_back(std::move(kept));
  status["problem_names"] = problem_names(at);
  if (!ground) return status;
  if (ground->keyring) status["problems"].push_back(to_string(*ground->keyring));
  status.update(ground_json(*ground));
  status["settings"]["age"] = seconds_between(settled, now);
  if (life.held()) status["settings"]["restart_in"] = seconds_between(now, std::max(now, life.held()->due));
  return status;
}

}  // namespace lictor
