#include "report/metrics_text.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace lictor {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : utf8(text)) {
    if (c == '\\' || c == '"') out += '\\';
    c == '\n' ? out += "\\n" : out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

MetricsText& MetricsText::metric(MetricKind kind, std::string_view name, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                 kind == MetricKind::gauge ? "gauge" : "counter");
  return *this;
}

MetricsText& MetricsText::sample(double value, Labels labels) {
  text_ += name_;
  char before = '{';
  for (const auto& [label, content] : labels) {
    fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", std::exchange(before, ','), label, escaped(content));
  }
  if (labels.size() > 0) text_ += '}';
  fmt::format_to(std::back_inserter(text_), " {}\n", number(value));
  return *this;
}

}  // namespace lictor
