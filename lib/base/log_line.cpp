#include "base/log_line.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace lictor {
namespace {

constexpr std::array<const char*, 5> names = {"trace", "debug", "info", "warn", "error"};
constexpr std::chrono::minutes quiet{1};

std::string in_quotes(std::string_view text) { return json_text(text); }

bool plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
  });
}

std::string json_value(const Field& field) {
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&field.value)) return json_text(*number);
  return in_quotes(std::get<std::string>(field.value));
}

std::string text_value(const Field& field) {
  const auto* text = std::get_if<std::string>(&field.value);
  return text && plain(*text) ? *text : json_value(field);
}

Fields all_fields(const Line& line) {
  Fields all = line.fields;
  if (line.times > 1) all.push_back({"repeated", line.times});
  return all;
}

// The members that every object begins with.
std::string json_begin(WallTime at, Level level, std::string_view message) {
  return fmt::format(R"({{"time":"{}","level":"{}","message":{})", rfc3339_milliseconds(at), to_string(level),
                     in_quotes(message));
}

}  // namespace

const char* to_string(Level level) { return names.at(static_cast<std::size_t>(level)); }

std::optional<Level> parse_level(std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return std::nullopt;
  return static_cast<Level>(at - names.begin());
}

bool same_words(const Line& a, const Line& b) {
  return a.level == b.level && a.message == b.message && a.fields == b.fields;
}

std::string text_line(const Line& line) {
  return fmt::format("{} {:<5} {}", rfc3339_milliseconds(line.at), to_string(line.level), words(line));
}

std::string words(const Line& line) {
  std::string text = line.message;
  for (const Field& field : all_fields(line)) text += " " + field.key + "=" + text_value(field);
  return harmless(text);
}

std::string json_line(const Line& line) {
  std::string json = json_begin(line.at, line.level, line.message);
  for (const Field& field : all_fields(line)) json += ",\"" + field.key + "\":" + json_value(field);
  return json + "}";
}

std::vector<Line> Repeats::take(Line line) {
  const bool same = last_ && same_words(*last_, line);
  if (same) {
    line.times = last_->times + 1;
    const bool early = line.at >= written_ && line.at - written_ < quiet;
    if (early) {
      last_ = std::move(line);
      return {};
    }
  }
  std::vector<Line> all;
  if (auto held = rest(); held && !same) all.push_back(std::move(*held));
  all.push_back(line);
  written_ = line.at;
  last_ = std::move(line);
  last_->times = 0;
  return all;
}

std::optional<Line> Repeats::rest() {
  if (!last_ || last_->times == 0) return std::nullopt;
  Line held = *last_;
  last_->times = 0;
  return held;
}

Level agent_level(std::string_view line) {
  constexpr std::string_view json_key = R"("@level":")";
  auto at = line.find(json_key);
  at = at == std::string_view::npos ? line.find('[') : at + json_key.size() - 1;
  if (at == std::string_view::npos) return Level::info;
  std::string word;
  for (const char c : line.substr(at + 1)) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word == "err" ? Level::error : parse_level(word).value_or(Level::info);
}

std::string json_agent_line(WallTime at, std::string_view line, std::string_view source) {
  constexpr std::array<std::string_view, 5> taken{"time", "level", "message", "source", "repeated"};
  const std::string from = fmt::format(R"(,"source":"{}")", source);
  // Within the limits of what others write; read again for the order that its fields stand in.
  const nlohmann::json checked = foreign_json(line);
  if (!checked.is_object() || text_of(checked, "@message").empty())
    return json_begin(at, agent_level(line), line) + from + "}";
  std::string json = json_begin(at, agent_level(line), text_of(checked, "@message")) + from;
  const auto object = nlohmann::ordered_json::parse(line);
  for (const auto& [key, value] : object.items()) {
    if (key == "@message" || key == "@level") continue;
    const bool known = std::find(taken.begin(), taken.end(), key) != taken.end();
    json += "," + in_quotes((known ? "@" : "") + key) + ":" +
            value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  return json + "}";
}

bool is_journal(std::string_view journal_stream, std::uint64_t device, std::uint64_t inode) {
  return journal_stream == fmt::format("{}:{}", device, inode);
}

const char* journal_prefix(Level level) {
  switch (level) {
    case Level::error:
      return "<3>";
    case Level::warn:
      return "<4>";
    case Level::info:
      return "<6>";
    case Level::trace:
    case Level::debug:
      break;
  }
  return "<7>";
}

}  // namespace lictor
