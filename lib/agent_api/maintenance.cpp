#include "agent_api/maintenance.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lictor {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Not through the middle of a character.
std::string cut_off(std::string text) {
  if (text.size() <= reason_limit) return text;
  return std::string(cut(text, reason_limit)) + "...";
}

}  // namespace

Result<std::string> maintenance_reason(const std::string& text) {
  const auto refused = [](std::string why) {
    return Problem{"reason", std::move(why), fmt::format("give one line of at most {} bytes", reason_limit),
                   Exit::usage};
  };
  const auto taken = [](std::string reason) {
    return Result<std::string>(boost::system::in_place_value, std::move(reason));
  };
  if (text.empty()) return taken("set by `lictor maint on`, without a reason");
  if (text.size() > reason_limit) return refused(fmt::format("has {} bytes", text.size()));
  if (!is_utf8(text)) return refused("is not UTF-8");
  if (std::any_of(text.begin(), text.end(), is_control))
    return refused("has a line break or a control character in it");
  return taken(text);
}

Result<MaintenanceOrder> parse_maintenance_order(const std::string& body) {
  const Json order = foreign_json(body);
  const bool has_reason = order.is_object() && order.contains("reason");
  if (!order.is_object() || !order.contains("on") || !order["on"].is_boolean() ||
      (has_reason && !order["reason"].is_string()))
    return Problem{"order", "not understood", R"(send {"on": true, "reason": "TEXT"} or {"on": false})", Exit::usage};
  auto reason = maintenance_reason(text_of(order, "reason"));
  if (!reason) return reason.error();
  return MaintenanceOrder{order["on"], std::move(*reason)};
}

std::optional<std::string> maintenance_in(const Json& checks) {
  for (const Json& check : checks) {
    if (text_of(check, "CheckID") != "_node_maintenance") continue;
    std::string reason = text_of(check, "Notes");
    std::replace_if(reason.begin(), reason.end(), is_control, ' ');
    return cut_off(std::move(reason));
  }
  return std::nullopt;
}

Outcome maintenance_outcome(const MaintenanceOrder& order, const std::optional<std::string>& seen, ServersSay servers) {
  if (order.on != seen.has_value())
    return {Exit::incomplete, "maint: the agent took the order and shows the opposite; was it changed meanwhile?"};
  std::string text = seen ? "the node is in maintenance: " + *seen : "the node is not in maintenance";
  // Consul keeps the first reason, and says nothing of it.
  if (seen && *seen != order.reason) text += " (as before; another reason is taken after `lictor maint off`)";
  if (servers == ServersSay::unreadable)
    return {Exit::ok, text + "; the catalog may not be read (ACL: node:read), so that is the agent's word"};
  if (servers == ServersSay::as_ordered) return {Exit::ok, text};
  const char* why = servers == ServersSay::nothing
                        ? "no server has answered; the agent tells them when it reaches one: see `lictor status`"
                        : "the servers do not show it; the agent's last lines in the log say why, and if its token was "
                          "changed meanwhile, `lictor maint off` and on again mends it";
  return {Exit::incomplete, fmt::format("maint: by the agent {}, but {}", text, why)};
}

}  // namespace lictor
