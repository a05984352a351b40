#include "awaited.hpp"

#include "agent_config/start_faults.hpp"
#include "process/io/as_user.hpp"
#include "process/io/mount_watch.hpp"

#include <algorithm>

namespace lictor {

bool may_come(const Problems& problems) {
  return !problems.empty() &&
         std::all_of(problems.begin(), problems.end(), [](const Problem& p) { return p.exit == Exit::retry; });
}

Problems worst_first(Problems problems) {
  std::stable_partition(problems.begin(), problems.end(), [](const Problem& p) { return p.exit != Exit::retry; });
  return problems;
}

Problems as_broken(Problems problems) {
  for (Problem& problem : problems) {
    if (problem.exit == Exit::retry) problem.exit = Exit::config;
  }
  return problems;
}

ResultAll<Settings> settings_without_file(const Environment& environment) {
  return read_settings(std::nullopt, environment);
}

Problems missing_mounts(const Settings& settings) {
  Problems missing;
  for (const std::string& path : settings.wait.mounts) {
    if (!is_mount_point(path))
      missing.push_back(Problem{"wait.mounts", path + ": nothing is mounted there",
                                "mount the volume, or take the path out of the list", Exit::retry});
  }
  return missing;
}

Problems missing_certificates(const Sources& sources) {
  const AgentSettings& agent = sources.config.effective();
  std::map<std::string, FileLook> files;
  const std::vector<std::string> paths = tls_paths(agent);
  if (paths.empty()) return {};
  const AsUser as_user(file_user(sources.facts));
  for (const std::string& path : paths) files[path] = look_at_file(path);
  return tls_files_missing(agent, files);
}

}  // namespace lictor
