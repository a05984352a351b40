#include "agent_config/agent_settings.hpp"

#include "base/text.hpp"

namespace lictor {
namespace {

// The folder that a file is to be made in.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

void merge(Json& base, const Json& over) {
  for (const auto& [key, value] : over.items()) {
    if (value.is_null()) continue;
    Json& target = base[key];
    if (target.is_object() && value.is_object()) {
      merge(target, value);
    } else if (target.is_array() && value.is_array()) {
      target.insert(target.end(), value.begin(), value.end());
    } else {
      target = value;
    }
  }
}

// Consul moves each file's single service or check into the list before it merges files: two of them are two
// services, not one made of both.
void keep_both(AgentSettings& settings, const Json& over) {
  for (const auto& [one, many] : {std::pair("service", "services"), std::pair("check", "checks")}) {
    if (!settings.merged.contains(one) || !over.contains(one)) continue;
    merge(settings.merged, Json{{many, Json::array({settings.merged[one]})}});
    settings.merged.erase(one);
    std::string& origin = settings.origins[many];
    origin += (origin.empty() ? "" : ", ") + settings.origins[one];
    settings.origins.erase(one);
  }
}

std::string place_in(const AgentConfigFile& file, const std::string& path) {
  const auto line = file.lines.find(path);
  return line == file.lines.end() ? file.path : file.path + ":" + std::to_string(line->second);
}

void note_places(AgentSettings& settings, const AgentConfigFile& file, const std::string& path, const Json& value) {
  if (value.is_null()) return;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items())
      note_places(settings, file, path.empty() ? key : path + "." + key, member);
    return;
  }
  const std::string place = place_in(file, path);
  const Json* before = value.is_array() ? nullptr : member_at(&settings.merged, path);
  if (before && *before != value) settings.contradictions.push_back({path, settings.origin(path), place});
  settings.places[path] = place;
}

}  // namespace

void AgentSettings::add(const AgentConfigFile& file) {
  if (!file.content.is_object()) return;
  keep_both(*this, file.content);
  for (const auto& [key, value] : file.content.items()) {
    if (value.is_null()) continue;
    std::string& known = origins[key];
    const auto there = merged.find(key);
    const bool joins = there != merged.end() && value.is_structured() && there->type() == value.type();
    known = joins ? known + ", " + file.path : file.path;
  }
  note_places(*this, file, "", file.content);
  merge(merged, file.content);
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
    all.add({from == origins.end() ? "lictor" : from->second, Json{{key, value}}});
  }
  // What of it is as it was given, is from where that was.
  for (const auto& [path, place] : given.places) {
    const Json *now = member_at(&consul_json, path), *then = member_at(&given.merged, path);
    if (!now || !then || *now != *then) continue;
    all.places[path] = place;
    for (auto one = all.contradictions.begin() + known; one != all.contradictions.end(); ++one) {
      if (one->path == path) one->after = place;
    }
  }
  all.contradictions.insert(all.contradictions.end(), given.contradictions.begin(), given.contradictions.end());
  for (const AgentConfigFile& file : after) all.add(file);
  return all;
}

AgentSettings AgentConfig::effective() const { return effective(given.merged, given.origins); }

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
