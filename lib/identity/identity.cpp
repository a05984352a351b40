#include "identity/identity.hpp"

#include "base/json.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace lictor {
namespace {

constexpr const char* settings_origin = "agent settings";
constexpr const char* stored_origin = "lictor-identity.json";
constexpr const char* node_id_origin = "node-id";
constexpr const char* new_origin = "new";
constexpr const char* host_name_origin = "host name";
constexpr const char* default_datacenter = "dc1";  // the agent's

std::optional<std::string> not_empty(const std::optional<std::string>& text) {
  return text && !text->empty() ? text : std::nullopt;
}

// What a person should know of what was found broken, in one line; nothing if all was well.
std::optional<std::string> mending(const IdentityInput& input, const IdentityVerdict& verdict, bool stored_broken,
                                   const std::optional<std::string>& node_id) {
  std::vector<std::string> broken;
  if (stored_broken) broken.push_back("lictor-identity.json was unreadable");
  if (input.node_id_text && !node_id) {
    broken.push_back(trim(*input.node_id_text).empty() ? "node-id was empty" : "node-id was no UUID");
  } else if (node_id && *node_id != verdict.identity.id && verdict.id_origin == stored_origin) {
    broken.push_back("node-id said " + *node_id);
  }
  if (broken.empty()) return std::nullopt;
  return join(broken, " and ") + ": mended with node id " + verdict.identity.id +
         (verdict.id_origin == new_origin ? ", a new one" : ", from " + verdict.id_origin);
}

// One of them is the other one's first label, with a domain.
bool qualified_or_not(const std::string& one, const std::string& other) {
  const auto qualifies = [](const std::string& name, const std::string& whole) {
    return name.find('.') == std::string::npos && whole.starts_with(name + ".");
  };
  return qualifies(one, other) || qualifies(other, one);
}

// What `stored` is to be remembered for, when the node has another name or id by now.
std::vector<FormerSelf> former_of(const Identity& stored, const Identity& now) {
  std::vector<FormerSelf> former = stored.former;
  const FormerSelf last{stored.name, stored.id};
  if (last == FormerSelf{now.name, now.id}) return former;
  std::erase(former, last);
  former.push_back(last);
  if (former.size() > former_selves) former.erase(former.begin());
  return former;
}

Problem unsaid(const char* setting, const std::string& before, const std::string& now,
               const std::vector<std::string>& gone) {
  const std::string places = gone.empty() ? "" : fmt::format(" ({})", join(gone, ", "));
  return Problem{setting, fmt::format("was {}, and nothing says so any more; by default it would be {}", before, now),
                 fmt::format("put back what is gone{}, or set {} to what is meant", places, setting)};
}

}  // namespace

bool own_host_name(const std::string& name) {
  const std::string host = lower(trim(name));
  return !host.empty() && host != "(none)" && host != "localhost" && !host.starts_with("localhost.");
}

bool IdentityVerdict::fixed_id() const { return id_origin == settings_origin; }

bool of_another_machine(const Identity& stored, const std::string& machine) {
  return !stored.machine.empty() && !machine.empty() && stored.machine != machine;
}

Result<IdentityVerdict> settle_identity(const IdentityInput& input) {
  const auto wanted_id = not_empty(input.configured_id);
  const auto configured_id = wanted_id ? parse_uuid(*wanted_id) : std::nullopt;
  if (wanted_id && !configured_id) {
    return Problem{"node_id", "\"" + *wanted_id + "\" is no UUID",
                   "write it as 8-4-4-4-12 hexadecimal digits, or take it out of the agent settings", Exit::config};
  }
  const auto stored = input.stored_text ? parse_identity(*input.stored_text) : std::nullopt;
  const auto node_id = input.node_id_text ? parse_uuid(*input.node_id_text) : std::nullopt;
  const bool twin = stored && !input.twin.empty() && stored->address == input.twin && stored->address != input.address;
  const bool foreign = twin || (stored && of_another_machine(*stored, input.machine));
  if (foreign && input.refuse_clone) {
    return Problem{"node.on_clone",
                   "the data directory belongs to node " + stored->name + " on another machine" +
                       (twin ? ", which is alive at " + stored->address : ""),
                   "give this machine a data directory of its own, or set node.on_clone to new_id", Exit::config};
  }
  // What another machine left behind names that machine: neither its id nor its name may be used or cleared away here.
  const bool own = stored && !foreign;

  IdentityVerdict v;
  if (const auto name = not_empty(input.configured_name)) {
    v.identity.name = *name;
    v.name_origin = "node.name";
  } else if (own &&
             (input.keep_name || !own_host_name(input.host_name) || qualified_or_not(stored->name, input.host_name))) {
    v.identity.name = stored->name;
    v.name_origin = "stored";
  } else if (own_host_name(input.host_name)) {
    v.identity.name = input.host_name;
    v.name_origin = host_name_origin;
  } else {
    return Problem{"node.name", "the host has no name of its own yet (\"" + input.host_name + "\")",
                   "name the host, or set node.name", Exit::retry};
  }
  if (!is_utf8(v.identity.name))
    return Problem{"node.name", "the host's name is not UTF-8", "set node.name, or name the host anew", Exit::config};

  v.identity.datacenter = lower(not_empty(input.datacenter).value_or(default_datacenter));
  if (v.identity.datacenter == default_datacenter) v.identity.datacenter.clear();
  v.identity.settings_in = input.settings_in;
  const bool renamed = own && stored->name != v.identity.name;
  if (own && !not_empty(input.datacenter) && !stored->datacenter.empty())
    return unsaid("datacenter", stored->datacenter, default_datacenter, input.gone);
  if (renamed && v.name_origin == host_name_origin && !input.gone.empty())
    return unsaid("node.name", stored->name, v.identity.name, input.gone);
  const bool takes_fresh = renamed && !input.left;
  if (configured_id) {
    v.identity.id = *configured_id;
    v.id_origin = settings_origin;
  } else if (own && !takes_fresh) {
    v.identity.id = stored->id;
    v.id_origin = stored_origin;
  } else if (node_id && !foreign && !takes_fresh) {
    v.identity.id = *node_id;
    v.id_origin = node_id_origin;
  } else {
    v.identity.id = input.fresh_id;
    v.id_origin = new_origin;
  }

  v.identity.address = input.address;
  // A host that has lost its machine id is no reason to forget what the directory knew.
  v.identity.machine = input.machine.empty() && own ? stored->machine : input.machine;
  if (own) v.identity.former = former_of(*stored, v.identity);
  v.identity.when = stored ? stored->when : input.now;
  if (!stored || v.identity != *stored) v.identity.when = input.now;
  if (renamed) v.former_name = stored->name;
  if (own && stored->address != v.identity.address) v.former_address = stored->address;
  if (!foreign) v.mended = mending(input, v, input.stored_text && !stored, node_id);
  v.cloned = foreign && !configured_id;
  if (twin) v.twin = input.twin;
  return v;
}

std::optional<Identity> parse_identity(const std::string& text) {
  const auto json = foreign_json(text);
  if (!json.is_object()) return std::nullopt;
  bool complete = true;
  const auto field = [&](const char* key) {
    const auto it = json.find(key);
    if (it != json.end() && it->is_string()) return it->get<std::string>();
    complete = false;
    return std::string();
  };
  Identity identity{field("id"), field("name"), field("address"), field("machine"), field("when")};
  const auto id = parse_uuid(identity.id);
  if (!complete || !id || identity.name.empty()) return std::nullopt;
  identity.id = *id;
  const auto former = json.find("former");
  for (const Json& self : former != json.end() && former->is_array() ? *former : Json::array()) {
    if (!self.is_object() || identity.former.size() == former_selves) continue;
    const FormerSelf one{text_of(self, "name"), parse_uuid(text_of(self, "id")).value_or("")};
    if (!one.name.empty()) identity.former.push_back(one);
  }
  identity.datacenter = text_of(json, "datacenter");
  const auto places = json.find("settings_in");
  for (const Json& place : places != json.end() && places->is_array() ? *places : Json::array()) {
    if (place.is_string()) identity.settings_in.push_back(place.get<std::string>());
  }
  return identity;
}

std::string format_identity(const Identity& identity) {
  Json json = {{"id", identity.id},
               {"name", identity.name},
               {"address", identity.address},
               {"machine", identity.machine},
               {"when", identity.when}};
  if (!identity.datacenter.empty()) json["datacenter"] = identity.datacenter;
  if (!identity.settings_in.empty()) json["settings_in"] = identity.settings_in;
  for (const FormerSelf& self : identity.former) json["former"].push_back({{"name", self.name}, {"id", self.id}});
  // A host name is bytes, JSON is UTF-8: replacing beats throwing.
  return json_text(json, 2) + "\n";
}

std::optional<std::string> parse_uuid(const std::string& text) {
  const std::string uuid = lower(trim(text));
  if (uuid.size() != 36) return std::nullopt;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (uuid[i] >= '0' && uuid[i] <= '9') || (uuid[i] >= 'a' && uuid[i] <= 'f');
    if (dash ? uuid[i] != '-' : !hex) return std::nullopt;
  }
  return uuid;
}

std::string make_uuid(const unsigned char (&random)[16]) {
  constexpr const char* digits = "0123456789abcdef";
  std::string uuid;
  for (int i = 0; i < 16; ++i) {
    unsigned byte = random[i];
    if (i == 6) byte = (byte & 0x0fU) | 0x40U;  // version 4
    if (i == 8) byte = (byte & 0x3fU) | 0x80U;  // RFC 4122's variant
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += digits[byte >> 4U];
    uuid += digits[byte & 15U];
  }
  return uuid;
}

}  // namespace lictor
