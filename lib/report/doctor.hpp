// What `lictor doctor` makes of what it has seen: facts in, findings out.
//
// Each check has a name that never changes and ends in exactly one of two lists: looked at, or not looked at (wholly) with
// the reason. A check that was looked at and has no finding is clean. The names:
//
//   settings               settings and host: what keeps the agent from being started at all
//   identity               node-id and lictor-identity.json: mended, copied from another machine, renamed, not the agent's
//   claims                 who else claims this node's name, id or address (identity/claims.hpp)
//   held-for-failed        the servers hold this node for failed though its agent answers, and the likely cause
//   serf                   gossip has shut itself down in an agent that still answers
//   address                the agent runs at an address that would not be chosen now, or is only as long as it is remembered
//   storage                the data directory does not last, or can't be written
//   secrets                files with tokens and keys, and the gossip keyring
//   ports                  ports that the agent or lictor needs are taken by others
//   limits                 open files, memory and processes
//   version                of the agent on disk and of the one that runs
//   grace                  stop.timeout against the platform's grace period
//   stop-policy            whether lictor will know why it is stopped, where stop.policy is auto
//   clock                  this host's clock against a server's
//   servers                nobody whom the agent could join
//   duplicate-address      cluster: an address under more than one name
//   duplicate-id           cluster: an id under more than one name
//   failed-member          cluster: members that have failed
//   entry-without-member   cluster: nodes in the catalog that no living member stands behind
//   member-without-entry   cluster: members that the catalog does not know
#pragma once

#include "base/problem.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "identity/claims.hpp"
#include "identity/identity.hpp"
#include "network/address.hpp"
#include "network/ports.hpp"
#include "process/limits.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lictor {

enum class Severity {
  warning,  // works for now, but something will go wrong or mislead
  error,    // does not work, or will not
};
const char* to_string(Severity severity);  // "warning", "error"

struct Finding {
  std::string check;
  Severity severity = Severity::warning;
  std::string seen, why, mend;  // what is there; why it matters; the command or setting that mends it

  bool operator==(const Finding&) const = default;
};

struct NotLookedAt {
  std::string check, reason;

  bool operator==(const NotLookedAt&) const = default;
};

struct DoctorReport {
  std::vector<Finding> findings;  // in the order of the checks
  std::vector<NotLookedAt> not_looked_at;
  std::vector<std::string> looked_at;
};

// A port that somebody else has.
struct TakenPort {
  WantedPort port;
  std::string holder;  // "nginx (pid 7)"

  bool operator==(const TakenPort&) const = default;
};

struct Grace {
  Duration limit{};
  std::string origin;  // "LICTOR_GRACE", "TimeoutStopSec of lictor.service"
};

// Everything optional is a fact that could not be had, or that there is nothing to say of; which of the two tells
// `unseen`.
struct DoctorFacts {
  std::map<std::string, std::string> unseen;  // check -> why it could not be made, or not wholly

  Problems problems;  // of the look at settings and host
  std::optional<NodeKey> node;
  std::optional<IdentityVerdict> identity;  // as the next start would settle it
  std::optional<std::string> running_id;    // the agent's
  std::optional<bool> serf_bound;           // UDP port of LAN gossip, of an agent that answers
  std::string serf_address;                 // "10.0.0.5:8301"
  std::optional<bool> held_for_failed;      // by the servers, of a node whose agent answers
  bool own_address = true;                  // node->address is one of this host's
  bool serf_listens = true;                 // there, or on all addresses, on the port of the LAN gossip, by TCP and UDP
  std::optional<std::string> running_address;
  std::optional<BindAddress> chosen;                 // by a start now
  std::optional<Result<BindAddress>> chosen_afresh;  // by a start whose data directory keeps no address
  std::optional<std::string> fleeting;               // fleeting_storage()'s line
  std::optional<Problem> data_dir;                   // check_data_dir()'s
  std::vector<std::string> open_secrets;             // files with secrets that every user of the host can read
  std::optional<Problem> keyring;                    // keyring_disagreement()'s
  std::vector<TakenPort> taken;
  bool agent_runs = false;
  AgentLimits limits;
  std::optional<int> go_release;  // go_release() of a binary that is yet to run with these limits
  std::optional<std::string> binary_version, running_version;  // "1.8.7", "1.8.7+ent"
  Duration stop_timeout{};
  std::optional<Grace> grace;
  std::optional<std::string> bad_grace;  // LICTOR_GRACE, where it is no duration
  std::optional<std::string> untold;     // why lictor, stopped now, would not know why, though it should
  std::vector<std::string> proxies;      // variables of the agent's that name one
  std::optional<Duration> clock_ahead;   // this host's clock minus the server's
  bool nobody_to_join = false;           // nobody_to_join() of the next start
  std::optional<std::vector<Member>> members;
  std::optional<std::vector<CatalogNode>> catalog;
  bool acls = false;  // entries that may not be read are missing from the catalog without a word
};

// Rules with a number in them:
// - open files: Consul refuses to start below limits.http_max_conns_per_client + 20, 220 by default: error; below 1024,
//   Linux's usual soft limit: warning. A program built with Go 1.19 or later raises its soft limit to the hard one.
// - memory below 128 MiB: an agent takes some 50 MB, 70 MB with thousands of services, and needs room for garbage.
// - processes (threads count) below 64: agent and script checks take some 30.
// - version below 1.8, the oldest that lictor is tried with. Only the numbers of a version are compared.
// - clock: more than 10 s apart; a Date header tells whole seconds.
// - stop.timeout must be shorter than the grace period, not equal.
// Cluster: members that have left count nowhere, but an entry that they left in the catalog does. Entries that
// are there on purpose are nobody's agent and count nowhere but in find_claims. Names are equal whatever their case. What is told
// as a claim on this node is not told again as the cluster's. Under ACLs, members without an entry can't be told from
// entries that may not be read: not looked at, unless all are there.
// How long a member has been failed is not told: neither members nor catalog carry a time.
DoctorReport diagnose(const DoctorFacts& facts);

// {"findings": [{"check", "severity", "seen", "why", "mend"}], "not_looked_at": [{"check", "reason"}],
//  "looked_at": ["settings", ...]}: all strings, always all keys (in the order of the alphabet).
nlohmann::json doctor_json(const DoctorReport& report);

// For people: a block for each finding, what could not be looked at, a summary as the last line.
std::string doctor_text(const DoctorReport& report, const PageStyle& style = {});

// Seconds since the epoch from "Tue, 24 Nov 2026 08:14:46 GMT", the form of a Date header.
std::optional<std::int64_t> parse_http_date(const std::string& text);

}  // namespace lictor
