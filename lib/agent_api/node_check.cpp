#include "agent_api/node_check.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

// Consul's (agent/checks: CheckTTL.getExpiredOutput).
constexpr std::string_view ran_out = "TTL expired", before_that = "TTL expired (last output before timeout follows): ";

std::string minute(std::chrono::sys_seconds at) { return rfc3339(at).substr(0, 16) + "Z"; }

std::optional<std::chrono::sys_seconds> read_minute(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  return parse_rfc3339(std::string(text.substr(0, 16)) + ":00Z");
}

// What stands behind a word and a blank, if the part begins with that.
std::optional<std::string_view> behind(std::string_view part, std::string_view word) {
  if (!part.starts_with(word) || part.size() <= word.size() || part[word.size()] != ' ') return std::nullopt;
  return part.substr(word.size() + 1);
}

// Whoever writes to the catalog may write anything there. Bytes of a word, and words of one kind.
constexpr std::size_t longest_word = 64, most_words = 32;

bool is_word(std::string_view text) { return text.size() <= longest_word; }

void read_part(std::string_view part, NodeWords& words) {
  if (part == "ready") words.ready = true;
  if (const auto phase = behind(part, "phase"); phase && is_word(*phase)) words.phase = *phase;
  if (const auto names = behind(part, "problems")) {
    words.problems = split_list(names->substr(0, most_words * longest_word));
    std::erase_if(words.problems, [](const std::string& name) { return !is_word(name); });
    words.problems.resize(std::min(words.problems.size(), most_words));
  }
  if (const auto version = behind(part, "lictor"); version && is_word(*version)) words.lictor = *version;
  if (const auto version = behind(part, "consul"); version && is_word(*version)) words.consul = *version;
  if (const auto at = behind(part, "started")) words.started = read_minute(*at);
  if (const auto list = behind(part, "restarts")) {
    for (const std::string& restart : split_list(list->substr(0, most_words * longest_word))) {
      if (!is_word(restart) || words.restarts.size() >= most_words) continue;
      const auto blank = std::min(restart.find(' '), restart.size());
      if (const auto at = read_minute(restart.substr(0, blank)); at && blank < restart.size())
        words.restarts.push_back({*at, restart.substr(blank + 1)});
    }
  }
}

}  // namespace

std::string node_check_output(const NodeWords& words) {
  std::string out = words.ready ? "ready" : "not ready";
  out += "; phase " + words.phase;
  out += words.problems.empty() ? "; no problems" : "; problems " + join(words.problems, ", ");
  if (!words.lictor.empty()) out += "; lictor " + words.lictor;
  if (!words.consul.empty()) out += "; consul " + words.consul;
  if (words.started) out += "; started " + minute(*words.started);
  for (const NodeRestart& restart : words.restarts) {
    out += &restart == &words.restarts.front() ? "; restarts " : ", ";
    out += minute(restart.at) + " " + restart.reason;
  }
  return out;
}

NodeWords parse_node_check(std::string_view output) {
  NodeWords words;
  words.expired = output.starts_with(ran_out);
  if (output.starts_with(before_that)) output.remove_prefix(before_that.size());
  for (;;) {
    const auto end = output.find("; ");
    read_part(output.substr(0, end), words);
    if (end == output.npos) return words;
    output.remove_prefix(end + 2);
  }
}

std::optional<Json> node_check_registration(const std::string& node, const std::string& id, const std::string& address,
                                            const Json& checks) {
  if (!checks.is_object() || !checks.contains(node_check_id)) return std::nullopt;
  Json registration{{"Node", node}, {"ID", id}, {"Address", address}, {"SkipNodeUpdate", true}};
  Json check = checks.at(node_check_id);
  check.erase("CreateIndex");
  check.erase("ModifyIndex");
  registration["Checks"] = Json::array({std::move(check)});
  return registration;
}

std::string service_with_node_check(const Services& services) {
  for (const SharedJson& service : services) {
    if (!service.mentions(node_check_id)) continue;
    const std::vector<std::string> ids = check_ids(*service);
    if (std::find(ids.begin(), ids.end(), node_check_id) != ids.end()) return service.id();
  }
  return "";
}

}  // namespace lictor
