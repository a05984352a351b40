#include "agent_api/join.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "network/ports.hpp"

namespace lictor {
namespace {

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

JoinTargets join_targets(const Plan& plan) {
  JoinTargets targets;
  const Json* listed = member_at(&plan.effective.merged, "retry_join");
  for (const Json& entry : listed && listed->is_array() ? *listed : Json::array()) {
    const std::string text = text_in(&entry);
    const bool theirs = text.find("provider=") != std::string::npos || text.find("{{") != std::string::npos;
    targets.others |= theirs;
    if (text.empty() || theirs) continue;
    if (literal_address(text)) {
      targets.addresses.push_back(address_and_port(text, plan.serf_port));
    } else if (!address_before_port(text).empty()) {
      targets.addresses.push_back(text);
    } else {
      targets.names.push_back(text);
    }
  }
  if (const auto interval = parse_duration(text_of(plan.effective.merged, "retry_interval"));
      interval && *interval > Duration{})
    targets.retry_interval = *interval;
  return targets;
}

}  // namespace lictor
