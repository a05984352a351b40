#include "agent_config/start_faults.hpp"

#include "agent_config/check_rules.hpp"
#include "agent_config/listener_list.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "secrets/key_pair.hpp"
#include "secrets/secrets.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

namespace lictor {
namespace {

// "fd00::5" has more than one spelling.
bool same_address(const std::string& one, const std::string& other) {
  std::array<unsigned char, 16> first{}, second{};
  return one == other || (inet_pton(AF_INET6, one.c_str(), first.data()) == 1 &&
                          inet_pton(AF_INET6, other.c_str(), second.data()) == 1 && first == second);
}

class Faults {
 public:
  Faults(const AgentSettings& settings, const StartFacts& facts) : facts_(facts), look_(settings) {}

  Problems find() {
    log_level();
    gossip_key();
    for (const char* protocol : tls_protocols) tls(protocol);
    folders();
    addresses();
    ports();
    recursors();
    services_and_checks();
    watches();
    return std::move(problems_);
  }

  Problems find_in_tls() {
    for (const char* protocol : tls_protocols) tls(protocol);
    return std::move(problems_);
  }

 private:
  void add(const std::string& what, const std::string& why, const std::string& hint, Exit exit = Exit::config) {
    const auto same = [&](const Problem& other) { return other.what == what && other.why == why; };
    if (std::none_of(problems_.begin(), problems_.end(), same)) problems_.push_back(Problem{what, why, hint, exit});
  }

  const FileLook& file(const std::string& path) const {
    static const FileLook not_looked{FileLook::other, "", true, false};
    const auto found = facts_.files.find(path);
    return found == facts_.files.end() ? not_looked : found->second;
  }

  void log_level() {
    static const std::set<std::string> levels{"trace", "debug", "info", "warn", "err", "error"};
    const std::string level = text_in(look_.get("log_level"));
    const Json* said = look_.get("log_level");
    if (said && said->is_string() && !levels.count(lower(level)))
      add(look_.subject("log_level"), "\"" + level + "\" is no log level of Consul's",
          "write trace, debug, info, warn or error");
  }

  void gossip_key() {
    const std::string key = text_in(look_.get("encrypt"));
    if (key.empty() || facts_.keyring || valid_gossip_key(key)) return;
    add(look_.subject("encrypt"), "is no gossip key: that is 16, 24 or 32 bytes in base64",
        "write what `consul keygen` prints");
  }

  // ---- certificates and keys

  // What the agent's user reads there; nothing, and a problem, where that is not a file.
  std::optional<std::string> content(const std::string& key, const std::string& path) {
    const FileLook& look = file(path);
    if (look.kind == FileLook::other) return std::nullopt;
    if (look.kind == FileLook::file && !trim(look.text).empty()) return look.text;
    if (look.kind == FileLook::file) {
      add(look_.subject(key), path + " is empty", "write what belongs there (PEM) into it", Exit::retry);
      return std::nullopt;
    }
    add(look_.subject(key),
        path + (look.kind == FileLook::missing      ? ": no such file"
                : look.kind == FileLook::unreadable ? ": the agent's user can't read it"
                                                    : ": is a directory"),
        "correct the path, or the rights there", look.kind == FileLook::missing ? Exit::retry : Exit::config);
    return std::nullopt;
  }

  void tls(const std::string& protocol) {
    const auto text = [&](const char* key) { return text_in(look_.get(look_.tls_key(protocol, key))); };
    const auto on = [&](const char* key) { return is_true(look_.get(look_.tls_key(protocol, key))); };
    const std::string ca_file = text("ca_file"), ca_path = text("ca_path"), cert = text("cert_file"),
                      key = text("key_file");
    if (!ca_file.empty()) {
      const auto ca = content(look_.tls_key(protocol, "ca_file"), ca_file);
      if (ca && !holds_certificate(*ca))
        add(look_.subject(look_.tls_key(protocol, "ca_file")), ca_file + " holds no certificate",
            "write a CA's certificate (PEM) into it");
    } else if (!ca_path.empty()) {
      const FileLook& folder = file(ca_path);
      if (folder.kind == FileLook::missing || (folder.kind == FileLook::folder && folder.empty))
        add(look_.subject(look_.tls_key(protocol, "ca_path")),
            ca_path + (folder.kind == FileLook::missing ? ": no such directory" : ": is empty"),
            "put a CA's certificate (PEM) there", Exit::retry);
    }
    if (!cert.empty() && !key.empty()) {
      const auto shown = content(look_.tls_key(protocol, "cert_file"), cert),
                 secret = content(look_.tls_key(protocol, "key_file"), key);
      const std::string trouble = shown && secret ? key_pair_trouble(*shown, *secret) : "";
      if (!trouble.empty())
        add(look_.subject(look_.tls_key(protocol, "key_file")), cert + ", " + key + ": " + trouble,
            "give a certificate and its own key");
    }
    const bool ca = !ca_file.empty() || !ca_path.empty(), pair = !cert.empty() && !key.empty();
    const char* const give_ca = "give ca_file or ca_path";
    if (protocol == "internal_rpc" && !ca) {
      for (const char* verify : {"verify_outgoing", "verify_server_hostname"}) {
        if (on(verify))
          add(look_.subject(look_.tls_key(protocol, verify)), "true needs a CA, and none is given", give_ca);
      }
    }
    if (!on("verify_incoming")) return;
    const std::string verify = look_.subject(look_.tls_key(protocol, "verify_incoming"));
    if (!ca) add(verify, "true needs a CA, and none is given", give_ca);
    const bool given_one = is_true(look_.get("auto_encrypt.tls")) || is_true(look_.get("auto_config.enabled"));
    if (ca && !pair && !given_one)
      add(verify, "true needs a certificate and its key, and none are given",
          "give cert_file and key_file, or turn auto_encrypt.tls on");
  }

  // ---- folders and addresses

  void folders() {
    for (const auto& [subject, path] : look_.folders()) {
      const FileLook& folder = file(path);
      if (folder.kind == FileLook::other || (folder.kind == FileLook::folder && folder.writable)) continue;
      add(subject,
          path + (folder.kind == FileLook::folder ? ": the agent's user can't write there" : ": no such directory"),
          "make the directory, and let the agent's user write there");
    }
  }

  void addresses() {
    if (facts_.any_address) return;
    std::set<std::string> told;
    for (const auto& [key, address] : look_.listeners()) {
      const bool always = address == "0.0.0.0" || address == "::" || address == "::1" || address.starts_with("127.");
      if (always || !literal_address(address)) continue;
      const auto same = [&given = address](const std::string& other) { return same_address(given, other); };
      if (std::any_of(facts_.addresses.begin(), facts_.addresses.end(), same)) continue;
      if (told.insert(address).second)
        add(look_.subject(key), address + " is not on this host, and the agent can't listen there",
            "give an address of this host");
    }
  }

  // Those that a client agent listens on.
  void ports() {
    for (const char* name : {"dns", "http", "https", "grpc", "grpc_tls", "serf_lan"}) {
      const std::string key = std::string("ports.") + name;
      const Json* port = look_.get(key);
      if (!port || !port->is_number() || *port <= 0 || *port >= facts_.unprivileged_from) continue;
      const std::vector<std::string> at = split_listeners(text_in(look_.get(std::string("addresses.") + name)));
      if (!at.empty() && std::all_of(at.begin(), at.end(), is_unix)) continue;
      add(look_.subject(key),
          port->dump() +
              " is a port that the agent's user may not listen on: without CAP_NET_BIND_SERVICE it has those from " +
              std::to_string(facts_.unprivileged_from) + " on",
          "name net_bind_service in agent.capabilities (or give it by AmbientCapabilities= or setcap), lower "
          "net.ipv4.ip_unprivileged_port_start, or choose another port");
    }
  }

  // A name may be one that this host's resolver knows.
  void recursors() {
    const Json* list = look_.get("recursors");
    for (const Json& one : list && list->is_array() ? *list : Json::array()) {
      const std::string recursor = text_in(&one);
      if (recursor.empty() || recursor.find("{{") != recursor.npos || literal_address(recursor)) continue;
      const auto colon = recursor.rfind(':');
      const std::string host = recursor.substr(0, colon),
                        port = colon == recursor.npos ? "53" : recursor.substr(colon + 1);
      const bool bare = host.find(':') == host.npos;
      const bool in_brackets = host.size() > 2 && host[0] == '[' && literal_address(host.substr(1, host.size() - 2));
      const auto of_name = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; };
      const bool good_host = in_brackets || (bare && !host.empty() && std::all_of(host.begin(), host.end(), of_name));
      const auto number = whole_number<int>(port);
      if (good_host && ((number && *number >= 0 && *number < 65536) || port == "domain")) continue;
      add(look_.subject("recursors"), "\"" + recursor + "\" is no address", "write ADDRESS or ADDRESS:PORT");
    }
  }

  // ---- services, checks and watches

  // The elements of a list, or the one object.
  std::vector<std::pair<std::string, const Json*>> those(const Json* list, const std::string& path) {
    std::vector<std::pair<std::string, const Json*>> found;
    if (!list) return found;
    if (list->is_object()) found.emplace_back(path, list);
    for (std::size_t i = 0; list->is_array() && i < list->size(); ++i) {
      if ((*list)[i].is_object()) found.emplace_back(path + "[" + std::to_string(i) + "]", &(*list)[i]);
    }
    return found;
  }

  void services_and_checks() {
    for (const char* key : {"service", "services"}) {
      for (const auto& [path, service] : those(look_.get(key), key)) {
        if (!is_said(spelled(*service, "name")))
          add(look_.subject(path), "the service has no name", "give it a \"name\"");
        for (const char* of : {"check", "checks"}) {
          for (const auto& [where, one] : those(spelled(*service, of), path + "." + of)) check(where, *one);
        }
      }
    }
    for (const char* key : {"check", "checks"}) {
      for (const auto& [path, one] : those(look_.get(key), key)) check(path, *one);
    }
  }

  bool scripts_are_on() const {
    return is_true(look_.get("enable_script_checks")) || is_true(look_.get("enable_local_script_checks"));
  }

  void check(const std::string& path, const Json& check) {
    if (runs_a_program(check) && !scripts_are_on())
      add(look_.subject(path), "the check runs a program, and that is off", "set enable_local_script_checks to true");
    if (const auto fault = check_fault(check)) add(look_.subject(path), fault->why, fault->hint);
  }

  void watches() {
    for (const auto& [path, watch] : those(look_.get("watches"), "watches")) {
      const auto has = [watch = watch](const char* key) { return is_said(member_at(watch, key)); };
      static const std::map<std::string, const char*> needs{
          {"key", "key"},     {"keyprefix", "prefix"}, {"service", "service"}, {"services", nullptr},
          {"nodes", nullptr}, {"checks", nullptr},     {"event", nullptr},     {"agent_service", nullptr}};
      const std::string type = text_in(member_at(watch, "type")), what = look_.subject(path);
      const auto known = needs.find(type);
      if (known == needs.end()) {
        add(what, type.empty() ? "the watch has no type" : "\"" + type + "\" is no type of a watch here",
            "write key, keyprefix, services, nodes, service, checks or event");
        continue;
      }
      if (known->second && !has(known->second))
        add(what, std::string("the watch has no \"") + known->second + "\"", "say what it is to watch");
      if (type == "checks" && has("service") && has("state"))
        add(what, "the watch has a service and a state", "give it one of the two");
      const Json* of = member_at(watch, "handler_type");
      const std::string handler = of ? text_in(of) : "script";
      if (handler == "http") {
        if (!is_said(member_at(watch, "http_handler_config.path")))
          add(what, "the watch has no handler", "give it an http_handler_config with a \"path\"");
      } else if (handler != "script") {
        add(what, "\"" + handler + "\" is no type of a handler", "write script or http");
      } else if (!member_at(watch, "args") && !has("handler")) {
        add(what, "the watch has no handler", "give it \"args\": [\"PROGRAM\", \"ARGUMENT\"]");
      } else if (member_at(watch, "args") && has("handler")) {
        add(what, "the watch has two handlers", "keep args and take handler out");
      }
    }
  }

  const StartFacts& facts_;
  EffectiveSettings look_;
  Problems problems_;
};

}  // namespace

std::vector<std::string> tls_paths(const AgentSettings& settings) {
  const EffectiveSettings look(settings);
  std::vector<std::string> paths;
  for (const char* protocol : tls_protocols) {
    for (const char* key : {"ca_file", "ca_path", "cert_file", "key_file"}) {
      const std::string path = text_in(look.get(look.tls_key(protocol, key)));
      if (!path.empty()) paths.push_back(path);
    }
  }
  return paths;
}

std::vector<std::string> paths_at_start(const AgentSettings& settings) {
  std::vector<std::string> paths = tls_paths(settings);
  for (const auto& [subject, path] : EffectiveSettings(settings).folders()) paths.push_back(path);
  return paths;
}

Problems tls_files_missing(const AgentSettings& settings, const std::map<std::string, FileLook>& files) {
  StartFacts facts;
  facts.files = files;
  Problems missing = Faults(settings, facts).find_in_tls();
  std::erase_if(missing, [](const Problem& p) { return p.exit != Exit::retry; });
  return missing;
}

Problems start_faults(const AgentSettings& settings, const StartFacts& facts) { return Faults(settings, facts).find(); }

}  // namespace lictor
