// Lictor's log: one line a decision, on standard error (spdlog behind it). Text or one JSON object a line.
//
//   text   2026-11-24T05:24:18.123Z info  message
//   json   {"time":"2026-11-24T05:24:18.123Z","level":"info","message":"message"}
//
// A line is written with one call, so that it stays whole beside the agent's. Times are UTC. Line breaks inside a text
// message become blanks; bytes that are no UTF-8 become U+FFFD in json.
#pragma once

#include <string>
#include <string_view>

namespace lictor::log {

enum class Level { trace, debug, info, warn, error };

// Until called: info, text. `level` is one of the names above (another one counts as info); json: one object a line.
void set_up(std::string_view level, bool json);

void write(Level level, std::string_view message);
inline void debug(std::string_view message) { write(Level::debug, message); }
inline void info(std::string_view message) { write(Level::info, message); }
inline void warn(std::string_view message) { write(Level::warn, message); }
inline void error(std::string_view message) { write(Level::error, message); }

// A line of the agent's own output, without its line break, for the json format: wrapped whole, with "source":"agent" and
// its level where that can be recognised ("[WARN]", or "@level":"warn" in Consul's own json), else info. The agent has
// filtered by its own log level already: lictor's does not apply. In text the line is passed on as it is.
void agent_line(std::string_view line);

// The level that a line of Consul's log names; info where it names none.
Level agent_level(std::string_view line);

}  // namespace lictor::log
