#include "report/io/timeline_file.hpp"

namespace lictor {

std::string timeline_path(const std::string& data_dir) { return data_dir + "/lictor-timeline.json"; }

Result<void> leave_timeline(const std::vector<Course>& courses, const std::string& data_dir,
                            const FileAttributes& attributes) {
  return write_atomically(timeline_path(data_dir), timeline_json(courses), attributes);
}

Result<std::vector<Course>> left_timeline(const std::string& data_dir) {
  constexpr std::size_t longest = 64 * 1024;  // ten times what is ever written
  const std::string path = timeline_path(data_dir);
  const auto text = read_file(path, longest);
  if (!text) {
    Problem problem = text.error();
    problem.exit = Exit::incomplete;
    return problem;
  }
  if (!*text) return std::vector<Course>{};
  return parse_timeline(path, **text);
}

}  // namespace lictor
