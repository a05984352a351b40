#include "fleet/fleet.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

// Bytes; the servers have a name for an entry of theirs, and it is one in DNS.
constexpr std::size_t longest_name = 256;
constexpr const char *serf_check = "serfHealth", *maintenance_check = "_node_maintenance";

bool is_version(const std::string& version, const std::string& wanted) {
  return version.starts_with(wanted) && (version.size() == wanted.size() || version[wanted.size()] == '.');
}

}  // namespace

std::string fleet_filter(const std::string& more) {
  const auto is = [](const char* check) { return std::string("CheckID == \"") + check + '"'; };
  const std::string own = is(node_check_id);
  return is(serf_check) + " or " + is(maintenance_check) + " or " +
         (more.empty() ? own : "(" + own + " and (" + more + "))");
}

const char* to_string(NodeState state) {
  switch (state) {
    case NodeState::failed:
      return "failed";
    case NodeState::silent:
      return "silent";
    case NodeState::not_ready:
      return "not_ready";
    case NodeState::unwell:
      return "unwell";
    case NodeState::untold:
      return "untold";
    case NodeState::well:
      return "well";
  }
  return "";
}

NodeState FleetNode::state() const {
  if (!alive) return NodeState::failed;
  if (words.expired) return NodeState::silent;
  if (critical) return NodeState::not_ready;
  if (words.phase.empty()) return NodeState::untold;
  return words.problems.empty() ? NodeState::well : NodeState::unwell;
}

std::vector<std::string> FleetNode::problems() const {
  switch (state()) {
    case NodeState::failed:
      return {"agent_failed"};
    case NodeState::silent:
      return {"lictor_silent"};
    default:
      return words.problems;
  }
}

bool FleetChoice::takes(const FleetNode& node) const {
  if (!node.attended) return false;
  if (!version.empty() && !is_version(node.words.lictor, version) && !is_version(node.words.consul, version))
    return false;
  if (problem.empty()) return true;
  const std::vector<std::string> found = node.problems();
  return std::find(found.begin(), found.end(), problem) != found.end();
}

void Fleet::take(const Json& check) {
  const std::string name = text_of(check, "Node"), id = text_of(check, "CheckID");
  const bool own = id == node_check_id;
  if (name.empty() || name.size() > longest_name || (!own && id != serf_check && id != maintenance_check)) return;
  auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    if (nodes_.size() >= most) return void(full_ = true);
    found = nodes_.emplace(name, FleetNode{}).first;
  }
  FleetNode& node = found->second;
  const bool critical = text_of(check, "Status") == "critical";
  if (own) {
    node.attended = true;
    node.critical = critical;
    node.words = parse_node_check(text_of(check, "Output"));
  } else if (id == serf_check) {
    node.alive = !critical;
  } else {
    node.maintenance = cut(text_of(check, "Notes"), longest_name);
  }
}

std::vector<std::string> Fleet::unattended() const {
  std::vector<std::string> names;
  for (const auto& [name, node] : nodes_) {
    if (!node.attended && node.alive && !servers_.contains(name)) names.push_back(name);
  }
  return names;
}

FleetTotals totals_of(const Fleet& fleet, const FleetChoice& choice, std::chrono::system_clock::time_point now) {
  FleetTotals totals;
  // Times are to the minute.
  const auto since = std::chrono::floor<std::chrono::minutes>(now - std::chrono::hours(1));
  for (const auto& [name, node] : fleet.nodes()) {
    if (!choice.takes(node)) continue;
    ++totals.nodes;
    const NodeState state = node.state();
    ++totals.states[static_cast<std::size_t>(state)];
    totals.maintenance += node.maintenance ? 1 : 0;
    ++totals.lictor[node.words.lictor];
    ++totals.consul[node.words.consul];
    for (const std::string& problem : node.problems()) ++totals.problems[problem];
    bool restarted = false;
    for (const NodeRestart& restart : node.words.restarts) {
      if (restart.at < since) continue;
      ++totals.restarts[restart.reason];
      restarted = true;
    }
    totals.restarted += restarted ? 1 : 0;
    totals.started += node.words.started && *node.words.started >= since ? 1 : 0;
    if (state != NodeState::failed && state != NodeState::silent && !node.words.phase.empty())
      ++totals.phases[node.words.phase];
  }
  return totals;
}

}  // namespace lictor
