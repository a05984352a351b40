// The timeline written and drawn.
#include "report/timeline.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace lictor {
namespace {

// A step that took time, and when it began, counted from the course's beginning.
struct Bar {
  Step step;
  Duration begin, length;
};

std::vector<Bar> bars_of(const Course& course) {
  std::vector<Bar> bars;
  Duration passed{};
  for (std::size_t i = 0; i < course.spent.size(); ++i) {
    if (course.spent[i] > Duration{}) bars.push_back({static_cast<Step>(i), passed, course.spent[i]});
    passed += course.spent[i];
  }
  return bars;
}

bool is_longest(const Bar& bar, const std::vector<Bar>& bars) {
  return std::none_of(bars.begin(), bars.end(), [&bar](const Bar& other) { return other.length > bar.length; });
}

// Where the course's total is `width`: the nearest whole place, so that bars meet and the last one ends at `width`.
std::int64_t place(Duration at, Duration total, std::int64_t width) {
  return (2 * at.count() * width + total.count()) / (2 * total.count());
}

std::string_view title(CourseKind kind) {
  switch (kind) {
    case CourseKind::start:
      return "last start";
    case CourseKind::restart:
      return "last restart of the agent";
    case CourseKind::stop:
      break;
  }
  return "last stop";
}

std::string_view label(Step step) {
  switch (step) {
    case Step::settings:
      return "settings read";
    case Step::prepare:
      return "host prepared";
    case Step::files:
      return "files awaited";
    case Step::address:
      return "address awaited";
    case Step::former:
      return "earlier agent, pause";
    case Step::launch:
      return "agent executed";
    case Step::api:
      return "agent's API answers";
    case Step::leader:
      return "leader known";
    case Step::services:
      return "services sent";
    case Step::hooks:
      return "post_start hooks";
    case Step::catalog:
      return "seen in the catalog";
    case Step::decide:
      return "asked why";
    case Step::settle:
      return "agent's sync awaited";
    case Step::pre_stop:
      return "pre_stop hooks";
    case Step::leave:
      return "leave asked, awaited";
    case Step::linger:
      return "stop.linger";
    case Step::ending:
      return "agent ended";
    case Step::sweep:
      break;
  }
  return "others ended";
}

std::string how_it_ended(const Course& course) {
  switch (course.outcome) {
    case CourseOutcome::under_way:
      return "not over yet";
    case CourseOutcome::ready:
      return course.kind == CourseKind::start ? "ready" : "ready again";
    case CourseOutcome::stopped:
      return "stopped before it was ready";
    case CourseOutcome::confirmed:
      return "a server confirmed the leave";
    case CourseOutcome::unconfirmed:
      return "no server confirmed a leave";
    case CourseOutcome::stayed:
      return "stayed in the catalog";
    case CourseOutcome::gave_up:
      break;
  }
  return "lictor gave up";
}

// Whole milliseconds as soon as they say enough, seconds as soon as those do.
std::string for_people(Duration d) {
  const double ms = std::chrono::duration<double, std::milli>(d).count();
  return ms < 9.95     ? fmt::format("{:.1f} ms", ms)
         : ms < 9999.5 ? fmt::format("{:.0f} ms", ms)
                       : fmt::format("{:.1f} s", ms / 1000);
}

std::string remarks(const Course& course) {
  std::string out = how_it_ended(course);
  if (course.reason) out += fmt::format(" (reason: {})", to_string(*course.reason));
  if (course.waited > Duration{}) out += fmt::format("; the settings waited {} for it", for_people(course.waited));
  if (course.budget > Duration{}) out += fmt::format("; stop.timeout is {}", format_duration(course.budget));
  if (course.given > Duration{}) out += fmt::format(", the platform gave {}", format_duration(course.given));
  return out;
}

std::string date_of(const Course& course) {
  std::string date = rfc3339(course.began);
  date.replace(date.find('T'), 1, " ").replace(date.find('Z'), 1, " UTC");
  return date;
}

}  // namespace

std::string timeline_text(const std::vector<Course>& courses, bool colour) {
  constexpr std::int64_t bar_width = 42;  // beside 37 columns
  const auto painted = [colour](const char* code, const std::string& text) {
    return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  };
  std::string out;
  for (const Course& course : courses) {
    const Duration total = course.total();
    out += out.empty() ? "" : "\n";
    out += painted("1", fmt::format("{:<25} {:>9}", title(course.kind), for_people(total))) + "  " + date_of(course) +
           "\n  " + remarks(course) + "\n";
    if (!course.evidence.empty())
      for (const std::string& row : wrap(course.evidence, 78)) out += "  " + row + "\n";
    const auto bars = bars_of(course);
    for (const Bar& bar : bars) {
      const std::int64_t begin = place(bar.begin, total, bar_width);
      const std::int64_t length = place(bar.begin + bar.length, total, bar_width) - begin;
      const std::string drawn = length > 0 ? std::string(static_cast<std::size_t>(length), '#') : "|";
      fmt::format_to(std::back_inserter(out), "  {:<23} {:>9}  {:{}}{}\n", label(bar.step), for_people(bar.length), "",
                     std::min(begin, bar_width - 1), painted(is_longest(bar, bars) ? "1;33" : "36", drawn));
    }
  }
  return out;
}

std::string timeline_svg(const std::vector<Course>& courses) {
  constexpr int width = 760, margin = 20, row = 22, head = 62, gap = 24;
  constexpr int lengths_end = 270, bars_begin = 284, bar_width = width - margin - bars_begin;
  std::string body;
  int y = margin;
  for (const Course& course : courses) {
    const double total = std::max(1.0, static_cast<double>(course.total().count()));
    const auto bars = bars_of(course);
    fmt::format_to(std::back_inserter(body),
                   "<text class=\"title\" x=\"{0}\" y=\"{1}\">{2}: {3}</text>\n"
                   "<text class=\"faint\" x=\"{4}\" y=\"{1}\" text-anchor=\"end\">{5}</text>\n"
                   "<text class=\"faint\" x=\"{0}\" y=\"{6}\">{7}</text>\n",
                   margin, y + 14, title(course.kind), for_people(course.total()), width - margin, date_of(course),
                   y + 36, remarks(course));
    y += head;
    for (const Bar& bar : bars) {
      const double begin = bars_begin + bar_width * static_cast<double>(bar.begin.count()) / total;
      const double length = std::max(1.0, bar_width * static_cast<double>(bar.length.count()) / total);
      fmt::format_to(std::back_inserter(body),
                     "<text x=\"{}\" y=\"{}\">{}</text>\n"
                     "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n"
                     "<rect class=\"{}\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"14\"/>\n",
                     margin, y, label(bar.step), lengths_end, y, for_people(bar.length),
                     is_longest(bar, bars) ? "longest" : "bar", begin, y - 12, length);
      y += row;
    }
    y += gap;
  }
  const int height = y - gap;
  return fmt::format(
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\n"
             "<title>lictor: where the time went</title>\n",
             width, height) +
         "<style>\n"
         "text { font: 14px system-ui, sans-serif; fill: #1b1f24; }\n"
         ".title { font-weight: bold; }\n"
         ".faint { fill: #57606a; }\n"
         ".page { fill: #ffffff; }\n"
         ".bar { fill: #2f7ebc; }\n"
         ".longest { fill: #d1660f; }\n"
         "@media (prefers-color-scheme: dark) {\n"
         "text { fill: #e6edf3; }\n"
         ".faint { fill: #9198a1; }\n"
         ".page { fill: #0d1117; }\n"
         ".bar { fill: #58a6ff; }\n"
         ".longest { fill: #f0883e; }\n"
         "}\n"
         "</style>\n" +
         fmt::format("<rect class=\"page\" width=\"{}\" height=\"{}\"/>\n", width, height) + body + "</svg>\n";
}

}  // namespace lictor
