// When a process that mostly rests gives its memory back: once it has come to rest, and again whenever more than its routine has been
// touched since. What the routine needs comes back with its next turn, and is not counted.
#pragma once

#include <optional>

namespace lictor {

class PagesAtRest {
 public:
  // Pages of 4 kB, or of code that is mapped sixteen at a time, which are not worth it.
  static constexpr long to_spare = 8;

  // To be asked each time that there is nothing to do for a while, with the pages that the process has come by since its start
  // (pages_come_by). True: memory is to be given back now.
  bool worth_giving_back(long pages) {
    if (!routine_) routine_ = pages;
    if (pages - *routine_ < to_spare) return false;
    routine_.reset();
    return true;
  }

 private:
  std::optional<long> routine_ = 0;  // come by when the routine was there again; nothing while it is yet to be
};

}  // namespace lictor
