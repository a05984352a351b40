// What a life leaves behind of its timeline: data_dir/lictor-timeline.json. It is in the data directory because that is what
// outlasts a pod, a container and, under systemd, the service's run directory.
#pragma once

#include "files/io/files.hpp"
#include "report/timeline.hpp"

#include <string>
#include <vector>

namespace lictor {

std::string timeline_path(const std::string& data_dir);  // lictor-timeline.json

// Replaces the record as a whole. It is not waited until the disk has it: a stop does not take longer for it, and a crash of
// the host may lose it. Problems as of write_atomically.
Result<void> leave_timeline(const std::vector<Course>& courses, const std::string& data_dir,
                            const FileAttributes& attributes);

// Nothing without a file. What can't be read, or is no timeline, is a problem (Exit::incomplete).
Result<std::vector<Course>> left_timeline(const std::string& data_dir);

}  // namespace lictor
