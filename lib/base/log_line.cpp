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

std::string in_quotes(std::string_view text) { return json_text(text); }

bool plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
  });
}

// What is left of a line of the agent's log without its time; nothing where it tells none.
std::optional<std::string> without_time(std::string_view line) {
  constexpr std::string_view form = "0000-00-00T00:00:00", json_key = R"("@timestamp":")";
  std::size_t begin = line.find_first_not_of(' '), end = begin;
  if (begin == std::string_view::npos) return std::nullopt;
  if (line[begin] == '{') {
    begin = line.find(json_key);
    if (begin == std::string_view::npos) return std::nullopt;
    begin += json_key.size();
    end = line.find('"', begin);
  } else {
    const std::string_view time = line.substr(begin, form.size());
    const bool told =
        time.size() == form.size() && std::equal(time.begin(), time.end(), form.begin(), [](char c, char f) {
          return f == '0' ? std::isdigit(static_cast<unsigned char>(c)) != 0 : c == f;
        });
    if (!told) return std::nullopt;
    end = line.find(' ', begin);
  }
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(line.substr(0, begin)) + std::string(line.substr(end));
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

bool same_words(const ForeignLine& a, const ForeignLine& b) {
  const auto said = without_time(a.text);
  return said && a.source == b.source && said == without_time(b.text);
}

std::string text_line(const ForeignLine& line) {
  return harmless(line.text) + (line.times > 1 ? fmt::format(" repeated={}", line.times) : "");
}

std::string json_line(const ForeignLine& line) {
  constexpr std::array<std::string_view, 5> taken{"time", "level", "message", "source", "repeated"};
  const std::string more = fmt::format(R"(,"source":"{}")", line.source) +
                           (line.times > 1 ? fmt::format(R"(,"repeated":{})", line.times) : "");
  // Within the limits of what others write; read again for the order that its fields stand in.
  const nlohmann::json checked = foreign_json(line.text);
  if (!checked.is_object() || text_of(checked, "@message").empty())
    return json_begin(line.at, agent_level(line.text), line.text) + more + "}";
  std::string json = json_begin(line.at, agent_level(line.text), text_of(checked, "@message")) + more;
  const auto object = nlohmann::ordered_json::parse(line.text);
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
