// Who else claims this node's name, id and address (life/claims.hpp). Laws: evidence; hands-off, but for the leave
// (laws_stopping.cpp) and the catalog (laws_registration.cpp).
#include "walk.hpp"

#include <vector>

namespace lictor::walk {

using std::chrono::seconds;

void Walk::respond(const LookAround& e) {
  std::vector<Claim> claims;
  const std::size_t most = by_weight(22, 43, 29, 6);
  for (const char* name : {"n2", "n3", "n4"}) {
    if (claims.size() == most) break;
    Claim claim;
    claim.name = name;
    // Alive; a dead member; an entry of none; all of that, and never this node.
    const std::size_t kind = by_weight(25, 30, 25, 20);
    claim.former = kind != 3;
    claim.prune = kind == 1 || kind == 3;
    claim.deregister = kind >= 2;
    claims.push_back(claim);
  }
  tell(LookedAround{e.launch, claims, seldom(10) ? "500" : ""}, "looked around");
}

void Walk::respond(const Clear& e) { tell(Cleared{e.launch, static_cast<ClearAnswer>(among(3)), "403"}, "cleared"); }

void Walk::take(const LookAround& e) { owe(e, seconds(10)); }

void Walk::take(const Clear& e) {
  hold(e.claim.dead(), "hands-off", "something that may be alive is cleared away");
  hold(e.claim.former, "evidence", "something is cleared away that this node has not kept as its own past");
  hold(seen().rules().heal, "hands-off", "something is cleared away without node.heal");
  owe(e, seconds(6));
}

void Walk::take(const Rejoin&) {}

}  // namespace lictor::walk
