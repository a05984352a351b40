#include "agent_config/agent_settings.hpp"

#include "base/text.hpp"

namespace lictor {
namespace {

// The folder that a file is to be made in.
std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "" : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

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

std::optional<std::string> EffectiveSettings::flag(std::string_view name) const {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < settings_.args.size(); ++i) {
    std::string_view arg = settings_.args[i];
    if (arg.empty() || arg[0] != '-') continue;
    arg.remove_prefix(arg.starts_with("--") ? 2 : 1);
    const auto equals = arg.find('=');
    if (arg.substr(0, equals) != name) continue;
    const bool next = i + 1 < settings_.args.size() && !settings_.args[i + 1].starts_with('-');
    value = equals != arg.npos ? std::string(arg.substr(equals + 1)) : next ? settings_.args[i + 1] : "true";
  }
  return value;
}

std::string EffectiveSettings::origin(std::string_view path) const {
  const auto found = settings_.origins.find(std::string(path.substr(0, path.find_first_of(".["))));
  return found == settings_.origins.end() ? "agent.config_dirs" : found->second;
}

std::optional<EffectiveSettings::Said> EffectiveSettings::said(const std::string& key,
                                                               std::string_view flag_name) const {
  if (const auto on_line = flag(flag_name)) return Said{*on_line, "agent.args"};
  const Json* value = get(key);
  if (!value || !value->is_string()) return std::nullopt;
  return Said{value->get<std::string>(), subject(key)};
}

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
  if (const auto file = said("log_file", "log-file"); file && !folder_of(file->value).empty())
    found.emplace_back(file->subject, folder_of(file->value));
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
    if (!flag("client")) add("client_addr", text_in(get("client_addr")));
    found.insert(found.end(), last.begin(), last.end());
  }
  add("serf_lan", text_in(get("serf_lan")));
  return found;
}

}  // namespace lictor
