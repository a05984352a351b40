#include "agent_api/standing.hpp"

#include "base/json_text.hpp"
#include "identity/claims.hpp"

#include <algorithm>
#include <array>

namespace lictor {
MemberAnswer parse_member(const std::string& body) {
  const nlohmann::json self = foreign_json(body);
  if (!self.is_object()) return MemberAnswer::unanswered;
  const MemberStatus status = member_status(object_of(self, "Member"));
  if (status == MemberStatus::none) return MemberAnswer::unanswered;
  return status == MemberStatus::leaving || status == MemberStatus::left ? MemberAnswer::leaves : MemberAnswer::member;
}

bool announces_leave(std::string_view line) { return line.find("client starting leave") != std::string_view::npos; }

bool doubts_servers(std::string_view line) {
  constexpr std::array told{"RPC failed to server", "No cluster leader", "removing server", "memberlist: Suspect "};
  return std::any_of(told.begin(), told.end(),
                     [line](const char* words) { return line.find(words) != std::string_view::npos; });
}

}  // namespace lictor
