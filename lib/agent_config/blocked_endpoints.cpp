#include "agent_config/blocked_endpoints.hpp"

#include "base/json.hpp"

#include <algorithm>

namespace lictor {
namespace {

constexpr const char* setting = "http_config.block_endpoints";

struct Need {
  const char *path, *without;  // what is not done without it
  bool services_only = false, leave_only = false;
};

// Without these a node that is asked for is never there, or never gone.
constexpr Need needed[] = {
    {"/v1/status/leader", "lictor never learns that the agent knows a leader, and the node never becomes ready"},
    {"/v1/agent/service/register", "no service of lictor's is registered, and the node never becomes ready", true},
    {"/v1/agent/leave", "the agent can't be asked to leave the cluster", false, true},
};
constexpr Need useful[] = {
    {"/v1/agent/members", "version, members and stale members of this node's former names are not seen"},
    {"/v1/agent/self",
     "whether the agent knows a server is asked in a way that costs it lines of its log, and that somebody else has "
     "told it "
     "to leave is seen only at its end"},
    {"/v1/agent/reload", "new settings that a running agent could take are not taken"},
    {"/v1/agent/services", "what the agent has of lictor's services is not seen"},
    {"/v1/agent/service/deregister/", "services that are no longer wanted are not taken out"},
    {"/v1/agent/service/maintenance/",
     "what checks have become in the first half minute after a start or a reload may reach the servers only after it"},
    {"/v1/agent/join/", "an agent that has lost its servers is not told to join others"},
    {"/v1/agent/force-leave/", "stale members of this node's former names are not cleared away"},
    {"/v1/agent/checks", "maintenance is not seen"},
    {"/v1/agent/check/update/", "how the node is is not told, and its own check is critical"},
    {"/v1/agent/maintenance", "`lictor maint` does not work"},
    {"/v1/catalog/node/", "whether the servers know of the node, and of its leave, is not seen"},
    {"/v1/catalog/nodes", "other entries with this node's name, id or address are not seen"},
    {"/v1/catalog/deregister", "stale entries of this node's former names are not cleared away"},
    {"/v1/health/node/", "whether the servers take the node for failed is not seen"},
};

}  // namespace

BlockedEndpoints blocked_endpoints(const Json& consul_json, bool services, bool leave) {
  BlockedEndpoints found;
  const Json http = consul_json.value("http_config", Json::object());
  const Json writers = http.is_object() ? http.value("allow_write_http_from", Json()) : Json();
  if (writers.is_array() && !writers.empty() && (services || leave))
    found.problems.push_back(Problem{
        "http_config.allow_write_http_from",
        writers.dump() +
            ": an agent that is given it answers no write over a Unix socket, and lictor has no other line to it",
        "take it out, and keep writes to yourself by ACLs, or by client_addr and a firewall"});
  const Json list = http.is_object() ? http.value("block_endpoints", Json()) : Json();
  if (!list.is_array()) return found;  // for the agent to refuse, if it is anything
  const auto blocker = [&list](const Need& need) {
    return std::find_if(list.begin(), list.end(), [&](const Json& prefix) {
      return prefix.is_string() && std::string_view(need.path).starts_with(prefix.get_ref<const std::string&>());
    });
  };
  for (const Need& need : needed) {
    const auto by = blocker(need);
    if (by == list.end() || (need.services_only && !services) || (need.leave_only && !leave)) continue;
    found.problems.push_back(Problem{setting, by->dump() + " blocks " + need.path + ": " + need.without,
                                     "take " + by->dump() + " out, or block what is below it one by one"});
  }
  for (const Need& need : useful) {
    const auto by = blocker(need);
    if (by != list.end())
      found.warnings.push_back(std::string(setting) + ": " + by->dump() + " blocks " + need.path + ": " + need.without);
  }
  return found;
}

std::string blocked_hint(const std::string& answer) {
  if (answer.find("Endpoint is blocked by agent configuration") == std::string::npos) return "";
  return std::string(" (") + setting + " of the agent's settings shuts lictor out of it; take it out there)";
}

}  // namespace lictor
