#include "report/status_text.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor {
namespace {

using nlohmann::json;

constexpr std::size_t kLabel = 11;  // as wide as the longest label and a blank

constexpr const char* kGood = "32";
constexpr const char* kLook = "33";
constexpr const char* kBad = "31";

double number(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->get<double>() : 0;
}

bool yes(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}

const json& member(const json& object, const char* key) {
  static const json nothing;
  const auto at = object.find(key);
  return at == object.end() ? nothing : *at;
}

std::vector<std::string> strings(const json& list) {
  std::vector<std::string> out;
  if (!list.is_array()) return out;
  for (const json& item : list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

std::string counted(double count, const char* noun) {
  return fmt::format("{:.0f} {}{}", count, noun, count == 1 ? "" : "s");
}

// Those that say something, with ", " between them.
std::string listed(std::initializer_list<std::string> facts) {
  std::vector<std::string> said;
  std::copy_if(facts.begin(), facts.end(), std::back_inserter(said), [](const auto& fact) { return !fact.empty(); });
  return join(said, ", ");
}

// "2026-11-25T10:22:01.123Z" -> "11-25 10:22:01Z"
std::string utc(const std::string& rfc3339) {
  return rfc3339.size() < 20 ? rfc3339 : fmt::format("{} {}Z", rfc3339.substr(5, 5), rfc3339.substr(11, 8));
}

class Page {
 public:
  explicit Page(const PageStyle& style) : style_(style) {}

  // `paint`: nullptr, or an SGR colour for the first `painted` bytes of the fact.
  void line(std::string_view label, const std::string& fact, const char* paint = nullptr,
            std::size_t painted = std::string::npos) {
    if (fact.empty()) return;
    std::vector<std::string> rows = wrap_behind(kLabel, harmless(fact), style_);
    if (style_.colour && paint) {
      for (std::string& row : rows) {
        const std::size_t length = std::min(painted, row.size());
        painted -= painted == std::string::npos ? 0 : std::min(painted, row.size() + 1);
        if (length > 0) row = fmt::format("\x1b[{}m{}\x1b[0m{}", paint, row.substr(0, length), row.substr(length));
      }
    }
    for (const std::string& row : rows) {
      fmt::format_to(std::back_inserter(text_), "{:<{}}{}\n", label, kLabel, row);
      label = "";
    }
  }

  std::string text() && { return std::move(text_); }

 private:
  PageStyle style_;
  std::string text_;
};

std::string agent_facts(const json& agent) {
  const double restarts = number(agent, "restarts");
  const json& last = member(agent, "last_restart");
  const std::string version = text_of(agent, "version");
  return listed({yes(agent, "running") ? (version.empty() ? "Consul" : "Consul " + version) : "not running",
                 yes(agent, "running") ? fmt::format("pid {:.0f}", number(agent, "pid")) : "",
                 yes(agent, "running") ? "up " + rough_duration(number(agent, "uptime")) : "",
                 counted(restarts, "restart"),
                 last.is_object()
                     ? fmt::format("the last {} ago: {}", rough_duration(number(last, "ago")), text_of(last, "reason"))
                     : ""});
}

}  // namespace

std::string rough_duration(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  if (seconds < 9.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<long long>(std::round(std::min(seconds, 1e12)));
  constexpr std::array<std::pair<long long, char>, 4> units{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
  std::size_t i = 0;
  while (whole < units[i].first) ++i;
  std::string out = fmt::format("{}{}", whole / units[i].first, units[i].second);
  if (i + 1 < units.size()) {
    const long long left = whole % units[i].first / units[i + 1].first;
    if (left > 0) out += fmt::format("{}{}", left, units[i + 1].second);
  }
  return out;
}

std::string status_text(const json& s, std::chrono::system_clock::time_point now, const PageStyle& style) {
  Page page(style);
  if (!s.is_object()) return "";
  const bool running = yes(s, "running"), ready = yes(s, "ready");
  if (running) {
    const auto since = now - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                 std::chrono::duration<double>(std::clamp(number(s, "since"), 0.0, 1e9)));
    const std::string state = text_of(s, "phase") + (ready ? ", ready" : ", not ready");
    page.line("phase",
              fmt::format("{}{}, since {} ({})", state, ready ? "" : ": " + text_of(s, "state"),
                          utc(rfc3339_milliseconds(since)), rough_duration(number(s, "since"))),
              ready ? kGood : kBad, state.size());
  } else {
    page.line("phase", "not running", kBad);
  }
  if (const json& stop = member(s, "stop"); stop.is_object()) {
    const std::string decision = text_of(stop, "decision"), evidence = text_of(stop, "evidence");
    page.line("stop", listed({decision.empty() ? "finding out why" : decision,
                              "policy " + text_of(stop, "policy") + (evidence.empty() ? "" : ": " + evidence)}));
  }
  page.line("node", listed({text_of(s, "node_name"), text_of(s, "node_id")}));
  const std::string origin = text_of(s, "address_origin");
  page.line("address", text_of(s, "address") + (origin.empty() ? "" : " (" + origin + ")"));
  if (running) {
    page.line("agent", agent_facts(member(s, "agent")));
    page.line("leader", listed({yes(s, "leader") ? text_of(s, "server") : "none known",
                                number(s, "servers") > 0 ? counted(number(s, "servers"), "live server") : "",
                                number(s, "members") > 0 ? counted(number(s, "members"), "member") : ""}));
  }
  const std::vector<std::string> services = strings(member(s, "services"));
  page.line("services",
            listed({services.empty() ? "none" : join(services, " "), !running               ? ""
                                                                     : yes(s, "registered") ? "registered"
                                                                                            : "not registered"}));
  const json& settings = member(s, "settings");
  if (settings.is_object()) {
    page.line("settings", listed({"hash " + text_of(settings, "hash"),
                                  running ? "taken " + rough_duration(number(settings, "age")) + " ago" : ""}));
  }
  if (settings.is_object() && settings.contains("restart_in"))
    page.line("restart",
              fmt::format("the new settings need a restart of the agent, in {:.0f} s (restart.spread)",
                          std::ceil(number(settings, "restart_in"))),
              kLook);
  page.line("maint", text_of(s, "maintenance"), kLook);
  for (const std::string& problem : strings(member(s, "problems"))) page.line("problem", problem, kBad);
  const json& events = member(s, "events");
  for (const json& event : events.is_array() ? events : json::array()) {
    const std::string level = text_of(event, "level"), time = utc(text_of(event, "time"));
    const std::string shown = level == "info" ? "" : level + ": ";
    page.line("event", fmt::format("{} {}{}", time, shown, text_of(event, "message")),
              level == "error"  ? kBad
              : level == "warn" ? kLook
                                : nullptr,
              time.size() + 1 + shown.size());
  }
  return std::move(page).text();
}

json without_ages(json status) {
  if (!status.is_object()) return status;
  for (const char* key : {"since", "uptime", "longest_turn", "longest_lost", "orphans_reaped"}) status.erase(key);
  const auto drop = [](json& from, const char* object, const char* key) {
    const auto at = from.find(object);
    if (at != from.end() && at->is_object()) at->erase(key);
  };
  drop(status, "agent", "uptime");
  drop(status, "settings", "age");
  if (const auto at = status.find("settings"); at != status.end() && at->is_object() && at->contains("restart_in"))
    (*at)["restart_in"] = true;
  if (status.contains("agent") && status["agent"].is_object()) drop(status["agent"], "last_restart", "ago");
  return status;
}

}  // namespace lictor
