#include "fleet/fleet_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

constexpr std::size_t label_column = 11;
// Names that are told of where there may be thousands; and beyond which a name no longer moves the columns of all others.
constexpr std::size_t most_names = 20, widest_name = 40;

const char* in_words(NodeState state) {
  switch (state) {
    case NodeState::not_ready:
      return "not ready";
    case NodeState::unwell:
      return "problems";
    case NodeState::untold:
      return "says nothing";
    default:
      return to_string(state);
  }
}

// The most frequent first.
std::string counts_in_words(const FleetTotals::Counts& counts) {
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> parts;
  for (const auto& [name, count] : order)
    parts.push_back(fmt::format("{} {}", name.empty() ? "not told" : name, count));
  return join(parts, ", ");
}

std::string states_in_words(const FleetTotals& totals) {
  std::vector<std::string> parts;
  for (auto state = node_states.rbegin(); state != node_states.rend(); ++state) {
    const std::size_t count = totals.states[static_cast<std::size_t>(*state)];
    if (count == 0 && *state != NodeState::well) continue;
    parts.push_back(fmt::format("{} {}", count, *state == NodeState::unwell ? "with problems" : in_words(*state)));
  }
  if (totals.maintenance > 0) parts.push_back(fmt::format("{} in maintenance", totals.maintenance));
  return join(parts, ", ");
}

std::string restarts_in_words(const FleetTotals& totals) {
  std::size_t all = 0;
  for (const auto& [reason, count] : totals.restarts) all += count;
  std::string out = fmt::format("in the last hour {} of agents", all);
  if (all > 0) out += fmt::format(" on {} nodes ({})", totals.restarted, counts_in_words(totals.restarts));
  return out + fmt::format(", {} of lictor", totals.started);
}

std::string names_in_words(const std::vector<std::string>& names) {
  std::vector<std::string> told = names;
  told.resize(std::min(names.size(), most_names));
  return fmt::format("{}: {}{}", names.size(), join(told, " "),
                     names.size() > most_names ? fmt::format(" and {} more", names.size() - most_names) : "");
}

bool of_interest(const FleetNode& node, const FleetChoice& choice) {
  return choice.takes(node) && (choice.all() || node.state() != NodeState::well || node.maintenance);
}

std::string in_minutes(std::chrono::sys_seconds at) { return rfc3339(at).substr(0, 16) + "Z"; }

std::string about(const FleetNode& node) {
  const NodeWords& words = node.words;
  std::vector<std::string> parts;
  const bool now = node.alive && !words.expired;
  if (now && !words.phase.empty() && words.phase != "serve") parts.push_back("phase " + words.phase);
  if (now && !words.problems.empty()) parts.push_back(join(words.problems, " "));
  if (node.maintenance) parts.push_back("maintenance" + (node.maintenance->empty() ? "" : ": " + *node.maintenance));
  if (!words.lictor.empty()) parts.push_back("lictor " + words.lictor);
  if (!words.consul.empty()) parts.push_back("consul " + words.consul);
  if (!words.restarts.empty())
    parts.push_back(
        fmt::format("last restart {} {}", in_minutes(words.restarts.back().at), words.restarts.back().reason));
  return join(parts, ", ");
}

class FleetPage {
 public:
  explicit FleetPage(const PageStyle& style) : style_(style) {}
  void line(const std::string& label, const std::string& text) {
    if (text.empty()) return;
    std::string begin = fmt::format("{:<{}}", label, label_column);
    for (const std::string& row : wrap_behind(label_column, harmless(text), style_)) {
      text_ += begin + row + "\n";
      begin.assign(label_column, ' ');
    }
  }
  void add(const std::string& line) { text_ += harmless(line) + "\n"; }
  std::string text() && { return std::move(text_); }

 private:
  PageStyle style_;
  std::string text_;
};

Json counts_as_json(const FleetTotals::Counts& counts) {
  Json all = Json::object();
  for (const auto& [name, count] : counts) all[name] = count;
  return all;
}

Json node_as_json(const std::string& name, const FleetNode& node) {
  Json restarts = Json::array();
  for (const NodeRestart& restart : node.words.restarts)
    restarts.push_back({{"time", rfc3339(restart.at)}, {"reason", restart.reason}});
  return {{"node", name},
          {"state", to_string(node.state())},
          {"phase", node.words.phase},
          {"problems", node.problems()},
          {"lictor", node.words.lictor},
          {"consul", node.words.consul},
          {"started", node.words.started ? Json(rfc3339(*node.words.started)) : Json()},
          {"restarts", std::move(restarts)},
          {"maintenance", node.maintenance ? Json(*node.maintenance) : Json()}};
}

}  // namespace

std::string fleet_text(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now,
                       const PageStyle& style) {
  const FleetTotals totals = totals_of(fleet, choice, now);
  FleetPage page(style);
  page.line("nodes", fmt::format("{}: {}", totals.nodes, states_in_words(totals)));
  if (!choice.narrowed && !choice.all()) {
    if (const auto names = fleet.unattended(); !names.empty()) page.line("without", names_in_words(names));
  }
  if (totals.nodes > 0) {
    page.line("lictor", counts_in_words(totals.lictor));
    page.line("consul", counts_in_words(totals.consul));
    page.line("phase", counts_in_words(totals.phases));
    page.line("problem", counts_in_words(totals.problems));
    page.line("restarts", restarts_in_words(totals));
  }
  std::size_t widest = 0;
  for (const auto& [name, node] : fleet.nodes()) {
    if (of_interest(node, choice)) widest = std::max(widest, std::min(name.size(), widest_name));
  }
  bool first = true;
  for (const auto& [name, node] : fleet.nodes()) {
    if (!of_interest(node, choice)) continue;
    if (std::exchange(first, false)) page.add("");
    page.add(fmt::format("{:<{}}  {:<12}  {}", name, widest, in_words(node.state()), about(node)));
  }
  return std::move(page).text();
}

// Of thousands of nodes a tree would take as many kilobytes.
std::string fleet_json(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now,
                       bool in_a_line) {
  const FleetTotals totals = totals_of(fleet, choice, now);
  Json states = Json::object();
  for (const NodeState state : node_states) states[to_string(state)] = totals.states[static_cast<std::size_t>(state)];
  const Json all{{"nodes", totals.nodes},
                 {"states", std::move(states)},
                 {"maintenance", totals.maintenance},
                 {"lictor", counts_as_json(totals.lictor)},
                 {"consul", counts_as_json(totals.consul)},
                 {"phases", counts_as_json(totals.phases)},
                 {"problems", counts_as_json(totals.problems)},
                 {"restarts_last_hour", counts_as_json(totals.restarts)},
                 {"restarted_last_hour", totals.restarted},
                 {"started_last_hour", totals.started},
                 {"without_lictor", choice.narrowed || choice.all() ? Json() : Json(fleet.unattended())}};
  const auto written = [](const Json& value, int indent) {
    return value.dump(indent, ' ', true, Json::error_handler_t::replace);
  };
  std::string out = written(all, in_a_line ? -1 : 2);
  out.resize(out.rfind(in_a_line ? "}" : "\n}"));
  out += in_a_line ? R"(,"listed":[)" : ",\n  \"listed\": [";
  const char* before = in_a_line ? "" : "\n    ";
  bool first = true;
  for (const auto& [name, node] : fleet.nodes()) {
    if (!of_interest(node, choice)) continue;
    out += std::exchange(first, false) ? "" : ",";
    out += before + written(node_as_json(name, node), -1);
  }
  return out + (in_a_line ? "]}\n" : first ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace lictor
