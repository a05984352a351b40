// Who may do what over the control socket.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace lictor {

// The other end of a unix socket, as the kernel knew it when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS).
struct PeerCredentials {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  std::vector<gid_t> groups = {};  // supplementary
};

// The group of control.group.
struct OrderGroup {
  std::string name;  // as the settings have it
  gid_t gid = 0;
};

// Whether `peer` may give orders: root, whoever lictor runs as (`own`), and members of the group. Who can connect at all may ask.
bool may_order(const PeerCredentials& peer, uid_t own, const std::optional<OrderGroup>& group);

// Why not, and what to do, for whoever is refused: "...; ...".
std::string order_refused(const PeerCredentials& peer, const std::optional<OrderGroup>& group);

}  // namespace lictor
