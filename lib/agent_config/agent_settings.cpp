#include "agent_config/agent_settings.hpp"

#include "agent_config/agent_keys.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace lictor {
namespace {

// The folder that a file is to be made in.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

// `key`: what is known of these two in the agent's configuration.
void merge(Json& target, Json value, const std::optional<AgentKey>& key) {
  const bool whole = key && key->shape == AgentKey::Shape::object_whole;
  if (target.is_object() && value.is_object() && !whole) {
    for (auto& [name, member] : value.items()) {
      if (member.is_null()) continue;
      // Only an object needs to know how it is merged.
      const bool known = key && key->shape == AgentKey::Shape::object && member.is_object();
      merge(target[name], std::move(member), known ? agent_key(key->of, name) : std::nullopt);
    }
  } else if (target.is_array() && value.is_array()) {
    for (Json& element : value) target.push_back(std::move(element));
  } else {
    target = std::move(value);
  }
}

// Consul moves each file's single service or check into the list before it merges files: two of them are two
// services, not one made of both.
void keep_both(AgentSettings& settings, const std::string& one) {
  if ((one != "service" && one != "check") || !settings.merged.contains(one)) return;
  const std::string many = one + "s";
  merge(settings.merged[many], Json::array({std::move(settings.merged[one])}), std::nullopt);
  settings.merged.erase(one);
  std::string& origin = settings.origins[many];
  origin += (origin.empty() ? "" : ", ") + settings.origins[one];
  settings.origins.erase(one);
}

std::string place_in(const std::string& file, const AgentSettings::Lines& lines, const std::string& path) {
  const auto line = lines.find(path);
  return line == lines.end() ? file : file + ":" + std::to_string(line->second);
}

// A list is from all that it was joined of.
void note_list(std::string& places, const Json* before, const std::string& place) {
  if (!before || !before->is_array() || places.empty()) places.clear();
  if (places != place && !places.ends_with(", " + place)) places += (places.empty() ? "" : ", ") + place;
}

void note_places(AgentSettings& settings, const std::string& file, const AgentSettings::Lines& lines,
                 const std::string& path, const Json& value) {
  if (value.is_null()) return;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) note_places(settings, file, lines, path + "." + key, member);
    return;
  }
  const std::string place = place_in(file, lines, path);
  const Json* before = member_at(&settings.merged, path);
  if (value.is_array()) return note_list(settings.places[path], before, place);
  if (before && *before != value) settings.contradictions.push_back({path, settings.origin(path), place});
  settings.places[path] = place;
}

}  // namespace

void AgentSettings::add(const std::string& key, Json value, const std::string& path, const Lines& lines) {
  keep_both(*this, key);
  if (value.is_null()) return;
  Json& there = merged[key];
  std::string& known = origins[key];
  const bool joins = value.is_structured() && there.type() == value.type();
  known = joins ? known + ", " + path : path;
  note_places(*this, path, lines, key, value);
  const auto of_agent = value.is_object() ? agent_key("config", key) : std::nullopt;
  merge(there, std::move(value), of_agent);
}

void AgentSettings::add(AgentConfigFile file) {
  if (!file.content.is_object()) return;
  for (auto& [key, value] : file.content.items()) add(key, std::move(value), file.path, file.lines);
}

std::string AgentSettings::origin(std::string_view path) const {
  path = path.substr(0, path.find('['));
  if (const auto place = places.find(std::string(path)); place != places.end()) return place->second;
  const auto key = origins.find(std::string(path.substr(0, path.find('.'))));
  return key == origins.end() ? "" : key->second;
}

AgentSettings AgentConfig::effective(const Json& consul_json, const std::map<std::string, std::string>& origins) const {
  AgentSettings all = before;
  const auto known = static_cast<std::ptrdiff_t>(all.contradictions.size());
  for (const auto& [key, value] : consul_json.items()) {
    const auto from = origins.find(key);
    all.add(key, value, from == origins.end() ? "lictor" : from->second, {});
  }
  // What of it is as it was given, is from where that was.
  for (const auto& [path, place] : given.places) {
    const Json *now = member_at(&consul_json, path), *then = member_at(&given.merged, path);
    if (!now || !then || *now != *then) continue;
    std::string& its = all.places[path];
    const auto earlier = before.places.find(path);
    its = earlier != before.places.end() && now->is_array() ? earlier->second + ", " + place : place;
    for (auto one = all.contradictions.begin() + known; one != all.contradictions.end(); ++one) {
      if (one->path == path) one->after = place;
    }
  }
  all.contradictions.insert(all.contradictions.end(), given.contradictions.begin(), given.contradictions.end());
  for (const AgentConfigFile& file : after) all.add(file);
  return all;
}

void AgentConfig::join() {
  const bool more = !before.merged.empty() ||
                    std::any_of(after.begin(), after.end(), [](const auto& file) { return !file.content.empty(); });
  joined = more ? std::optional(effective(given.merged, given.origins)) : std::nullopt;
}

const Json* member_at(const Json* value, std::string_view path) {
  while (value && !path.empty()) {
    const auto dot = path.find('.');
    if (!value->is_object()) return nullptr;
    const auto found = value->find(std::string(path.substr(0, dot)));
    value = found == value->end() || found->is_null() ? nullptr : &*found;
    path = dot == path.npos ? "" : path.substr(dot + 1);
  }
  return value;
}

std::string text_in(const Json* value) { return value && value->is_string() ? value->get<std::string>() : ""; }
bool is_true(const Json* value) { return value && value->is_boolean() && value->get<bool>(); }

std::string EffectiveSettings::tls_key(const std::string& protocol, const std::string& key) const {
  for (const std::string& path : {"tls." + protocol + "." + key, "tls.defaults." + key}) {
    if (get(path)) return path;
  }
  const std::string short_name = protocol == "internal_rpc" ? "rpc" : protocol;
  if (const std::string own = key + "_" + short_name; key == "verify_incoming" && is_true(get(own))) return own;
  return get(key) ? key : "";
}

std::vector<std::pair<std::string, std::string>> EffectiveSettings::folders() const {
  std::vector<std::pair<std::string, std::string>> found;
  if (const std::string file = text_in(get("log_file")); !folder_of(file).empty())
    found.emplace_back(subject("log_file"), folder_of(file));
  for (const auto& [key, value] : listeners()) {
    if (value.starts_with("unix://") && value[7] == '/') found.emplace_back(subject(key), folder_of(value.substr(7)));
  }
  return found;
}

std::vector<std::pair<std::string, std::string>> EffectiveSettings::listeners() const {
  std::vector<std::pair<std::string, std::string>> found;
  const auto add = [&](const std::string& key, const std::string& list) {
    // A template holds blanks, and is not for lictor to judge.
    if (list.find("{{") != list.npos) return;
    for (const std::string& one : split_list(list, ' ')) found.emplace_back(key, one);
  };
  bool client = false;
  for (const auto& [name, usual] :
       {std::pair("dns", 8600), {"http", 8500}, {"https", -1}, {"grpc", -1}, {"grpc_tls", -1}}) {
    const Json* port = get(std::string("ports.") + name);
    if ((port && port->is_number() ? port->get<int>() : usual) <= 0) continue;
    const std::string key = std::string("addresses.") + name, own = text_in(get(key));
    client |= own.empty() || std::string_view(name) == "http";  // consul.json has client_addr's there
    add(key, own);
  }
  if (client) {
    const auto last = found;
    found.clear();
    add("client_addr", text_in(get("client_addr")));
    found.insert(found.end(), last.begin(), last.end());
  }
  add("serf_lan", text_in(get("serf_lan")));
  return found;
}

}  // namespace lictor
