#include "base/json_text.hpp"
#include "base/text.hpp"
#include "secrets/secrets.hpp"
#include "settings/service_list.hpp"
#include "settings/settings.hpp"
#include "settings/settings_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace lictor {
namespace {

constexpr std::string_view own_prefix = "LICTOR_";
// Beside the settings' own: the one is for doctor, the others are given to hooks.
constexpr std::array other_variables{"LICTOR_CONFIG", "LICTOR_GRACE", "LICTOR_ADDRESS", "LICTOR_NODE_ID"};
constexpr const char* by_default = "default";

// Text that can't be what the key wants stays a string, which the check then names.
Json from_environment(const SettingKey& key, const std::string& text) {
  const std::string_view fallback = key.fallback;
  if (key.type == SettingType::string_list) return split_list(text);
  if (key.type == SettingType::string && text.empty() && fallback == "null") return nullptr;
  if (key.type == SettingType::boolean && (text == "true" || text == "false")) return text == "true";
  if (key.type == SettingType::integer) {
    if (const auto number = whole_number<int>(text)) return *number;
  }
  return text;
}

// Kubernetes gives every pod such variables for each Service of its namespace.
bool is_service_link(std::string_view name, std::string_view value) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         name.find("_PORT_") != name.npos || (name.ends_with("_PORT") && value.find("://") != value.npos);
}

bool is_group(const std::string& path) {
  const std::string prefix = path + ".";
  const auto& keys = setting_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const SettingKey& key) { return std::string_view(key.path).starts_with(prefix); });
}

// {"agent": {"user": VALUE}}
std::string nested(std::string_view path) {
  const auto dot = path.find('.');
  const std::string inner = dot == path.npos ? "VALUE" : nested(path.substr(dot + 1));
  return fmt::format(R"({{"{}": {}}})", path.substr(0, dot), inner);
}

// A slip of the fingers, or the right name at the wrong place.
std::optional<std::string> nearest_path(const std::string& path) {
  std::vector<std::string> known;
  for (const SettingKey& key : setting_keys()) {
    const std::string_view whole = key.path;
    known.emplace_back(whole);
    for (auto dot = whole.find('.'); dot != whole.npos; dot = whole.find('.', dot + 1))
      known.emplace_back(whole.substr(0, dot));
  }
  if (auto close = nearest(path, known)) return close;
  const std::string tail = "." + path.substr(path.rfind('.') + 1);
  const auto at = std::find_if(known.begin(), known.end(), [&](const std::string& k) { return k.ends_with(tail); });
  return at == known.end() ? std::nullopt : std::optional(*at);
}

// Most are plain texts, for which the parser would do a hundred times the work, at each start.
Json fallback_of(const SettingKey& key) {
  const std::string_view text = key.fallback;
  const bool plain = text.starts_with('"') && text.find('\\') == text.npos;
  return plain ? Json(text.substr(1, text.size() - 2)) : Json::parse(text);
}

class Reader {
 public:
  Reader() {
    for (const SettingKey& key : setting_keys()) {
      values_[key.path] = fallback_of(key);
      origins_[key.path] = by_default;
    }
  }

  void read_file(const SettingsFile& file, const Settings* before) {
    auto list = read_service_list(file, before != nullptr && before->services ? &*before->services : nullptr);
    if (list && parse_json(file.name, list->rest)) {
      read_text({file.name, std::move(list->rest)});
      services_ = std::move(list->definitions);
    } else {
      read_text(file);
    }
  }

  void read_text(const SettingsFile& file) {
    const auto parsed = parse_json(file.name, file.text);
    if (!parsed) {
      problems_.push_back(parsed.error());
    } else if (!parsed->is_object()) {
      problems_.push_back(Problem{file.name, fmt::format("{} instead of an object", parsed->type_name()),
                                  R"(write the settings as {"GROUP": {"KEY": VALUE}})"});
    } else {
      read_group("", *parsed, file.name);
    }
  }

  void read_consul_variables(const Environment& environment) {
    const auto with = [&](const std::string& name, const auto& use) {
      const auto at = environment.find(name);
      if (at != environment.end() && !at->second.empty() && good_text(name, at->second)) use(at->second);
    };
    const auto set = [&](const char* path, const std::string& name) {
      with(name, [&](const std::string& text) {
        const SettingKey* key = find_setting(path);
        assign(*key, key->type == SettingType::string_list ? Json(std::vector{text}) : Json(text), name);
      });
    };
    set("bind.interface", "CONSUL_BIND_INTERFACE");
    set("node.data_dir", "CONSUL_DATA_DIR");
    set("agent.config_dirs", "CONSUL_CONFIG_DIR");
    set("agent.user", "CONSUL_UID");
    set("agent.group", "CONSUL_GID");
    // The entrypoint asks whether it is there; "" is what most write.
    const std::string ports = "CONSUL_ALLOW_PRIVILEGED_PORTS";
    if (environment.contains(ports)) {
      Json capabilities = value("agent.capabilities");
      if (capabilities.is_null()) capabilities = Json::array();
      capabilities.push_back("net_bind_service");
      assign(*find_setting("agent.capabilities"), capabilities, ports);
    }
    with("CONSUL_CLIENT_INTERFACE", [&](const std::string& text) { client_interface_ = text; });
    with("CONSUL_LOCAL_CONFIG", [&](const std::string& text) { read_local_config("CONSUL_LOCAL_CONFIG", text); });
  }

  void read_own_variables(const Environment& environment) {
    std::map<std::string, const SettingKey*> known;
    for (auto at = environment.lower_bound(std::string(own_prefix)); at != environment.end(); ++at) {
      const auto& [name, value] = *at;
      if (!name.starts_with(own_prefix)) break;
      if (known.empty()) {
        for (const SettingKey& key : setting_keys()) known[key.environment_name()] = &key;
      }
      if (const auto key = known.find(name); key != known.end()) {
        read_variable(*key->second, name, value);
      } else if (std::find(other_variables.begin(), other_variables.end(), name) == other_variables.end() &&
                 !is_service_link(name, value)) {
        report_unknown_variable(name, known);
      }
    }
    const auto node_name = environment.find("NODE_NAME");
    if (value("node.name").is_null() && node_name != environment.end() && !node_name->second.empty() &&
        good_text("NODE_NAME", node_name->second)) {
      assign(*find_setting("node.name"), node_name->second, "NODE_NAME");
    }
  }

  // What no value shows alone.
  void check_together() {
    expect_order("restart.min", "restart.max", true);
    expect_order("stop.linger", "stop.timeout", false);
    const Json& networks = value("bind.cidr");
    const bool ipv6 = value("bind.family") == "ipv6";
    const auto fits = [&](const Json& network) {
      return ipv6 == (network.get_ref<const std::string&>().find(':') != std::string::npos);
    };
    if (sound("bind.cidr", "bind.family") && !networks.empty() &&
        std::none_of(networks.begin(), networks.end(), fits)) {
      report("bind.cidr", fmt::format("holds no network of bind.family {}", ipv6 ? "ipv6" : "ipv4"),
             "add one, or change bind.family");
    }
  }

  const Problems& problems() const { return problems_; }

  Settings settings() const {
    Settings s;
    s.agent.binary = text("agent.binary");
    s.agent.config = value("agent.config");
    s.agent.config_files = list("agent.config_files");
    s.agent.config_files_named =
        value("agent.config_files") != Json::parse(find_setting("agent.config_files")->fallback);
    if (!value("agent.config_dirs").is_null()) s.agent.config_dirs = list("agent.config_dirs");
    s.agent.tokens.agent_file = text("agent.tokens.agent_file");
    s.agent.tokens.default_file = text("agent.tokens.default_file");
    s.agent.tokens.registration_file = text("agent.tokens.registration_file");
    s.agent.encrypt_file = text("agent.encrypt_file");
    s.agent.user = maybe("agent.user");
    s.agent.group = maybe("agent.group");
    s.agent.groups = list("agent.groups");
    if (!value("agent.capabilities").is_null()) s.agent.capabilities = list("agent.capabilities");
    s.agent.no_new_privs = value("agent.no_new_privs").get<bool>();
    s.agent.env = strings("agent.env");
    s.agent.args = list("agent.args");
    s.bind.interface = list("bind.interface");
    s.bind.ipv6 = text("bind.family") == "ipv6";
    s.bind.cidr = list("bind.cidr");
    s.bind.wait = duration("bind.wait");
    s.bind.settle = duration("bind.settle");
    s.bind.restart_on_change = text("bind.on_change") == "restart";
    s.node.name = maybe("node.name");
    s.node.data_dir = maybe("node.data_dir");
    s.node.keep_name = text("node.on_rename") == "keep";
    s.node.refuse_clone = text("node.on_clone") == "refuse";
    s.node.heal = value("node.heal").get<bool>();
    s.node.meta = strings("node.meta");
    if (!value("services").is_null()) s.services = services();
    s.http_check = text("default_check") == "http";
    s.hooks.post_start = hooks("hooks.post_start");
    s.hooks.pre_stop = hooks("hooks.pre_stop");
    const std::string policy = text("stop.policy");
    s.stop.policy = policy == "auto" ? StopPolicy::automatic : policy == "stay" ? StopPolicy::stay : StopPolicy::leave;
    s.stop.stay_over_reboot = text("stop.reboot") == "stay";
    s.stop.linger = duration("stop.linger");
    s.stop.timeout = duration("stop.timeout");
    s.restart.min = duration("restart.min");
    s.restart.max = duration("restart.max");
    s.restart.spread = duration("restart.spread");
    s.restart.give_up_after = value("restart.give_up_after").get<int>();
    s.watch.hung_after = duration("watch.hung_after");
    s.watch.rejoin_after = duration("watch.rejoin_after");
    s.watch.rejoin_after_leave = text("watch.on_leave") == "rejoin";
    s.watch.settings = value("watch.settings").get<bool>();
    s.wait.files = duration("wait.files");
    s.wait.mounts = list("wait.mounts");
    s.systemd.ready_by_api = text("systemd.ready") == "api";
    s.systemd.ready_within = duration("systemd.ready_within");
    s.control.socket = text("control.socket");
    s.control.http = text("control.http");
    s.control.group = maybe("control.group");
    s.unknown_variables = unknown_variables_;
    s.control.ready_needs_leader = value("control.ready_needs_leader").get<bool>();
    s.run_dir = text("run_dir");
    s.log.level = text("log.level");
    s.log.json = text("log.format") == "json";
    s.consul_local_config = local_config_;
    s.client_interface = client_interface_;
    s.origins = origins_;
    s.digest = digest(s.services);
    return s;
  }

 private:
  void assign(const SettingKey& key, Json value, const std::string& source) {
    const auto before = problems_.size();
    check_setting(key, value, source, problems_);
    if (problems_.size() != before) {
      broken_.insert(key.path);
      return;
    }
    origins_[key.path] = value.is_null() ? by_default : source;
    values_[key.path] = std::move(value);
  }

  void read_group(const std::string& prefix, const Json& group, const std::string& source) {
    for (const auto& [name, value] : group.items()) {
      const std::string path = prefix + name;
      const bool plain = name.find('.') == std::string::npos;
      if (const SettingKey* key = plain ? find_setting(path) : nullptr) {
        assign(*key, value, source);
      } else if (!plain || !is_group(path)) {
        report_unknown_key(path, source);
      } else if (value.is_object()) {
        read_group(path + ".", value, source);
      } else {
        problems_.push_back(Problem{setting_subject(path, source),
                                    fmt::format("{} instead of an object", value.type_name()),
                                    "write it like " + nested(path + ".KEY")});
      }
    }
  }

  void report_unknown_key(const std::string& path, const std::string& source) {
    std::string hint = "settings of the agent itself belong into agent.config";
    if (find_setting(path)) {
      hint = "write it as " + nested(path);
    } else if (const auto close = nearest_path(path)) {
      hint = fmt::format("did you mean \"{}\"?", *close);
    }
    problems_.push_back(Problem{setting_subject(path, source), "unknown key", std::move(hint)});
  }

  void read_variable(const SettingKey& key, const std::string& name, const std::string& text) {
    if (!key.settable_by_environment()) {
      problems_.push_back(
          Problem{setting_subject(key.path, name), "not settable by environment", "set it in the settings file"});
    } else if (good_text(setting_subject(key.path, name), text)) {
      assign(key, from_environment(key, text), name);
    }
  }

  void report_unknown_variable(const std::string& name, const std::map<std::string, const SettingKey*>& known) {
    // What all have in common makes no two names alike.
    const std::string own = name.substr(own_prefix.size());
    std::vector<std::string> names;
    for (const auto& [candidate, key] : known) {
      if (key->settable_by_environment()) names.push_back(candidate.substr(own_prefix.size()));
    }
    if (const auto close = nearest(own, names)) {
      problems_.push_back(Problem{name, "unknown variable", fmt::format("did you mean \"{}{}\"?", own_prefix, *close)});
      return;
    }
    const auto at =
        std::find_if(names.begin(), names.end(), [&](const std::string& n) { return n.ends_with("_" + own); });
    unknown_variables_.push_back(at == names.end() ? name
                                                   : fmt::format("{} (did you mean {}{}?)", name, own_prefix, *at));
  }

  bool good_text(const std::string& subject, const std::string& text) {
    if (is_utf8(text)) return true;
    problems_.push_back(Problem{subject, "is not UTF-8", "mend its encoding"});
    return false;
  }

  void read_local_config(const std::string& name, const std::string& text) {
    const auto parsed = parse_json(name, text);
    if (!parsed) {
      problems_.push_back(parsed.error());
    } else if (!parsed->is_object()) {
      problems_.push_back(Problem{name, fmt::format("{} instead of an object", parsed->type_name()),
                                  "write agent settings as a JSON object"});
    } else {
      local_config_ = *parsed;
    }
  }

  bool sound(const char* a, const char* b) const { return !broken_.contains(a) && !broken_.contains(b); }

  void report(const std::string& path, std::string why, std::string hint) {
    problems_.push_back(Problem{setting_subject(path, origins_.at(path)), std::move(why), std::move(hint)});
  }

  // The blame goes to the one that somebody has set.
  void expect_order(const char* low, const char* high, bool may_be_equal) {
    if (!sound(low, high) || duration(low) < duration(high)) return;
    if (may_be_equal && duration(low) == duration(high)) return;
    const auto [to_blame, other] = origins_.at(low) == by_default ? std::tuple(high, low) : std::tuple(low, high);
    report(to_blame,
           fmt::format("{} does not go with {} {} ({})", text(to_blame), other, text(other), origins_.at(other)),
           fmt::format("{} must be {} {}", low, may_be_equal ? "at most" : "shorter than", high));
  }

  std::vector<Definition> services() const {
    std::vector<Definition> all = services_;
    for (const Json& definition : value("services")) all.push_back(definition_of(definition));
    return all;
  }

  std::uint64_t digest(const std::optional<std::vector<Definition>>& services) const {
    Json all = local_config_;
    for (const auto& [path, value] : values_)
      if (path != "node.name" && path != "services") all[std::string(path)] = value;
    all["services"] = services ? Json::array() : Json();
    if (services) {
      for (const Definition& definition : *services) all["services"].push_back(definition.digest);
    }
    return fnv1a(json_text(without_secrets(all)));
  }

  const Json& value(std::string_view path) const { return values_.find(path)->second; }
  const std::string& text(std::string_view path) const { return value(path).get_ref<const std::string&>(); }
  Duration duration(std::string_view path) const { return parse_duration(text(path)).value(); }
  std::vector<std::string> list(std::string_view path) const { return value(path).get<std::vector<std::string>>(); }
  std::map<std::string, std::string> strings(std::string_view path) const {
    return value(path).get<std::map<std::string, std::string>>();
  }
  std::optional<std::string> maybe(std::string_view path) const {
    return value(path).is_null() ? std::nullopt : std::optional(text(path));
  }

  std::vector<Hook> hooks(std::string_view path) const {
    std::vector<Hook> out;
    for (const Json& hook : value(path)) {
      const auto on_failure = hook.value("on_failure", "retry");
      out.push_back({hook.at("command").get<std::vector<std::string>>(),
                     parse_duration(hook.value("timeout", default_hook_timeout)).value(),
                     on_failure == "ignore" ? OnFailure::ignore
                     : on_failure == "fail" ? OnFailure::fail
                                            : OnFailure::retry,
                     hook.value("environment", std::vector<std::string>{})});
    }
    return out;
  }

  std::map<std::string_view, Json> values_;  // of each key, always sound
  std::map<std::string, std::string> origins_;
  std::vector<Definition> services_;   // that were read apart from the rest
  std::set<std::string_view> broken_;  // keys with a problem in some source
  Json local_config_ = Json::object();
  std::optional<std::string> client_interface_;
  std::vector<std::string> unknown_variables_;
  Problems problems_;
};

}  // namespace

bool is_own_variable(const std::string& name) {
  if (!name.starts_with(own_prefix)) return false;
  const auto& keys = setting_keys();
  return std::find(other_variables.begin(), other_variables.end(), name) != other_variables.end() ||
         std::any_of(keys.begin(), keys.end(), [&](const SettingKey& key) { return key.environment_name() == name; });
}

ResultAll<Settings> read_settings(const std::optional<SettingsFile>& file, const Environment& environment,
                                  const Settings* before) {
  Reader reader;
  if (file) reader.read_file(*file, before);
  reader.read_consul_variables(environment);
  reader.read_own_variables(environment);
  reader.check_together();
  if (!reader.problems().empty()) return reader.problems();
  return reader.settings();
}

}  // namespace lictor
