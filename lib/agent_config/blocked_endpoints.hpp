// http_config shuts lictor out of parts of the agent's API on its private socket, too: block_endpoints as it does everybody, and
// allow_write_http_from, since a client of a Unix socket has no address (agent/http.go, checkWriteAccess: 500).
#pragma once

#include "base/problem.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace lictor {

// What of that is in lictor's way. Consul blocks every path that begins with one of the list (agent/http.go, denylist).
struct BlockedEndpoints {
  Problems problems;                  // the node could never become ready, or never leave
  std::vector<std::string> warnings;  // something that lictor sees to is not done
};
// `services`: lictor has some to register; `leave`: a stop leaves the cluster.
BlockedEndpoints blocked_endpoints(const nlohmann::json& consul_json, bool services, bool leave);

// Empty; or, where an answer of the agent says that the endpoint is blocked, what to do about it.
std::string blocked_hint(const std::string& answer);

}  // namespace lictor
