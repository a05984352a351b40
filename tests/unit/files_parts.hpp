// Files of a test's own.
#pragma once

#include <fstream>
#include <string>

#include "files/io/files.hpp"
#include "temporary_folder.hpp"
#include "test.hpp"

namespace files_parts {

using Folder = TemporaryFolder;

inline void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string get(const std::string& path) {
  const auto content = lictor::read_file(path);
  REQUIRE(content.has_value());
  return content->value_or("(missing)");
}

}  // namespace files_parts
