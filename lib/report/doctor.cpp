#include "report/doctor.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "agent_config/agent_version.hpp"
#include "base/text.hpp"
#include "report/doctor_held.hpp"

namespace lictor {
namespace {

using Findings = std::vector<Finding>;

Finding finding(Severity severity, std::string seen, std::string why, std::string mend) {
  return {"", severity, std::move(seen), std::move(why), std::move(mend)};
}

const std::string restart_in_place = "restart the agent in place: send SIGUSR2 to lictor";

void settings(const DoctorFacts& facts, Findings& out) {
  for (const Problem& p : facts.problems) {
    out.push_back(finding(Severity::error, p.what + ": " + p.why,
                          p.exit == Exit::retry ? "lictor waits for this at its start, and in the end gives up"
                                                : "lictor can't start the agent like this",
                          p.hint));
  }
}

void identity(const DoctorFacts& facts, Findings& out) {
  if (!facts.identity) return;
  const IdentityVerdict& verdict = *facts.identity;
  if (facts.running_id && *facts.running_id != verdict.identity.id) {
    out.push_back(
        finding(Severity::error,
                verdict.id_origin == "new"
                    ? "the agent runs as id " + *facts.running_id + ", and the data directory holds no id any more"
                    : "the agent runs as id " + *facts.running_id + ", and after its next start it would be " +
                          verdict.identity.id + " (" + verdict.id_origin + ")",
                "the servers refuse a name under another id: nothing that the node registers would reach the catalog",
                "write " + *facts.running_id + " into node-id in the data directory before lictor is started again"));
  }
  if (verdict.mended) {
    out.push_back(finding(Severity::warning, *verdict.mended, "Consul does not start on a node-id that it can't read",
                          "lictor mends it at its next start; find out what damaged it: a full disk, a copied volume"));
  }
  if (verdict.cloned) {
    out.push_back(finding(Severity::warning, "the data directory was written on another machine",
                          "two nodes with one id take each other's catalog entry away",
                          "give each machine a data directory of its own; lictor takes a new id at its next start"));
  }
  if (verdict.former_name) {
    out.push_back(finding(Severity::warning,
                          "the node was called " + *verdict.former_name + " and would now be " + verdict.identity.name,
                          "the old name stays listed beside the new one, with its services, until it is cleared away",
                          "start lictor, it clears the old name away; or keep that with node.on_rename = keep"));
  }
}

std::string mending(const Claim& claim) {
  if (claim.dead()) {
    std::vector<std::string> commands;
    if (claim.prune) commands.push_back("`consul force-leave -prune " + claim.name + "`");
    if (claim.deregister)
      commands.push_back("PUT {\"Node\": \"" + claim.name +
                         "\"} to /v1/catalog/deregister with a token that has node:write");
    return join(commands, ", then ") + "; with node.heal lictor does it by itself";
  }
  if (claim.state == "external") return "deregister that entry if it is out of date, or give it its own address";
  if (claim.state == "synthetic") return "leave it: consul-k8s keeps services of pods on that entry";
  if (claim.kind == ClaimKind::address && claim.gone())
    return "find out whose it is: lictor has no record that this node was ever called so. If it was this host, before "
           "its data directory was lost, `consul force-leave -prune " +
           claim.name + "` and PUT {\"Node\": \"" + claim.name + "\"} to /v1/catalog/deregister clear it away";
  switch (claim.kind) {
    case ClaimKind::address:
      return "find out which of the two machines has the address by right, and change the other's";
    case ClaimKind::name:
      return "give one of the two another node.name; it takes it up at its restart";
    case ClaimKind::id:
      break;
  }
  return "on one of the two: stop the agent, remove node-id and lictor-identity.json from its data directory, start it";
}

void claims(const DoctorFacts& facts, Findings& out) {
  if (!facts.node || !facts.members || !facts.catalog) return;
  for (const Claim& claim : find_claims(*facts.node, *facts.members, *facts.catalog)) {
    const char* why = claim.kind == ClaimKind::address ? "services are listed under both names, at one address"
                      : claim.kind == ClaimKind::name
                          ? "of two nodes with one name one shuts its gossip down and is useless from then on"
                          : "two nodes with one id take each other's catalog entry away";
    const bool lives = !claim.on_purpose() && !claim.gone();
    out.push_back(finding(lives || claim.kind == ClaimKind::id ? Severity::error : Severity::warning,
                          describe(claim, *facts.node), why, mending(claim)));
  }
}

void held_for_failed(const DoctorFacts& facts, Findings& out) {
  if (auto found = held_for_failed(facts)) out.push_back(std::move(*found));
}

void serf(const DoctorFacts& facts, Findings& out) {
  if (facts.serf_bound.value_or(true)) return;
  out.push_back(finding(Severity::error, "the agent answers, but nothing is bound to UDP " + facts.serf_address,
                        "its gossip has shut itself down, as it does when its name is alive elsewhere: for all others "
                        "the node has failed",
                        "end the conflict about the name; lictor restarts the agent until it is gone"));
}

std::string on_interface(const BindAddress& bind) { return bind.address + " (" + bind.origin + ")"; }

void address(const DoctorFacts& facts, Findings& out) {
  if (!facts.running_address) return;
  const std::string& running = *facts.running_address;
  if (facts.chosen && facts.chosen->address != running) {
    return out.push_back(
        finding(Severity::warning,
                "the agent runs at " + running + ", and " + on_interface(*facts.chosen) + " would be chosen now",
                "others look for the node at an address that may be somebody else's tomorrow",
                restart_in_place + "; bind.on_change = restart does it by itself"));
  }
  if (!facts.chosen_afresh) return;
  const Result<BindAddress>& afresh = *facts.chosen_afresh;
  if (afresh && afresh->address == running) return;
  out.push_back(
      finding(Severity::warning,
              "the agent runs at " + running + " because the data directory keeps it; without that, a start would " +
                  (afresh ? "choose " + on_interface(*afresh) : "choose none: " + afresh.error().why),
              "after a loss of the data directory the node would be another one to the servers, or not come up",
              "if " + running + " is right, say so: name its interface alone in bind.interface, or set bind.cidr to " +
                  running + (running.find(':') == std::string::npos ? "/32" : "/128")));
}

void storage(const DoctorFacts& facts, Findings& out) {
  if (facts.fleeting) {
    out.push_back(finding(Severity::warning, *facts.fleeting,
                          "after a lost identity the servers refuse the node under its old name for up to 72 h",
                          "put node.data_dir on a volume or a host path that outlives the container"));
  }
  if (facts.data_dir) {
    out.push_back(finding(Severity::error, facts.data_dir->what + ": " + facts.data_dir->why,
                          "the agent can't keep its state", facts.data_dir->hint));
  }
}

void secrets(const DoctorFacts& facts, Findings& out) {
  for (const std::string& path : facts.open_secrets) {
    out.push_back(finding(Severity::warning, "every user of this host can read " + path,
                          "whoever has the secret can do in the cluster what this node can",
                          "chmod o-r; in a Kubernetes Secret volume defaultMode: 0440"));
  }
  if (facts.keyring) {
    out.push_back(finding(Severity::warning, facts.keyring->what + ": " + facts.keyring->why,
                          "the node may not be able to talk to the others, or not after their next change of keys",
                          facts.keyring->hint));
  }
}

void ports(const DoctorFacts& facts, Findings& out) {
  for (const TakenPort& taken : facts.taken) {
    const WantedPort& port = taken.port;
    out.push_back(finding(Severity::error,
                          port.setting + ": " + (port.protocol == Protocol::tcp ? "TCP " : "UDP ") +
                              address_and_port(port.address, port.port) + " is taken by " + taken.holder,
                          port.setting == "control.http" ? "lictor can't serve probes and metrics there"
                          : facts.agent_runs             ? "programs that ask the agent there reach another program"
                                                         : "the agent ends at its start when it can't have a port",
                          "end that program or set " +
                              (port.setting == "control.http" ? "control.http" : "agent.config " + port.setting) +
                              " to another port"));
  }
}

constexpr std::uint64_t mebibyte = 1 << 20;

void limits(const DoctorFacts& facts, Findings& out) {
  constexpr int raises_its_own = 19;
  const auto& [soft, hard, memory, processes] = facts.limits;
  const auto& files = facts.go_release >= raises_its_own ? hard : soft;
  if (files && *files < 1024) {
    out.push_back(finding(*files < 220 ? Severity::error : Severity::warning,
                          "the agent may open " + std::to_string(*files) + " files",
                          *files < 220 ? "Consul does not start with less than 220 (limits.http_max_conns_per_client)"
                                       : "each connection and each check takes one; agents refuse clients without",
                          "raise it: LimitNOFILE= in the unit, or the container's ulimit nofile, to 1024 or more"));
  }
  if (memory && *memory < 128 * mebibyte) {
    out.push_back(finding(Severity::warning, "the memory limit is " + std::to_string(*memory / mebibyte) + " MiB",
                          "an agent takes 50 to 70 MB at rest; over the limit the kernel kills it, without a leave",
                          "raise it to 128 MiB or more: resources.limits.memory, or MemoryMax= in the unit"));
  }
  if (processes && *processes < 64) {
    out.push_back(finding(Severity::warning,
                          "at most " + std::to_string(*processes) + " processes and threads are allowed",
                          "agent and script checks take some 30; a thread refused ends the agent",
                          "raise it to 64 or more: the pods' pid limit, --pids-limit, or TasksMax= in the unit"));
  }
}

// "1.8.7" of "1.8.7+ent".
std::string_view numbers(std::string_view version) {
  return version.substr(0, std::min(version.find_first_not_of("0123456789."), version.size()));
}

bool older_than_tried(std::string_view version) {
  const auto parsed = parse_agent_version(version);
  return parsed && *parsed < AgentVersion{1, 8, 0};
}

void version(const DoctorFacts& facts, Findings& out) {
  if (facts.binary_version && older_than_tried(*facts.binary_version)) {
    out.push_back(finding(Severity::warning, "the agent on disk is Consul " + *facts.binary_version,
                          "lictor is tried with 1.8 and later", "install a later Consul, or name one in agent.binary"));
  }
  if (facts.binary_version && facts.running_version &&
      numbers(*facts.binary_version) != numbers(*facts.running_version)) {
    out.push_back(finding(
        Severity::warning,
        "the agent that runs is Consul " + *facts.running_version + ", the one on disk " + *facts.binary_version,
        "the next restart, whatever its reason, is an upgrade", restart_in_place));
  }
}

void grace(const DoctorFacts& facts, Findings& out) {
  if (facts.bad_grace) {
    out.push_back(finding(Severity::warning, "LICTOR_GRACE is \"" + *facts.bad_grace + "\"",
                          "nobody can tell whether a leave will fit into the grace period",
                          "set it to the grace period: \"30s\", or 30"));
  }
  if (!facts.grace || facts.stop_timeout < facts.grace->limit) return;
  out.push_back(finding(Severity::warning,
                        "stop.timeout is " + format_duration(facts.stop_timeout) + ", the grace period " +
                            format_duration(facts.grace->limit) + " (" + facts.grace->origin + ")",
                        "a slow leave is cut off by SIGKILL, and the node stays in the catalog as failed",
                        "make stop.timeout shorter, or the grace period (terminationGracePeriodSeconds, "
                        "TimeoutStopSec=) longer"));
}

void stop_policy(const DoctorFacts& facts, Findings& out) {
  if (!facts.untold) return;
  out.push_back(
      finding(Severity::warning, "stop.policy is auto, and " + *facts.untold,
              "each stop leaves the cluster, that of an upgrade too: services and sessions of the node are gone "
              "for some seconds",
              "let lictor ask, or set stop.policy to leave or stay"));
}

void proxy(const DoctorFacts& facts, Findings& out) {
  if (facts.proxies.empty()) return;
  out.push_back(finding(Severity::warning, "the agent's environment names a proxy: " + join(facts.proxies, ", "),
                        "what it asks over HTTP goes through that, its HTTP checks of other hosts among it; not what "
                        "it asks on loopback or at its own addresses",
                        "name what it is to ask directly in NO_PROXY, or start lictor without the variable"));
}

void clock(const DoctorFacts& facts, Findings& out) {
  constexpr Duration allowed = std::chrono::seconds(10);
  if (!facts.clock_ahead || (*facts.clock_ahead <= allowed && *facts.clock_ahead >= -allowed)) return;
  const Duration skew = *facts.clock_ahead;
  out.push_back(finding(Severity::warning,
                        "this host's clock is " + format_duration(skew < Duration{} ? -skew : skew) +
                            (skew < Duration{} ? " behind" : " ahead of") + " the leader's",
                        "certificates and tokens count as expired or not yet valid, and logs can't be compared",
                        "let a time service (chrony, systemd-timesyncd) set the clocks of both hosts"));
}

void servers(const DoctorFacts& facts, Findings& out) {
  if (!facts.nobody_to_join) return;
  out.push_back(finding(Severity::warning, "no server is named anywhere, and the data directory knows no member",
                        "after a start of the agent the node is not ready before somebody joins it",
                        "name the servers in retry_join"));
}

// The names under each address or id: of members that have not left, and of catalog entries.
template <class OfMember, class OfEntry>
std::map<std::string, std::map<std::string, std::string>> names_by(const DoctorFacts& facts, OfMember of_member,
                                                                   OfEntry of_entry) {
  std::map<std::string, std::map<std::string, std::string>> names;  // value -> lower-case name -> name
  for (const Member& m : *facts.members) {
    if (m.status != MemberStatus::left) names[of_member(m)].emplace(lower(m.name), m.name);
  }
  for (const CatalogNode& n : *facts.catalog) {
    if (!n.on_purpose()) names[of_entry(n)].emplace(lower(n.name), n.name);
  }
  names.erase("");
  return names;
}

std::string listed(const std::map<std::string, std::string>& names) {
  std::vector<std::string> parts;
  for (const auto& [key, name] : names) parts.push_back(name);
  return join(parts, ", ");
}

void duplicate_address(const DoctorFacts& facts, Findings& out) {
  if (!facts.members || !facts.catalog) return;
  for (const auto& [value, names] : names_by(
           facts, [](const Member& m) { return m.address; }, [](const CatalogNode& n) { return n.address; })) {
    if (names.size() < 2 || (facts.node && value == facts.node->address)) continue;
    out.push_back(finding(Severity::error, value + " is the address of " + listed(names),
                          "at most one of them is there; the services of the others lead to it",
                          "run `lictor doctor` on the host that has the address; `consul force-leave -prune NAME` "
                          "clears the names that are gone"));
  }
}

void duplicate_id(const DoctorFacts& facts, Findings& out) {
  if (!facts.members || !facts.catalog) return;
  for (const auto& [value, names] : names_by(
           facts, [](const Member& m) { return m.id; }, [](const CatalogNode& n) { return n.id; })) {
    if (names.size() < 2 || (facts.node && value == facts.node->id)) continue;
    out.push_back(finding(Severity::error, value + " is the id of " + listed(names),
                          "nodes with one id take each other's catalog entry away",
                          "a renamed host: `consul force-leave -prune` the old name; a copied data directory: on one "
                          "host stop the agent, remove node-id and lictor-identity.json, start it"));
  }
}

// In lower case.
std::set<std::string> claimants(const DoctorFacts& facts) {
  std::set<std::string> names;
  if (!facts.node) return names;
  for (const Claim& claim : find_claims(*facts.node, *facts.members, *facts.catalog)) names.insert(lower(claim.name));
  return names;
}

void failed_member(const DoctorFacts& facts, Findings& out) {
  if (!facts.members || !facts.catalog) return;
  const auto told = claimants(facts);
  for (const Member& m : *facts.members) {
    if (m.status != MemberStatus::failed || told.contains(lower(m.name))) continue;
    out.push_back(finding(Severity::warning,
                          "member " + m.name + " at " + m.address + " has failed; for how long Consul does not tell",
                          "it and its services stay listed until it comes back, or for 72 h",
                          "bring it back, or if it is gone for good: `consul force-leave -prune " + m.name + "`"));
  }
}

void entry_without_member(const DoctorFacts& facts, Findings& out) {
  if (!facts.members || !facts.catalog) return;
  const auto told = claimants(facts);
  std::map<std::string, MemberStatus> members;
  for (const Member& m : *facts.members) members.emplace(lower(m.name), m.status);
  for (const CatalogNode& n : *facts.catalog) {
    const auto member = members.find(lower(n.name));
    const bool stands = member != members.end() && member->second != MemberStatus::left;
    if (n.on_purpose() || stands || told.contains(lower(n.name))) continue;
    out.push_back(finding(
        Severity::warning,
        "node " + n.name + " at " + n.address + " is in the catalog, and " +
            (member == members.end() ? "no member has that name" : "its member has left"),
        "nothing marks it critical: its services without a check of their own stay passing for ever",
        "PUT {\"Node\": \"" + n.name +
            "\"} to /v1/catalog/deregister; or, if it is there on purpose, mark it with the metadata external-node"));
  }
}

// Why it could not be looked at; empty: it could.
std::string member_without_entry(const DoctorFacts& facts, Findings& out) {
  if (!facts.members || !facts.catalog) return "";
  std::set<std::string> entries;
  for (const CatalogNode& n : *facts.catalog) entries.insert(lower(n.name));
  Findings found;
  for (const Member& m : *facts.members) {
    if ((m.status != MemberStatus::alive && m.status != MemberStatus::failed) || entries.contains(lower(m.name)))
      continue;
    found.push_back(
        finding(Severity::warning,
                "member " + m.name + " at " + m.address + " (" + to_string(m.status) + ") is not in the catalog",
                "its services can't be found",
                "within the first minute after a join: wait; else see its agent's log for a name that is "
                "reserved by another node id, or for \"Permission denied\""));
  }
  if (facts.acls && !found.empty())
    return "the agent's token can't read the catalog's entry of " + std::to_string(found.size()) +
           " members, if they have one; give it node_prefix \"\" read";
  out.insert(out.end(), found.begin(), found.end());
  return "";
}

template <void (*Check)(const DoctorFacts&, Findings&)>
std::string always(const DoctorFacts& facts, Findings& out) {
  Check(facts, out);
  return "";
}

constexpr std::array<std::pair<const char*, std::string (*)(const DoctorFacts&, Findings&)>, 21> checks{{
    {"settings", always<settings>},
    {"identity", always<identity>},
    {"claims", always<claims>},
    {"held-for-failed", always<held_for_failed>},
    {"serf", always<serf>},
    {"address", always<address>},
    {"storage", always<storage>},
    {"secrets", always<secrets>},
    {"ports", always<ports>},
    {"limits", always<limits>},
    {"version", always<version>},
    {"grace", always<grace>},
    {"stop-policy", always<stop_policy>},
    {"proxy", always<proxy>},
    {"clock", always<clock>},
    {"servers", always<servers>},
    {"duplicate-address", always<duplicate_address>},
    {"duplicate-id", always<duplicate_id>},
    {"failed-member", always<failed_member>},
    {"entry-without-member", always<entry_without_member>},
    {"member-without-entry", member_without_entry},
}};

}  // namespace

const char* to_string(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

DoctorReport diagnose(const DoctorFacts& facts) {
  DoctorReport report;
  for (const auto& [name, check] : checks) {
    Findings found;
    std::string reason = check(facts, found);
    if (const auto unseen = facts.unseen.find(name); unseen != facts.unseen.end()) reason = unseen->second;
    if (reason.empty()) {
      report.looked_at.emplace_back(name);
    } else {
      report.not_looked_at.push_back({name, std::move(reason)});
    }
    for (Finding& one : found) {
      one.check = name;
      report.findings.push_back(std::move(one));
    }
  }
  return report;
}

}  // namespace lictor
