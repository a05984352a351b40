#include "terminal.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "commands.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace lictor {

bool colours_wanted(int fd) {
  const char* refused = getenv("NO_COLOR");
  return isatty(fd) == 1 && (!refused || *refused == '\0');
}

PageStyle page_style(int fd) { return {.width = terminal_size(fd).columns, .colour = colours_wanted(fd)}; }

TerminalSize terminal_size(int fd) {
  winsize size{};
  if (isatty(fd) != 1) return {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

Progress::Progress(std::string awaited)
    : awaited_(std::move(awaited)), terminal_(isatty(STDERR_FILENO) == 1), began_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (!line_.empty()) fmt::print(stderr, "\r\x1b[K");
}

void Progress::show(const std::string& detail) {
  const auto waited = std::chrono::steady_clock::now() - began_;
  if (!terminal_ || waited < std::chrono::seconds(1)) return;
  std::string line =
      fmt::format("waiting for {}: {}", awaited_, format_duration(std::chrono::floor<std::chrono::seconds>(waited)));
  if (!detail.empty()) line += " (" + harmless(detail) + ")";
  // A line that is wrapped can't be taken back.
  if (const unsigned columns = terminal_size(STDERR_FILENO).columns; line.size() >= columns)
    line = cut(line, columns - 1);
  if (line == line_) return;
  line_ = std::move(line);
  fmt::print(stderr, "\r{}\x1b[K", line_);
}

WatchedPage::WatchedPage() { print("\x1b[?1049h\x1b[?25l"); }

WatchedPage::~WatchedPage() { print("\x1b[?25h\x1b[?1049l" + shown_); }

void WatchedPage::show(const std::string& text) {
  if (text == shown_) return;
  shown_ = text;
  std::string out = "\x1b[H";
  unsigned rows = std::max(2U, terminal_size(STDOUT_FILENO).rows) - 1;
  for (std::size_t begin = 0; begin < text.size() && rows > 0; --rows) {
    const std::size_t end = text.find('\n', begin);
    out += text.substr(begin, end - begin) + "\x1b[K\n";
    begin = end + 1;
  }
  print(out + "\x1b[J");
}

}  // namespace lictor
