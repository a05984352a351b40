#include "report/doctor_held.hpp"

#include <algorithm>
#include <string>

namespace lictor {
namespace {

// Of what claims this node's name, the address; empty: nothing does.
std::string holder_of_name(const DoctorFacts& facts) {
  if (!facts.members || !facts.catalog) return "";
  const auto claims = find_claims(*facts.node, *facts.members, *facts.catalog);
  const auto held = std::find_if(claims.begin(), claims.end(), [](const Claim& claim) {
    return claim.kind == ClaimKind::name && claim.state != "external";
  });
  return held == claims.end() ? "" : held->address;
}

struct Cause {
  std::string seen, mend;
};

Cause cause_of(const DoctorFacts& facts) {
  const std::string &address = facts.node->address, &bound = facts.serf_address;
  const std::string port = bound.empty() ? "of the LAN gossip (ports.serf_lan)" : bound.substr(bound.rfind(':') + 1);
  if (!facts.serf_bound.value_or(true))
    return {"the agent's gossip has shut itself down", "see what is found as \"serf\""};
  if (const std::string holder = holder_of_name(facts); !holder.empty())
    return {"another node, at " + holder + ", has the name " + facts.node->name,
            "give one of the two another node.name"};
  if (!facts.own_address) {
    return {"the agent advertises " + address + ", which is no address of this host",
            "have whatever translates it pass TCP and UDP " + port + " on to " + bound +
                ", or advertise an address of this host (advertise_addr)"};
  }
  if (!facts.serf_listens) {
    return {"nothing listens on " + address + " port " + port +
                ", which the agent advertises: its gossip is bound to " + bound,
            "make bind_addr the address that advertise_addr names, or take advertise_addr out"};
  }
  return {"the agent listens where it says: something on the way drops packets, most often UDP",
          "let TCP and UDP " + port + " pass in both directions between " + address +
              " and all other members, servers and clients"};
}

}  // namespace

std::optional<Finding> held_for_failed(const DoctorFacts& facts) {
  if (!facts.held_for_failed.value_or(false) || !facts.node) return std::nullopt;
  Cause cause = cause_of(facts);
  return Finding{"", Severity::error, "the servers hold this node for failed; the likely cause: " + cause.seen,
                 "its services count as critical for all others, though they may work", std::move(cause.mend)};
}

}  // namespace lictor
