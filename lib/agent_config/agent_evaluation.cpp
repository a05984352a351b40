#include "agent_config/agent_evaluation.hpp"

#include "base/text.hpp"

#include <string_view>
#include <vector>

namespace lictor {
namespace {

// Of a network for documentation.
constexpr std::string_view added = "192.0.2.1";
constexpr std::string_view key = "advertise_addr: ";

// The program's addresses as settings have them: it leaves out what makes a path a socket.
std::string as_setting(const std::string& address) { return literal_address(address) ? address : "unix://" + address; }

}  // namespace

Json evaluation_question(const std::string& text) {
  // By an action of its own: blanks that are text a template can take away.
  return {
      {"data_dir", "/"}, {"bind_addr", "127.0.0.1"}, {"advertise_addr", text + "{{\" " + std::string(added) + "\"}}"}};
}

EvaluatedTemplate evaluation_answer(const Result<void>& ended, const std::string& output) {
  if (ended) return std::string();  // no other address than the one that was added
  constexpr std::string_view several = "multiple addresses found:", other = "invalid ip address:";
  for (const std::string& line : split_list(output, '\n')) {
    const auto at = line.find(key);
    if (at == std::string::npos) continue;
    const std::string said = line.substr(at + key.size());
    if (said.starts_with(other)) return std::string(trim(said.substr(other.size())));
    if (said.starts_with(several)) {
      std::vector<std::string> addresses = split_list(said.substr(several.size()), ' ');
      if (addresses.empty() || addresses.back() != added) continue;
      addresses.pop_back();
      for (std::string& address : addresses) address = as_setting(address);
      return join(addresses, " ");
    }
    // Go's own words for it come last, after the whole text twice.
    const auto words = said.rfind("template: sockaddr.Parse:");
    return TemplateRefused{said.substr(words == std::string::npos ? 0 : words),
                           said.find("unable to parse template") != std::string::npos};
  }
  return TemplateNotEvaluated{ended.error().why};
}

}  // namespace lictor
