// What stands at a path, as a value.
#pragma once

#include <string>

namespace lictor {

// As a user finds it.
struct FileLook {
  enum Kind { missing, unreadable, folder, file, other } kind = missing;
  std::string text;       // of a file that was to be read
  bool writable = false;  // of a folder
  bool empty = false;     // of a folder
};

}  // namespace lictor
