// The doctor's words: what other programs print read, and the report written.
#include "base/text.hpp"
#include "report/doctor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

namespace lictor {
namespace {

std::string counted(std::size_t n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "s"); }

constexpr std::size_t label_width = 9;  // the longest, and two blanks

// "error    ports: taken", "  why    no start": the label may have `paint`, an SGR colour.
std::string labelled(std::string_view label, const std::string& text, const PageStyle& style,
                     const char* paint = nullptr) {
  std::string out;
  for (const std::string& row : wrap_behind(label_width, harmless(text), style)) {
    out += style.colour && paint && !label.empty() ? std::string("\x1b[") + paint + "m" + std::string(label) + "\x1b[0m"
                                                   : std::string(label);
    out.append(label_width - label.size(), ' ') += row + "\n";
    label = "";
  }
  return out;
}

std::string summary(const DoctorReport& report) {
  const auto errors = static_cast<std::size_t>(std::count_if(
      report.findings.begin(), report.findings.end(), [](const Finding& f) { return f.severity == Severity::error; }));
  const std::size_t all = report.findings.size();
  std::string out = all == 0 ? "no findings"
                             : counted(all, "finding") + " (" + counted(errors, "error") + ", " +
                                   counted(all - errors, "warning") + ")";
  out += "; " + std::to_string(report.looked_at.size()) + " of " +
         counted(report.looked_at.size() + report.not_looked_at.size(), "check") + " made";
  return out;
}

}  // namespace

nlohmann::json doctor_json(const DoctorReport& report) {
  Json findings = Json::array(), unseen = Json::array();
  for (const Finding& f : report.findings) {
    findings.push_back(
        {{"check", f.check}, {"severity", to_string(f.severity)}, {"seen", f.seen}, {"why", f.why}, {"mend", f.mend}});
  }
  for (const NotLookedAt& n : report.not_looked_at) unseen.push_back({{"check", n.check}, {"reason", n.reason}});
  return {{"findings", findings}, {"not_looked_at", unseen}, {"looked_at", report.looked_at}};
}

std::string doctor_text(const DoctorReport& report, const PageStyle& style) {
  std::string out;
  for (const Finding& f : report.findings) {
    const char* const paint = f.severity == Severity::error ? "1;31" : "1;33";
    out += labelled(to_string(f.severity), f.check + ": " + f.seen, style, paint) + labelled("  why", f.why, style);
    if (!f.mend.empty()) out += labelled("  mend", f.mend, style);
    out += "\n";
  }
  // One reason often stands behind several checks.
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const NotLookedAt& n : report.not_looked_at) {
    auto known = std::find_if(reasons.begin(), reasons.end(), [&n](const auto& r) { return r.first == n.reason; });
    if (known == reasons.end()) known = reasons.insert(known, {n.reason, {}});
    known->second.push_back(n.check);
  }
  for (const auto& [reason, names] : reasons) {
    out += labelled("unseen", join(names, ", "), style, "1") + labelled("  why", reason, style) + "\n";
  }
  if (!style.colour) return out + summary(report) + "\n";
  return out + (report.findings.empty() ? "\x1b[1;32m" : "\x1b[1m") + summary(report) + "\x1b[0m\n";
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, end = 0;
  char name[4] = "";
  // NOLINTNEXTLINE(cert-err34-c): widths bound every number.
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, name, &year, &hour, &minute,
                  &second, &end) != 6 ||
      static_cast<std::size_t>(end) != text.size())
    return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), name) - months.begin();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month) + 1),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::seconds(days).count() + hour * 3600 + minute * 60 + second;
}

}  // namespace lictor
