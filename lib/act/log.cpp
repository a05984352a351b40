#include "act/log.hpp"

#include "decide/time.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <memory>

namespace lictor::log {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"trace", "debug", "info", "warn", "error"};
constexpr std::string_view kAgent = "agent";

std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// spdlog's own sinks come with its pattern machinery, which can't write JSON.
class StandardError : public spdlog::sinks::sink {
 public:
  bool json = false;

  void log(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const bool agent = std::string_view(message.logger_name.data(), message.logger_name.size()) == kAgent;
    const std::string_view level = kNames[std::min<size_t>(static_cast<size_t>(message.level), kNames.size() - 1)];
    std::string line;
    if (json) {
      line = fmt::format(R"({{"time":"{}","level":"{}","message":{}{}}})", rfc3339(message.time), level, quoted(text),
                         agent ? R"(,"source":"agent")" : "");
    } else if (agent) {
      line = text;
    } else {
      line = fmt::format("{} {:<5} {}", rfc3339(message.time), level, text);
      std::replace_if(
          line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    }
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

struct Loggers {
  std::shared_ptr<StandardError> sink = std::make_shared<StandardError>();
  spdlog::logger own{"lictor", sink};
  spdlog::logger agent{std::string(kAgent), sink};
  Loggers() { agent.set_level(spdlog::level::trace); }
};

Loggers& loggers() {
  static Loggers all;
  return all;
}

spdlog::level::level_enum to_spdlog(Level level) { return static_cast<spdlog::level::level_enum>(level); }

static_assert(static_cast<int>(Level::trace) == SPDLOG_LEVEL_TRACE &&
              static_cast<int>(Level::error) == SPDLOG_LEVEL_ERROR);

}  // namespace

void set_up(std::string_view level, bool json) {
  const auto at = std::find(kNames.begin(), kNames.end(), level);
  loggers().own.set_level(at == kNames.end() ? spdlog::level::info
                                             : static_cast<spdlog::level::level_enum>(at - kNames.begin()));
  loggers().sink->json = json;
}

void write(Level level, std::string_view message) {
  loggers().own.log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

void agent_line(std::string_view line) {
  loggers().agent.log(to_spdlog(agent_level(line)), spdlog::string_view_t(line.data(), line.size()));
}

Level agent_level(std::string_view line) {
  constexpr std::string_view kJsonKey = R"("@level":")";
  auto at = line.find(kJsonKey);
  at = at == std::string_view::npos ? line.find('[') : at + kJsonKey.size() - 1;
  if (at == std::string_view::npos) return Level::info;
  std::string word;
  for (const char c : line.substr(at + 1)) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (word == "err") return Level::error;
  const auto name = std::find(kNames.begin(), kNames.end(), word);
  return name == kNames.end() ? Level::info : static_cast<Level>(name - kNames.begin());
}

}  // namespace lictor::log
