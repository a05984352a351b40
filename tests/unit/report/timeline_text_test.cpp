// Timelines as they are kept and shown.
#include "report/timeline.hpp"

#include "report/io/timeline_file.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace lictor;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::chrono::sys_time<Duration> wall{std::chrono::seconds(1'764'067'059)};  // 2025-11-25T10:37:39Z

constexpr std::size_t operator+(Step step) { return static_cast<std::size_t>(step); }

}  // namespace

namespace {

std::vector<Course> example() {
  Course start, restart, stop;
  start.outcome = CourseOutcome::ready;
  start.began = std::chrono::floor<seconds>(wall);
  start.spent[+Step::settings] = Duration(4'000);
  start.spent[+Step::api] = Duration(496'000);
  start.spent[+Step::leader] = Duration(1'500'000);
  restart.kind = CourseKind::restart;
  restart.reason = RestartReason::hung;
  restart.began = start.began + seconds(60);
  restart.spent[+Step::former] = Duration(1);
  stop.kind = CourseKind::stop;
  stop.outcome = CourseOutcome::confirmed;
  stop.budget = seconds(25);
  stop.began = start.began + seconds(90);
  stop.spent[+Step::leave] = Duration(900'000);
  stop.spent[+Step::linger] = Duration(1'000'000);
  stop.spent[+Step::sweep] = Duration(100);
  return {start, restart, stop};
}

}  // namespace

TEST_CASE("A timeline is read as it was written") {
  CHECK(*parse_timeline("f", timeline_json(example())) == example());
  CHECK(parse_timeline("f", timeline_json({}))->empty());
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Course course = example().back();
    for (std::size_t i = +Step::decide; i < step_count; ++i) course.spent[i] = Duration(random());
    CHECK(*parse_timeline("f", timeline_json({course})) == std::vector{course});
  }
}

TEST_CASE("What is no timeline is a problem that names the file and quotes nothing") {
  const auto course = [](const std::string& members) { return R"({"stop": {)" + members + "}}"; };
  const std::string date = R"("began": "2025-11-25T10:37:39Z", )", outcome = R"("outcome": "stayed", )";
  REQUIRE(parse_timeline("f", course(date + outcome + R"("steps": [])")).has_value());
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "line 1, column 1"},
      {"{", "syntax error"},
      {"[]", "not a JSON object"},
      {R"({"stop": 1})", "\"stop\" is no object"},
      {R"({"stop": null})", "\"stop\" is no object"},
      {course(outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": "2025-13-25T10:37:39Z", )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": "2025-11-25T10:37:39Z\u001b[2J", )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(R"("began": 17, )" + outcome + R"("steps": [])"), "\"began\" is no date"},
      {course(date + R"("steps": [])"), "\"outcome\" is no word"},
      {course(date + R"("outcome": "hunter2", "steps": [])"), "\"outcome\" is no word"},
      {course(date + outcome + R"("reason": "hunter2", "steps": [])"), "\"reason\" is no word"},
      {course(date + outcome + R"("budget": "25s", "steps": [])"), "\"budget\" is no number"},
      {course(date + outcome + R"("no_steps": [])"), "\"steps\" is missing"},
      {course(date + outcome + R"("steps": {})"), "\"steps\" is no list"},
      {course(date + outcome + R"("steps": [1])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "hunter2", "seconds": 1}])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "api", "seconds": 1}])"), "\"steps\" names a step"},
      {course(date + outcome + R"("steps": [{"step": "leave"}])"), "\"seconds\" is missing"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": -1}])"), "\"seconds\" is no number"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": 1e300}])"), "\"seconds\" is no number"},
      {course(date + outcome + R"("steps": [{"step": "sweep", "seconds": 1}, {"step": "leave", "seconds": 1}])"),
       "out of order"},
      {course(date + outcome + R"("steps": [{"step": "leave", "seconds": 1}, {"step": "leave", "seconds": 1}])"),
       "out of order"},
      {std::string(60'000, '['), ""}};
  for (const auto& [text, why] : rows) {
    INFO(text.substr(0, 200));
    const auto read = parse_timeline("/data/f", text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().what == "/data/f");
    CHECK_THAT(read.error().why, Contains(why));
    CHECK(read.error().why.find("hunter2") == std::string::npos);
    CHECK((read.error().exit == Exit::incomplete && !read.error().hint.empty()));
  }
}

// ---- for people

namespace {

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

// Where the bar of a line stands, and how long it is.
std::pair<std::size_t, std::size_t> bar(const std::string& line) {
  const std::string drawn = line.substr(37);
  const std::size_t begin = drawn.find_first_not_of(' ');
  return {begin, drawn.size() - begin};
}

}  // namespace

TEST_CASE("The text shows each step's time and a bar as long as its share") {
  Course start;
  start.outcome = CourseOutcome::ready;
  start.began = std::chrono::floor<seconds>(wall);
  // Of 42 columns: an eighth of one, a quarter, half, the rest.
  start.spent[+Step::settings] = Duration(3'000);
  start.spent[+Step::prepare] = Duration(249'000);
  start.spent[+Step::api] = Duration(504'000);
  start.spent[+Step::catalog] = Duration(252'000);
  const auto shown = lines(timeline_text({start}, false));
  REQUIRE(shown.size() == 6);
  CHECK(shown[0] == "last start                  1008 ms  2025-11-25 10:37:39 UTC");
  CHECK(shown[1] == "  ready");
  CHECK(shown[2] == "  settings read              3.0 ms  |");
  CHECK(shown[3] == "  host prepared              249 ms  " + std::string(11, '#'));
  CHECK(shown[4] == "  agent's API answers        504 ms  " + std::string(11, ' ') + std::string(21, '#'));
  CHECK(shown[5] == "  seen in the catalog        252 ms  " + std::string(32, ' ') + std::string(10, '#'));
}

TEST_CASE("Bars meet, the last one ends at the right, and nothing is wider than 80 columns") {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    Course course = example()[static_cast<std::size_t>(round % 3)];
    std::fill(course.spent.begin(), course.spent.end(), Duration{});
    const std::size_t first = +(round % 3 == 0 ? Step::settings : round % 3 == 1 ? Step::former : Step::decide);
    const std::size_t last = +(round % 3 == 2 ? Step::sweep : Step::catalog);
    // From microseconds to days.
    for (std::size_t i = first; i <= last; ++i) {
      if (random() % 3 > 0) course.spent[i] = Duration(1 + random() % (1ULL << random() % 37));
    }
    const auto shown = lines(timeline_text({course}, false));
    const auto steps = static_cast<std::size_t>(
        std::count_if(course.spent.begin(), course.spent.end(), [](Duration d) { return d > Duration{}; }));
    REQUIRE(shown.size() == 2 + steps);
    std::size_t end = 0, step = 0;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      INFO(shown[i]);
      REQUIRE(shown[i].size() <= 80);
      if (i < 2) continue;
      while (course.spent[step] == Duration{}) ++step;
      const auto [begin, length] = bar(shown[i]);
      const double share =
          42.0 * static_cast<double>(course.spent[step++].count()) / static_cast<double>(course.total().count());
      if (shown[i].back() == '|') {
        REQUIRE((length == 1 && share < 1 && begin == std::min<std::size_t>(end, 41)));
      } else {
        REQUIRE(std::abs(static_cast<double>(length) - share) <= 1);
        REQUIRE(begin == end);
        end = begin + length;
      }
    }
    if (steps > 0) REQUIRE(end == 42);
  }
}

TEST_CASE("Every step and every outcome has a name of its own, in the text and in the drawing") {
  Course start = example()[0], restart = example()[1], stop = example()[2];
  for (std::size_t i = 0; i < step_count; ++i) (i < +Step::decide ? start : stop).spent[i] = milliseconds(1);
  const std::string text = timeline_text({start, restart, stop}, false), svg = timeline_svg({start, restart, stop});
  std::vector<std::string> labels;
  for (const std::string& line : lines(text)) {
    if (line.find("1.0 ms") == std::string::npos) continue;
    labels.push_back(line.substr(2, line.find("  ", 2) - 2));
    CHECK(svg.find(">" + labels.back() + "<") != std::string::npos);
  }
  std::sort(labels.begin(), labels.end());
  CHECK(labels.size() == step_count);
  CHECK(std::unique(labels.begin(), labels.end()) == labels.end());
  for (const char* words : {"last start", "last restart of the agent", "(reason: hung)", "last stop",
                            "a server confirmed the leave; stop.timeout is 25s", "11 ms", "2025-11-25 10:37:39 UTC"}) {
    CHECK_THAT(text, Contains(words));
    CHECK_THAT(svg, Contains(words));
  }
  std::vector<std::string> endings;
  for (const CourseOutcome outcome : outcomes) {
    stop.outcome = outcome;
    endings.push_back(lines(timeline_text({stop}, false))[1]);
  }
  std::sort(endings.begin(), endings.end());
  CHECK(std::unique(endings.begin(), endings.end()) == endings.end());
}

TEST_CASE("Times are told in milliseconds, and in seconds where those say enough") {
  const std::vector<std::pair<Duration, std::string>> rows{
      {Duration(40), "0.0 ms"},        {Duration(60), "0.1 ms"},         {Duration(9'949), "9.9 ms"},
      {Duration(9'960), "10 ms"},      {Duration(2'134'400), "2134 ms"}, {Duration(9'999'499), "9999 ms"},
      {Duration(9'999'600), "10.0 s"}, {seconds(86'400), "86400.0 s"}};
  for (const auto& [length, shown] : rows) {
    Course course;
    course.spent[+Step::api] = length;
    CHECK_THAT(lines(timeline_text({course}, false))[0], Contains(" " + shown + " "));
  }
}

TEST_CASE("Colour is all that a terminal adds, and the longest step has one of its own") {
  const std::string plain = timeline_text(example(), false);
  std::string coloured = timeline_text(example(), true);
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK_THAT(coloured, Contains("\x1b[1;33m" + std::string(31, '#') + "\x1b[0m\n"));  // 1.5 of 2 s
  for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b'))
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  CHECK(coloured == plain);
}

TEST_CASE("The drawing's bars stand behind one another and are as long as their shares") {
  const std::string svg = timeline_svg({example()[0]});
  // 4, 496 and 1,500 of 2,000 ms over 456 units.
  CHECK_THAT(svg, Contains(R"(class="bar" x="284.0" y="70" width="1.0")"));
  CHECK_THAT(svg, Contains(R"(class="bar" x="284.9" y="92" width="113.1")"));
  CHECK_THAT(svg, Contains(R"(class="longest" x="398.0" y="114" width="342.0")"));
  CHECK_THAT(timeline_svg({}), Contains("</svg>"));
  CHECK(timeline_text({}, true).empty());
}

// ---- the file

TEST_CASE("What a life leaves behind is read again, and replaced as a whole") {
  TemporaryFolder folder;
  CHECK(left_timeline(folder.path)->empty());
  REQUIRE(leave_timeline(example(), folder.path, {.mode = 0644, .uid = {}, .gid = {}}).has_value());
  CHECK(*left_timeline(folder.path) == example());
  REQUIRE(leave_timeline({example().back()}, folder.path, {.mode = 0644, .uid = {}, .gid = {}}).has_value());
  CHECK(left_timeline(folder.path)->size() == 1);
  CHECK_FALSE(leave_timeline(example(), folder / "nowhere", {.mode = 0644, .uid = {}, .gid = {}}).has_value());
}

TEST_CASE("A file that is too long, or no file, is a problem") {
  TemporaryFolder folder;
  const std::string path = timeline_path(folder.path);
  const auto why = [&folder] {
    const auto left = left_timeline(folder.path);
    REQUIRE_FALSE(left.has_value());
    CHECK(left.error().exit == Exit::incomplete);
    return left.error().why;
  };
  REQUIRE(write_atomically(path, timeline_json(example()) + std::string(70'000, ' '), {}).has_value());
  CHECK(why() != "");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK(why() != "");
}
