#include "node_files.hpp"

#include "base/json_text.hpp"
#include "files/io/as_user.hpp"
#include "files/io/ownership.hpp"
#include "files/io/storage.hpp"
#include "process/io/host.hpp"
#include "trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>
#include <utility>

namespace lictor {

namespace {

bool is_there(const std::string& folder) {
  return by_whoever_may([&folder]() -> Result<void> {
           struct stat about {};
           if (::stat(folder.c_str(), &about) == 0) return {};
           return Problem{};
         })
      .has_value();
}

}  // namespace

Result<Locks> lock(const Sources& sources) {
  const Settings& settings = sources.settings;
  const auto& [data_dir, uid, gid] = std::tie(sources.facts.data_dir, sources.facts.uid, sources.facts.gid);
  if (auto refused = handover_refused(settings, sources.config, data_dir, uid)) return std::move(*refused);
  Locks locks;
  for (const auto& [folder, file] :
       {std::pair(settings.run_dir, &locks.run_dir), std::pair(data_dir, &locks.data_dir)}) {
    const bool data = file == &locks.data_dir;
    const bool given = data && geteuid() == 0;
    const std::optional<uid_t> user = given ? std::optional(uid) : std::nullopt;
    const std::optional<gid_t> group = given ? std::optional(gid) : std::nullopt;
    if (!is_there(folder)) {
      if (auto made = make_directory(folder, 0755, user, group); !made) return made.error();
    }
    // Before the first file is made there.
    if (data) {
      if (auto fit = check_data_dir(data_dir, uid, gid); !fit) return fit.error();
    }
    auto held = FileLock::acquire(folder + "/lictor.lock", user, group);
    if (!held) return held.error();
    *file = std::move(*held);
  }
  return locks;
}

Result<void> make_folders(const Ground& ground) {
  const PlanFacts& facts = ground.facts;
  if (auto made = make_directory(agent_folder(ground.settings), 0700, facts.uid, facts.gid); !made) return made;
  if (geteuid() == 0) {
    // Looked at once more: the file that names the directory may be another one by now.
    if (auto refused = handover_refused(ground.settings, ground.config, facts.data_dir, facts.uid))
      return std::move(*refused);
    const auto given = give_ownership(facts.data_dir, facts.uid, facts.gid);
    // What no root may give away its user may be able to work with as it is.
    if (!given && !(not_permitted(errno) && user_may_write(facts.data_dir, facts.uid, facts.gid))) return given.error();
  }
  return {};
}

Result<void> write_consul_json(const Ground& ground, const std::string& path) {
  const FileAttributes attributes{.mode = 0600, .uid = ground.facts.uid, .gid = ground.facts.gid, .durable = false};
  const auto written = install_file(path, json_text(ground.plan.consul_json, 2) + "\n", attributes);
  if (!written) return written.error();
  return {};
}

Result<void> install_consul_json(Ground& ground) {
  if (!ground.plan.token.empty()) {
    ground.facts.recovery_token = random_uuid();
    auto plan = make_plan(ground.settings, ground.planned(), ground.facts);
    if (!plan) return plan.error().front();
    ground.plan = std::move(*plan);
    ground.let_definitions_go();
  }
  return write_consul_json(ground, ground.facts.config_path);
}

}  // namespace lictor
