#include "control/authorization.hpp"

#include <algorithm>

namespace lictor {

bool may_order(const PeerCredentials& peer, uid_t own, const std::optional<OrderGroup>& group) {
  if (peer.uid == 0 || peer.uid == own) return true;
  if (!group) return false;
  return peer.gid == group->gid || std::find(peer.groups.begin(), peer.groups.end(), group->gid) != peer.groups.end();
}

std::string order_refused(const PeerCredentials& peer, const std::optional<OrderGroup>& group) {
  const std::string uid = std::to_string(peer.uid);
  if (!group)
    return "uid " + uid +
           " may ask lictor, and orders are for root alone; give it as root, or name a group of this user's in "
           "control.group";
  return "uid " + uid + " may ask lictor, and orders are for root and the group " + group->name +
         "; give it as root, or add the user to that group and log in anew";
}

}  // namespace lictor
