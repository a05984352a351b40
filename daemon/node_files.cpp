#include "node_files.hpp"

#include "base/json_text.hpp"
#include "files/io/ownership.hpp"
#include "files/io/storage.hpp"
#include "process/io/host.hpp"
#include "trust.hpp"

#include <unistd.h>

#include <tuple>
#include <utility>

namespace lictor {

namespace {

Result<void> make_if_missing(const std::string& folder) {
  if (access(folder.c_str(), F_OK) == 0) return {};
  return make_directory(folder, 0755, {}, {});
}

Result<void> acquire(std::optional<FileLock>& lock, const std::string& folder, std::optional<uid_t> uid = {},
                     std::optional<gid_t> gid = {}) {
  auto held = FileLock::acquire(folder + "/lictor.lock", uid, gid);
  if (!held) return held.error();
  lock = std::move(*held);
  return {};
}

}  // namespace

Result<void> lock_run_dir(const Settings& settings, Locks& locks) {
  if (locks.run_dir) return {};
  if (auto made = make_if_missing(settings.run_dir); !made) return made;
  return acquire(locks.run_dir, settings.run_dir);
}

Result<void> lock(const Sources& sources, Locks& locks) {
  const auto& [data_dir, uid, gid] = std::tie(sources.facts.data_dir, sources.facts.uid, sources.facts.gid);
  if (locks.run_dir && locks.data_dir) return {};
  if (auto refused = handover_refused(sources.settings, sources.config, data_dir, uid)) return std::move(*refused);
  if (auto held = lock_run_dir(sources.settings, locks); !held) return held;
  if (auto made = make_if_missing(data_dir); !made) return made;
  // Before the first file is made there.
  if (auto fit = check_data_dir(data_dir, uid); !fit) return fit.error();
  const bool given = geteuid() == 0;
  return acquire(locks.data_dir, data_dir, given ? std::optional(uid) : std::nullopt,
                 given ? std::optional(gid) : std::nullopt);
}

Result<void> make_folders(const Ground& ground) {
  const PlanFacts& facts = ground.facts;
  if (auto made = make_directory(agent_folder(ground.settings), 0700, facts.uid, facts.gid); !made) return made;
  if (geteuid() == 0) {
    // Looked at once more: the file that names the directory may be another one by now.
    if (auto refused = handover_refused(ground.settings, ground.config, facts.data_dir, facts.uid))
      return std::move(*refused);
    if (auto given = give_ownership(facts.data_dir, facts.uid, facts.gid); !given) return given.error();
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
