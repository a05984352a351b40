#include "decide/join.hpp"

#include "decide/address.hpp"
#include "decide/json_text.hpp"
#include "decide/ports.hpp"

#include <algorithm>

namespace lictor {
namespace {

constexpr int member_alive = 1;  // serf.StatusAlive

int gossip_port(const Json& consul_json) {
  const auto ports = consul_json.find("ports");
  if (ports == consul_json.end() || !ports->is_object()) return 8301;
  const auto port = ports->find("serf_lan");
  return port != ports->end() && port->is_number_integer() ? port->get<int>() : 8301;
}

// The address of "10.0.0.1:8301" and "[fd00::1]:8301"; empty where there is no port or no literal address before it.
std::string address_before_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return "";
  std::string address = text.substr(0, colon);
  const bool brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (brackets) address = address.substr(1, address.size() - 2);
  return literal_address(address) && brackets == (address.find(':') != std::string::npos) ? address : "";
}

}  // namespace

JoinTargets join_targets(const Json& consul_json) {
  JoinTargets targets;
  const auto listed = consul_json.find("retry_join");
  if (listed == consul_json.end() || !listed->is_array()) return targets;
  for (const Json& entry : *listed) {
    if (!entry.is_string()) continue;
    const std::string& text = entry.get_ref<const std::string&>();
    if (text.empty() || text.find("provider=") != std::string::npos) continue;
    if (literal_address(text)) {
      targets.addresses.push_back(address_and_port(text, gossip_port(consul_json)));
    } else if (!address_before_port(text).empty()) {
      targets.addresses.push_back(text);
    } else {
      targets.names.push_back(text);
    }
  }
  return targets;
}

bool knows_live_server(const Json& members) {
  return members.is_array() && std::any_of(members.begin(), members.end(), [](const Json& member) {
           const auto tags = member.find("Tags");
           return member.is_object() && member.value("Status", Json()) == member_alive && tags != member.end() &&
                  tags->is_object() && text_of(*tags, "role") == "consul";
         });
}

}  // namespace lictor
