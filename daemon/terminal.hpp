// What commands show on a terminal and nowhere else.
#pragma once

#include "base/text.hpp"

#include <chrono>
#include <string>

namespace lictor {

// One line on standard error, where that is a terminal, that tells what is waited for and for how long: from the second
// second on. It is gone when this object is.
class Progress {
 public:
  explicit Progress(std::string awaited);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool shown() const { return terminal_; }
  // `detail`: what keeps it from being over, as far as is known.
  void show(const std::string& detail);

 private:
  std::string awaited_;
  bool terminal_;
  std::chrono::steady_clock::time_point began_;
  std::string line_;
};

// The alternate screen, without a cursor, for a page that is watched; when this object is gone the terminal is as it was, and
// the page as it was last is printed below what stood there.
class WatchedPage {
 public:
  WatchedPage();
  ~WatchedPage();
  WatchedPage(const WatchedPage&) = delete;
  WatchedPage& operator=(const WatchedPage&) = delete;

  // With one write, each line over the one that stood there, so that nothing is blank in between.
  void show(const std::string& text);

 private:
  std::string shown_;
};

// Of the terminal behind `fd`; 0 where that is none.
struct TerminalSize {
  unsigned columns = 0, rows = 0;
};
TerminalSize terminal_size(int fd);

// Whether `fd` is a terminal, and NO_COLOR is not set.
bool colours_wanted(int fd);

// As wide as the terminal behind `fd`, and in colour where that is wanted; plain and never wrapped where it is none.
PageStyle page_style(int fd);

}  // namespace lictor
