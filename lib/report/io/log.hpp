// Lictor's log: its lines (base/log_line.hpp) on standard error (spdlog behind it), as text or one JSON object a line.
//
// A line is written with one call, so that it stays whole beside the agent's. Where standard error is the journal, each
// begins with its priority, "<4>" for a warning: `journalctl -p warning` then shows what it says.
#pragma once

#include "base/log_line.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lictor::log {

// Until called: info, text. Lictor's own lines below `level` are not written (an unknown name counts as info); json: one
// object a line. Whether standard error is the journal is looked at once more.
void set_up(std::string_view level, bool json);

// Held back where it only repeats the line before (Repeats). No secret may be in it.
void write(Level level, std::string message, Fields fields = {});
inline void debug(std::string message, Fields fields = {}) {
  write(Level::debug, std::move(message), std::move(fields));
}
inline void info(std::string message, Fields fields = {}) { write(Level::info, std::move(message), std::move(fields)); }
inline void warn(std::string message, Fields fields = {}) { write(Level::warn, std::move(message), std::move(fields)); }
inline void error(std::string message, Fields fields = {}) {
  write(Level::error, std::move(message), std::move(fields));
}

// What a command complains of, and the last word of one that has failed, whatever the level: "lictor: " and the text; in
// json an error. Nothing is held back any more before it.
void complain(std::string_view text);

// Writes what is still held back. To be called at the end.
void flush();

// The last ten of lictor's own lines of info and above, oldest first, whatever `level` says. A line that was said several
// times in a row is one of them.
std::vector<Line> recent();

// A line of the output of the agent, or of another child, `source`, without its line break: in text harmless() and else as it is,
// in json as json_line has it. Held back where it only repeats the line before but for its time. The agent has filtered by its
// own log level already: lictor's does not apply.
void agent_line(std::string_view line, std::string_view source = "agent");

}  // namespace lictor::log
