#include "ground_identity.hpp"

#include "base/json_text.hpp"
#include "files/io/files.hpp"
#include "ground.hpp"
#include "identity/io/identity_files.hpp"
#include "network/io/gossip_cipher.hpp"
#include "network/io/gossip_ping.hpp"
#include "process/io/host.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace lictor {
namespace {

// A link that is not followed says no more than garbage does, and is replaced as that is.
Result<std::optional<std::string>> read_record(const std::string& path) {
  auto text = read_file(path);
  struct stat about {};
  if (text || lstat(path.c_str(), &about) != 0 || !S_ISLNK(about.st_mode)) return text;
  return std::optional(std::string());
}

// The keys of the agent's gossip, as of its last run: those of its keyring, the first of which encrypts, and the configured one.
std::vector<std::string> gossip_keys(const Json& agent, const PlanFacts& facts) {
  std::vector<std::string> keys;
  const auto add = [&keys](const std::string& text) {
    if (auto key = gossip_key_bytes(text)) keys.push_back(std::move(*key));
  };
  const std::string path = keyring_path(facts);
  const auto text = read_file(path);
  if (const auto keyring = parse_keyring(path, text && *text ? **text : ""))
    std::for_each(keyring->begin(), keyring->end(), add);
  add(facts.secrets.encrypt);
  add(text_setting(agent, "encrypt").value_or(""));
  return keys;
}

// The stored address, where it is no more this node's and a node of the stored name answers there.
std::string twin_of(const Json& agent, const PlanFacts& facts, const StoredIdentity& stored,
                    const std::string& machine) {
  const auto record = stored.record ? parse_identity(*stored.record) : std::nullopt;
  if (!record || record->address == facts.bind.address) return "";
  if (of_another_machine(*record, machine)) return "";  // that is known without asking
  const auto ports = agent.find("ports");
  const std::int64_t own = ports != agent.end() && ports->is_object() ? integer_of(*ports, "serf_lan") : 0;
  constexpr std::uint16_t usual = 8301;
  const std::uint16_t port = own > 0 && own <= UINT16_MAX ? static_cast<std::uint16_t>(own) : usual;
  return answers_as(record->address, port, record->name, gossip_keys(agent, facts)) ? record->address : "";
}

// Places that gave settings at the last start, and give none.
std::vector<std::string> gone_since(const StoredIdentity& stored, const SettingsPlaces& places) {
  const auto record = stored.record ? parse_identity(*stored.record) : std::nullopt;
  std::vector<std::string> gone = record ? record->settings_in : std::vector<std::string>();
  std::erase_if(gone, [&places](const std::string& place) {
    const auto now = places.find(place);
    // One that is not looked at any more is no matter while it is there.
    return now != places.end() ? now->second != Given::nothing : access(place.c_str(), F_OK) == 0;
  });
  return gone;
}

}  // namespace

Result<StoredIdentity> stored_identity(const std::string& data_dir, const std::optional<Identity>& running) {
  if (running) return StoredIdentity{format_identity(*running), running->id};
  auto record = read_record(identity_path(data_dir));
  if (!record) return record.error();
  auto node_id = read_record(node_id_path(data_dir));
  if (!node_id) return node_id.error();
  return StoredIdentity{std::move(*record), std::move(*node_id)};
}

Result<IdentityVerdict> settled_identity(const Settings& settings, const AgentConfig& config, const PlanFacts& facts,
                                         const StoredIdentity& stored, bool at_start, bool left) {
  const Json& agent = config.effective().merged;
  IdentityInput input;
  input.left = left;
  input.datacenter = text_setting(agent, "datacenter");
  input.settings_in = giving(config.places);
  if (at_start) input.gone = gone_since(stored, config.places);
  input.configured_id = text_setting(agent, "node_id");
  input.configured_name = settings.node.name ? settings.node.name : text_setting(agent, "node_name");
  input.stored_text = stored.record;
  input.node_id_text = stored.node_id;
  input.host_name = host_name();
  input.address = facts.bind.address;
  input.machine = machine_hash();
  input.fresh_id = random_uuid();
  input.now = now_rfc3339();
  input.keep_name = settings.node.keep_name;
  input.refuse_clone = settings.node.refuse_clone;
  if (at_start) input.twin = twin_of(agent, facts, stored, input.machine);
  return settle_identity(input);
}

}  // namespace lictor
