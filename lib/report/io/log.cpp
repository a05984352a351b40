#include "report/io/log.hpp"

#include "base/text.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <utility>

namespace lictor::log {
namespace {

constexpr std::size_t kept = 10;

bool standard_error_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat file {};
  return stream && fstat(STDERR_FILENO, &file) == 0 && is_journal(stream, file.st_dev, file.st_ino);
}

Level from_spdlog(spdlog::level::level_enum level) { return static_cast<Level>(level); }
spdlog::level::level_enum to_spdlog(Level level) { return static_cast<spdlog::level::level_enum>(level); }

static_assert(static_cast<int>(Level::trace) == SPDLOG_LEVEL_TRACE &&
              static_cast<int>(Level::error) == SPDLOG_LEVEL_ERROR);

// Takes lines that are formatted already: spdlog's own sinks come with its pattern machinery, which can't write JSON.
class StandardError : public spdlog::sinks::sink {
 public:
  bool journal = standard_error_is_journal();

  void log(const spdlog::details::log_msg& message) override {
    std::string line = journal ? journal_prefix(from_spdlog(message.level)) : "";
    line.append(message.payload.data(), message.payload.size());
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (written > 0) rest.remove_prefix(static_cast<size_t>(written));
      // Where standard error can't take the line there is nobody left to tell.
      if (written < 0 && errno != EINTR) return;
    }
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

struct Log {
  std::shared_ptr<StandardError> sink = std::make_shared<StandardError>();
  spdlog::logger own{"lictor", sink};
  spdlog::logger unfiltered{"all", sink};
  bool json = false;
  Repeats repeats;
  RepeatsOf<ForeignLine> foreign;
  std::deque<Line> recent;
  Log() { unfiltered.set_level(spdlog::level::trace); }

  void put(spdlog::logger& logger, const Line& line) const {
    logger.log(to_spdlog(line.level), json ? json_line(line) : text_line(line));
  }

  void put(const ForeignLine& line) {
    unfiltered.log(to_spdlog(agent_level(line.text)), json ? json_line(line) : text_line(line));
  }

  void keep(const Line& line) {
    if (line.level < Level::info) return;
    if (!recent.empty() && same_words(recent.back(), line)) {
      ++recent.back().times;
      recent.back().at = line.at;
      return;
    }
    recent.push_back(line);
    if (recent.size() > kept) recent.pop_front();
  }
};

Log& the_log() {
  static Log log;
  return log;
}

}  // namespace

void set_up(std::string_view level, bool json) {
  flush();
  Log& log = the_log();
  log.own.set_level(to_spdlog(parse_level(level).value_or(Level::info)));
  log.json = json;
  log.sink->journal = standard_error_is_journal();
}

void write(Level level, std::string message, Fields fields) {
  Log& log = the_log();
  Line line{std::chrono::system_clock::now(), level, std::move(message), std::move(fields)};
  log.keep(line);
  if (!log.own.should_log(to_spdlog(level))) return;
  for (const Line& due : log.repeats.take(std::move(line))) log.put(log.own, due);
}

void complain(std::string_view text) {
  flush();
  Log& log = the_log();
  if (log.json) return log.put(log.unfiltered, {std::chrono::system_clock::now(), Level::error, std::string(text), {}});
  // Where a text has several lines, each has its priority.
  std::string rest = "lictor: " + std::string(text);
  for (std::size_t end = 0; end != std::string::npos;) {
    end = rest.find('\n');
    log.unfiltered.log(spdlog::level::err, harmless(rest.substr(0, end)));
    if (end != std::string::npos) rest.erase(0, end + 1);
  }
}

void flush() {
  Log& log = the_log();
  if (const auto held = log.foreign.rest()) log.put(*held);
  if (const auto held = log.repeats.rest()) log.put(log.unfiltered, *held);
}

std::vector<Line> recent() { return {the_log().recent.begin(), the_log().recent.end()}; }

void agent_line(std::string_view line, std::string_view source) {
  Log& log = the_log();
  ForeignLine said{std::chrono::system_clock::now(), std::string(line), std::string(source)};
  for (const ForeignLine& due : log.foreign.take(std::move(said))) log.put(due);
}

}  // namespace lictor::log
