// The text format of Prometheus: what a sample looks like, and what must be escaped in it.
#include "report/metrics_text.hpp"

#include "test.hpp"

#include <cmath>
#include <limits>

using namespace lictor;

TEST_CASE("a metric is its help, its type and its samples") {
  MetricsText text;
  text.metric(MetricKind::counter, "x_total", "Things, by kind.")
      .sample(3, {{"kind", "a"}, {"of", "b"}})
      .sample(0, {{"kind", "c"}, {"of", "d"}});
  text.metric(MetricKind::gauge, "y_seconds", "How long.").sample(0.25);
  CHECK(text.text() ==
        "# HELP x_total Things, by kind.\n"
        "# TYPE x_total counter\n"
        "x_total{kind=\"a\",of=\"b\"} 3\n"
        "x_total{kind=\"c\",of=\"d\"} 0\n"
        "# HELP y_seconds How long.\n"
        "# TYPE y_seconds gauge\n"
        "y_seconds 0.25\n");
}

TEST_CASE("a label's value keeps quotes, backslashes and line ends from ending it") {
  MetricsText text;
  text.metric(MetricKind::gauge, "x", "X.").sample(1, {{"v", "a\"b\\c\nd"}});
  CHECK(text.text().find(R"(x{v="a\"b\\c\nd"} 1)") != std::string::npos);
}

TEST_CASE("values keep all that a double has") {
  const struct {
    double value;
    const char* text;
  } rows[] = {
      {1795591234.567, "1795591234.567"},
      {1e300, "1e+300"},
      {-1, "-1"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::nan(""), "NaN"},
  };
  for (const auto& row : rows) {
    MetricsText text;
    text.metric(MetricKind::gauge, "x", "X.").sample(row.value);
    CHECK(text.text().ends_with(std::string("\nx ") + row.text + "\n"));
  }
}
