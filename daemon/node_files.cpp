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

Result<void> acquire(Locks& locks, std::optional<FileLock> Locks::*lock, const std::string& folder,
                     std::optional<uid_t> uid = {}, std::optional<gid_t> gid = {}) {
  const std::string path = folder + "/lictor.lock";
  auto held = FileLock::acquire(path, uid, gid);
  if (!held) return held.error();
  locks.taken = !*held;
  if (locks.taken)
    return Problem{path, "held by " + lock_holder(path),
                   "stop the other lictor, or give this one directories of its own", Exit::retry};
  locks.*lock = std::move(*held);
  return {};
}

}  // namespace

Result<void> lock_run_dir(const Settings& settings, Locks& locks) {
  locks.taken = false;
  if (locks.run_dir) return {};
  if (!is_there(settings.run_dir)) {
    if (auto made = make_directory(settings.run_dir, {.mode = 0755, .uid = {}, .gid = {}}); !made) return made;
  }
  return acquire(locks, &Locks::run_dir, settings.run_dir);
}

Result<void> lock(const Sources& sources, Locks& locks) {
  locks.taken = false;
  const FileUser user = file_user(sources.facts);
  const std::string& data_dir = sources.facts.data_dir;
  if (locks.run_dir && locks.data_dir) return {};
  if (auto refused = handover_refused(sources.settings, sources.config, data_dir, user.uid)) return std::move(*refused);
  if (auto held = lock_run_dir(sources.settings, locks); !held) return held;
  const bool given = geteuid() == 0;
  const auto uid = given ? std::optional(user.uid) : std::nullopt;
  const auto gid = given ? std::optional(user.gid) : std::nullopt;
  if (!is_there(data_dir)) {
    if (auto made = make_data_dir(data_dir, user); !made) return made;
  }
  // Before the first file is made there: whatever mode and owner the file system has given it.
  if (auto fit = check_data_dir(data_dir, user); !fit) return fit.error();
  return acquire(locks, &Locks::data_dir, data_dir, uid, gid);
}

Result<void> make_folders(const Ground& ground) {
  const PlanFacts& facts = ground.facts;
  if (auto made = make_directory(agent_folder(ground.settings), {.mode = 0700, .uid = facts.uid, .gid = facts.gid});
      !made)
    return made;
  if (geteuid() == 0) {
    // Looked at once more: the file that names the directory may be another one by now.
    if (auto refused = handover_refused(ground.settings, ground.config, facts.data_dir, facts.uid))
      return std::move(*refused);
    const auto given = give_ownership(facts.data_dir, facts.uid, facts.gid);
    // What no root may give away its user may be able to work with as it is.
    if (!given && !(not_permitted(errno) && user_may_write(facts.data_dir, file_user(facts)))) return given.error();
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
