#include "agent_api/standing.hpp"

#include "base/json_text.hpp"

namespace lictor {

StandingAnswer parse_standing(const std::string& body) {
  auto standing = StandingAnswer::untold;
  const bool list = each_element(body, [&standing](const nlohmann::json& check) {
    if (!check.is_object() || text_of(check, "CheckID") != "serfHealth") return;
    standing = text_of(check, "Status") == "critical" ? StandingAnswer::failed : StandingAnswer::alive;
  });
  return list ? standing : StandingAnswer::unanswered;
}

}  // namespace lictor
