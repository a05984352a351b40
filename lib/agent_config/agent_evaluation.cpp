#include "agent_config/agent_evaluation.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace lictor {
namespace {

// Of a network for documentation.
constexpr std::string_view added = "192.0.2.1";
constexpr std::string_view evaluated_key = "advertise_addr: ";

// The program's addresses as settings have them: it leaves out what makes a path a socket.
std::string as_setting(const std::string& address) { return literal_address(address) ? address : "unix://" + address; }

// Lists have no order here, and each key one element to stand in.
void join_question(Json& all, const Json& one) {
  if (one.is_array() && all.is_array()) {
    all.insert(all.end(), one.begin(), one.end());
  } else if (one.is_object() && all.is_object()) {
    for (const auto& [name, value] : one.items()) join_question(all[name], value);
  } else {
    all = one;
  }
}

// As it is written, which is what the agent calls it last.
std::string name_of_key(const UnknownKey& key) {
  std::string name;
  const Json* in = &key.alone;
  for (; in->is_structured() && !in->empty(); in = &*in->begin()) {
    if (in->is_object()) name = in->begin().key();
  }
  return lower(name);
}

}  // namespace

Json keys_question(const std::vector<UnknownKey>& keys) {
  Json question = Json::object();
  for (const UnknownKey& key : keys) join_question(question, key.alone);
  return question;
}

Problems refused_keys(const std::vector<UnknownKey>& keys, const std::string& output) {
  constexpr std::string_view refused = "invalid config key ";
  std::vector<std::string> names;
  for (const std::string& line : split_list(output, '\n')) {
    if (const auto at = line.find(refused); at != std::string::npos)
      names.push_back(lower(line.substr(at + refused.size())));
  }
  Problems problems;
  for (const UnknownKey& key : keys) {
    const std::string name = name_of_key(key);
    const auto is_it = [&](const std::string& said) { return said == name || said.ends_with("." + name); };
    if (std::any_of(names.begin(), names.end(), is_it)) problems.push_back(key.problem);
  }
  return problems;
}

bool settings_refused(const Result<void>& ended, const std::string& output) {
  return !ended && output.find("Config validation failed") != std::string::npos;
}

Json evaluation_question(const std::string& text) {
  // By an action of its own: blanks that are text a template can take away.
  return {
      {"data_dir", "/"}, {"bind_addr", "127.0.0.1"}, {"advertise_addr", text + "{{\" " + std::string(added) + "\"}}"}};
}

EvaluatedTemplate evaluation_answer(const Result<void>& ended, const std::string& output) {
  if (ended) return std::string();  // no other address than the one that was added
  constexpr std::string_view several = "multiple addresses found:", other = "invalid ip address:";
  for (const std::string& line : split_list(output, '\n')) {
    const auto at = line.find(evaluated_key);
    if (at == std::string::npos) continue;
    const std::string said = line.substr(at + evaluated_key.size());
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
