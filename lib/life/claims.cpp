#include "life/claims.hpp"

#include "life/turn.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

Fields fields_of(const Claim& claim) {
  return {{"claim", to_string(claim.kind)},
          {"name", claim.name},
          {"id", claim.id},
          {"address", claim.address},
          {"state", claim.state}};
}

// By what the node has kept of itself, and nothing else.
bool clearable(const Claim& claim) {
  if (!claim.former) return false;
  return claim.dead();
}

const char* verdict_on(const Claim& claim, bool heal) {
  if (clearable(claim)) {
    return heal ? "another node claims what is this node's: it is dead, clearing it away"
                : "another node claims what is this node's: it is dead, and left alone, node.heal is off";
  }
  if (claim.on_purpose()) return "another node claims what is this node's: not touched, it was registered on purpose";
  if (claim.gone())
    return "another node claims what is this node's: not touched, it is no former name or id of this node";
  return "another node claims what is this node's: not touched, it may be alive";
}

}  // namespace

void Claims::be_wary() { own_.wary_until = turn_.now + wary_for; }

void Claims::ended() {
  own_.around_at.reset();
  own_.looking_around = own_.clearing = false;
  own_.to_clear.clear();
  own_.refused.clear();
}

// ---- our name

void Claims::end_contest() {
  if (std::exchange(own_.contested, {}))
    turn_.say(Tone::info, "no other id holds this node's name any more", {{"name", turn_.own().name}});
}

// Another id holds our name. At our own address that was this node before its data directory was lost; elsewhere it
// is another node.
void Claims::note_holder(const CatalogSeen& e) {
  if (e.answer == CatalogAnswer::forbidden || e.answer == CatalogAnswer::failed) return;
  if (e.answer != CatalogAnswer::taken) return end_contest();
  const Claim claim{.kind = ClaimKind::name,
                    .name = turn_.own().name,
                    .id = e.holder.id,
                    .address = e.holder.address,
                    .state = "in the catalog"};
  if (own_.contested == claim) return;
  own_.contested = claim;
  ++own_.counts.name_claims;
  if (own_.held_elsewhere(turn_.own())) {
    turn_.say(Tone::error, "another node holds this node's name: not touched; give one of the two another node.name",
              fields_of(claim));
  } else if (turn_.rules().fixed_id) {
    turn_.say(
        Tone::error,
        "the servers keep this node's name for another id; take node_id out of the agent's settings, or set it to "
        "that",
        fields_of(claim));
  } else if (own_.took_id) {
    turn_.say(
        Tone::error,
        "the servers refuse this node even with the id that was taken back; look for another agent with this name "
        "and "
        "address",
        fields_of(claim));
  }
}

void Claims::name_taken() {
  if (own_.held_elsewhere(turn_.own()) || turn_.rules().fixed_id || own_.took_id || reloading_.preparing()) return;
  if (turn_.now - registration_.since < reserved_after) return;
  turn_.say(Tone::warn, "the servers keep this node's name for the id it had before; taking back its id",
            fields_of(*own_.contested));
  turn_.post(TakeIdBackNow{own_.contested->id});
}

void Claims::on(const IdSettled& e) {
  own_.took_id = true;
  if (!e.failure.empty()) return turn_.say(Tone::error, "the id was not taken back", {{"reason", e.failure}});
  own_.contested.reset();
  ++own_.counts.ids_taken_back;
  turn_.post(RestartAgent{RestartReason::id_taken_back, {{"id", e.own.id}}});
}

// A newcomer whose name is alive elsewhere loses the vote about it: serf ends, the process and its API live on.
void Claims::gossip_shut_down() {
  ++own_.counts.gossip_shut_down;
  if (!own_.wary(turn_.now)) own_.quarrels = 0;
  be_wary();
  const Duration wait = backoff(turn_, ++own_.quarrels);
  turn_.say(
      Tone::error,
      "the agent's gossip has shut itself down, as it does when its name is alive at another address; restarting it "
      "without leaving",
      turn_.agent_fields() + Fields{{"name", turn_.own().name}, seconds_field(wait)});
  turn_.post(ReplaceAgent{RestartReason::gossip_shut_down, turn_.now + wait});
}

void Claims::registered(bool anew) {
  own_.took_id = false;
  if (anew) own_.around_at = turn_.now;
}

void Claims::settings_taken(bool moved) {
  if (moved) be_wary();
  own_.refused.clear();
  if (turn_.in(Phase::serve) && !own_.claims.empty()) own_.around_at = turn_.now;
}

// Whoever has taken its place may be seen there.
void Claims::held_for_failed() {
  be_wary();
  own_.around_at = turn_.now;
}

// ---- members and catalog

void Claims::look_around() {
  own_.around_at.reset();
  if (!turn_.registering() || own_.looking_around || own_.clearing) return;
  own_.looking_around = true;
  turn_.emit(LookAround{turn_.launch()});
}

void Claims::look_later() { own_.around_at = turn_.now + look_interval; }

void Claims::on(const LookedAround& e) {
  own_.looking_around = false;
  if (!turn_.registering()) return;
  if (!e.failure.empty()) {
    turn_.say(Tone::debug, "members and catalog were not looked at", {{"reason", e.failure}});
    return look_later();
  }
  tell_of(e.claims);
  const std::vector<Claim> before = std::exchange(own_.claims, e.claims);
  if (before != own_.claims) own_.changed = turn_.now;
  if (own_.claims.empty() && !own_.wary(turn_.now)) return;
  own_.around_at = turn_.now + until_next_look();
  clear_dead(before);
}

// What this node has been is cleared away once it is dead; of what is somebody else's there is nothing to wait for.
Duration Claims::until_next_look() const {
  const bool of_ours = std::any_of(own_.claims.begin(), own_.claims.end(), [this](const Claim& claim) {
    return claim.former && std::find(own_.refused.begin(), own_.refused.end(), claim.name) == own_.refused.end();
  });
  if (own_.wary(turn_.now) || of_ours) return look_interval;
  return paced(turn_.now - own_.changed, 4, look_interval, look_seldom);
}

void Claims::tell_of(const std::vector<Claim>& claims) {
  const std::set<Claim> before(own_.claims.begin(), own_.claims.end()), after(claims.begin(), claims.end());
  std::size_t news = 0, gone = 0;
  for (const Claim& claim : claims) {
    if (before.contains(claim)) continue;
    ++(claim.kind == ClaimKind::address ? own_.counts.address_claims
       : claim.kind == ClaimKind::name  ? own_.counts.name_claims
                                        : own_.counts.id_claims);
    if (++news > claims_told) continue;
    turn_.say(Tone::warn, verdict_on(claim, turn_.rules().heal), fields_of(claim));
  }
  for (const Claim& claim : own_.claims) {
    if (!after.contains(claim) && ++gone <= claims_told)
      turn_.say(Tone::info, "another node no longer claims what is this node's", fields_of(claim));
  }
  const auto rest = [&](Tone tone, const char* text, std::size_t count) {
    if (count > claims_told) turn_.say(tone, text, {{"count", static_cast<std::int64_t>(count - claims_told)}});
  };
  rest(Tone::warn, "more nodes claim what is this node's", news);
  rest(Tone::info, "more nodes no longer claim what is this node's", gone);
}

// ---- clearing away

void Claims::clear_dead(const std::vector<Claim>& before) {
  own_.to_clear.clear();
  if (!turn_.rules().heal) return;
  const std::set<std::string_view> refused(own_.refused.begin(), own_.refused.end());
  std::set<std::pair<std::string_view, std::string_view>> known;
  for (const Claim& claim : before) known.emplace(claim.name, claim.state);
  for (const Claim& claim : own_.claims) {
    const bool early = claim.prune && !known.contains({claim.name, claim.state});
    if (clearable(claim) && !refused.contains(claim.name) && !early) own_.to_clear.push_back(claim);
  }
  clear_next();
}

void Claims::clear_next() {
  if (own_.to_clear.empty() || own_.clearing) return;
  own_.clearing = true;
  turn_.emit(Clear{turn_.launch(), own_.to_clear.back()});
}

void Claims::on(const Cleared& e) {
  if (!std::exchange(own_.clearing, false) || own_.to_clear.empty()) return;
  const Claim claim = own_.to_clear.back();
  own_.to_clear.pop_back();
  if (e.answer == ClearAnswer::cleared) {
    ++own_.counts.claims_cleared;
    turn_.say(Tone::info, "what this node has been is cleared away", fields_of(claim));
    if (!claim.prune) be_wary();
  } else {
    ++own_.counts.clearings_refused;
    turn_.say(Tone::warn, "the dead claim was not cleared away", fields_of(claim) + Fields{{"reason", e.text}});
    if (e.answer == ClearAnswer::forbidden) own_.refused.push_back(claim.name);
  }
  if (turn_.registering()) clear_next();
}

}  // namespace lictor
