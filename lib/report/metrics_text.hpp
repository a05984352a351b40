// Metrics as Prometheus reads them: its text format, version 0.0.4.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lictor {

enum class MetricKind { gauge, counter };

// One metric after another, each with all its samples:
//
//   # HELP lictor_reloads_total Settings read again, by result.
//   # TYPE lictor_reloads_total counter
//   lictor_reloads_total{result="broken"} 0
class MetricsText {
 public:
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a metric; the samples that follow are its own. `name`: [a-z_]+, with the unit, a counter's ends in _total.
  // `help`: one line.
  MetricsText& metric(MetricKind kind, std::string_view name, std::string_view help);

  // Label values are any text. Infinite and undefined values are written as Prometheus has them. REQUIRES: metric() was
  // called.
  MetricsText& sample(double value, Labels labels = {});

  const std::string& text() const { return text_; }

 private:
  std::string name_, text_;
};

}  // namespace lictor
