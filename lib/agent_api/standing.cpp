#include "agent_api/standing.hpp"

#include "base/json_text.hpp"
#include "identity/claims.hpp"

namespace lictor {
StandingAnswer parse_standing(const std::string& body) {
  auto standing = StandingAnswer::untold;
  const bool list = each_element(body, [&standing](const nlohmann::json& check) {
    if (!check.is_object() || text_of(check, "CheckID") != "serfHealth") return;
    standing = text_of(check, "Status") == "critical" ? StandingAnswer::failed : StandingAnswer::alive;
  });
  return list ? standing : StandingAnswer::unanswered;
}

MemberAnswer parse_member(const std::string& body) {
  const nlohmann::json self = foreign_json(body);
  if (!self.is_object()) return MemberAnswer::unanswered;
  const MemberStatus status = member_status(object_of(self, "Member"));
  if (status == MemberStatus::none) return MemberAnswer::unanswered;
  return status == MemberStatus::leaving || status == MemberStatus::left ? MemberAnswer::leaves : MemberAnswer::member;
}

bool announces_leave(std::string_view line) { return line.find("client starting leave") != std::string_view::npos; }

}  // namespace lictor
