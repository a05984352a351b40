// Files as another user finds them, seen from a process of root.
#pragma once

#include "files/file_look.hpp"
#include "files/io/as_user.hpp"

#include <string>

namespace lictor {

// What stands at `path`; of a file its text, up to 1 MiB.
FileLook look_at_file(const std::string& path);

}  // namespace lictor
