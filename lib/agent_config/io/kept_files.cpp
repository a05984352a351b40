#include "agent_config/io/kept_files.hpp"

#include "agent_config/kept_files.hpp"
#include "files/io/files.hpp"
#include "files/io/folder.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace lictor {

Result<void> fit_kept_files(const std::string& data_dir, const AgentVersion& version) {
  std::optional<Problem> first;
  for (const char* within : {"/services/", "/checks/", "/checks/state/"}) {
    const std::string folder = data_dir + within;
    std::vector<std::string> names;
    each_name(folder, [&](std::string_view name) {
      if (!name.ends_with("tmp")) names.emplace_back(name);  // half of a file, which no agent reads
      return true;
    });
    for (const std::string& name : names) {
      const auto fitting = fit_for(version, {name, content_of(folder + name)});
      if (!fitting) continue;
      const auto written =
          write_atomically(folder + fitting->name, fitting->content, {.uid = {}, .gid = {}, .exact = false});
      if (!written && !first) first = written.error();
      if (written && fitting->name != name) unlink_below(folder + name);
    }
  }
  return first ? Result<void>(*first) : Result<void>{};
}

}  // namespace lictor
