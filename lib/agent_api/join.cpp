#include "agent_api/join.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "network/ports.hpp"

#include <algorithm>

namespace lictor {
namespace {

constexpr int member_alive = 1;  // serf.StatusAlive

// The address of "10.0.0.1:8301" and "[fd00::1]:8301"; empty where there is no port or no literal address before it.
std::string address_before_port(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return "";
  std::string address = text.substr(0, colon);
  const bool brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (brackets) address = address.substr(1, address.size() - 2);
  return literal_address(address) && brackets == (address.find(':') != std::string::npos) ? address : "";
}

// Arguments come before files (Consul: list flags are the first source).
std::vector<std::string> peers(const Plan& plan) {
  std::vector<std::string> all;
  for (auto arg = plan.argv.begin(); arg != plan.argv.end(); ++arg) {
    if (flag_name(*arg) != "retry-join") continue;
    const auto equals = arg->find('=');
    if (equals != std::string::npos) {
      all.push_back(arg->substr(equals + 1));
    } else if (std::next(arg) != plan.argv.end()) {
      all.push_back(*++arg);
    }
  }
  const auto listed = plan.consul_json.find("retry_join");
  if (listed == plan.consul_json.end() || !listed->is_array()) return all;
  for (const Json& entry : *listed) {
    if (entry.is_string()) all.push_back(entry);
  }
  return all;
}

}  // namespace

JoinTargets join_targets(const Plan& plan) {
  JoinTargets targets;
  for (const std::string& text : peers(plan)) {
    const bool theirs = text.find("provider=") != std::string::npos || text.find("{{") != std::string::npos;
    if (text.empty() || theirs) continue;
    if (literal_address(text)) {
      targets.addresses.push_back(address_and_port(text, plan.serf_port));
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
