#include "agent_config/plan.hpp"

#include "agent_config/listener_list.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace lictor {
namespace {

const Json* find(const Json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json* find(const Json& object, const std::string& key, const std::string& member) {
  const Json* inner = find(object, key);
  return inner ? find(*inner, member) : nullptr;
}

std::string text_at(const Json* value) {
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

std::vector<std::string> reversed(std::vector<std::string> list) {
  std::reverse(list.begin(), list.end());
  return list;
}

// What one call of make_plan works on.
struct Draft {
  const Settings& settings;
  const AgentConfig& config;
  const PlanFacts& facts;
  const AgentSettings& by_user;  // what the agent would go by without lictor
  Plan plan;
  Problems problems;
  std::vector<std::string> insisted = {};  // dotted paths of what has to be as lictor has it, whoever says otherwise

  const Json& user() const { return by_user.merged; }
  const Json& given() const { return config.given.merged; }

  std::string origin(const std::string& path, const std::string& fallback = "default") const {
    const std::string found = by_user.origin(path);
    return found.empty() ? fallback : found;
  }

  void set(const std::string& key, Json value, const std::string& from) {
    plan.consul_json[key] = std::move(value);
    plan.origins[key] = from;
  }

  // Where it is not what the user has there.
  void tell_of(const std::string& path, const Json& value, const std::string& why) {
    if (const Json* theirs = member_at(&user(), path); theirs && *theirs != value) {
      plan.notices.push_back(path + ": " + json_text(*theirs) + " (" + origin(path) + ") gives way to " +
                             json_text(value) + ": " + why);
    }
  }

  // As set, for what the agent can't have otherwise.
  void insist(const std::string& key, Json value, const std::string& why, const std::string& from = "lictor") {
    tell_of(key, value, why);
    set(key, std::move(value), from);
    insisted.push_back(key);
  }

  // In lictor's file: what was given there, and lictor's.
  std::string and_lictor(const std::string& key) const {
    const auto theirs = config.given.origins.find(key);
    return theirs == config.given.origins.end() ? "lictor" : theirs->second + ", lictor";
  }

  // False, and a problem, where `value` is there with another type.
  bool usable(const std::string& path, const Json* value, bool (Json::*right_type)() const, const char* wanted) {
    if (!value || (value->*right_type)()) return true;
    problems.push_back(Problem{path, std::string("is of type ") + value->type_name() + ", not " + wanted,
                               "mend it in " + origin(path, "the agent settings")});
    return false;
  }

  // That the agent will have: acl.tokens.MEMBER, or what that was called before.
  std::string token(const std::string& member, const std::string& formerly) const {
    const std::string named = text_in(member_at(&plan.effective.merged, "acl.tokens." + member));
    return named.empty() ? text_in(member_at(&plan.effective.merged, formerly)) : named;
  }

  void one_source(const std::string& setting, const std::string& secret, const std::string& path, const Json* value);
  void refuse_server();
  void joining();
  void reloading();
  void address();
  void identity();
  void node_meta();
  void http();
  void unix_sockets();
  void token_files();
  void gossip_key();
  void recovery_token();
  void command();
  void overruling();
};

void Draft::refuse_server() {
  const char* hint = "run servers without lictor: it attends client agents";
  for (const char* key : {"server", "bootstrap", "bootstrap_expect"}) {
    const Json* value = find(user(), key);
    if (!value || *value == false || *value == 0) continue;
    problems.push_back(Problem{key, value->dump() + " in " + origin(key) + " makes the agent a server", hint});
  }
  for (const std::string& arg : settings.agent.args) {
    if (flag_name(arg) == "dev" && !arg.ends_with("dev=false"))
      problems.push_back(Problem{"agent.args", arg + " makes the agent a server", hint});
  }
}

// With start_join an agent up to Consul 1.14 ends where it finds no server at once, and a later one tries again only after
// retry_interval. Under lictor it waits, and is told to join as soon as there is one.
void Draft::joining() {
  const Json *theirs = find(given(), "start_join"), *retried = find(given(), "retry_join");
  if (const Json* all = find(config.before.merged, "start_join"); all && all->is_array() && !all->empty()) {
    plan.notices.push_back("start_join (" + config.before.origin("start_join") +
                           "): up to Consul 1.14 an agent that finds no server at once ends: write retry_join");
  }
  if (!theirs || !theirs->is_array() || theirs->empty() || (retried && !retried->is_array())) return;
  Json all = retried ? *retried : Json::array();
  all.insert(all.end(), theirs->begin(), theirs->end());
  const std::string before = config.given.origin("retry_join");
  set("retry_join", std::move(all), before + (before.empty() ? "" : ", ") + config.given.origin("start_join"));
  plan.consul_json.erase("start_join");
  plan.origins.erase("start_join");
  plan.notices.push_back("start_join (" + config.given.origin("start_join") +
                         ") gives way to retry_join: an agent that finds no server waits for one");
}

// The agent's own watch of its files would have it reload them a second time. Up to Consul 1.11 there is no such key: an agent
// that is given one does not start, and is not to fail by lictor's.
void Draft::reloading() {
  const Json* theirs = find(user(), "auto_reload_config");
  if (theirs && *theirs == true)
    insist("auto_reload_config", false, "lictor has the agent reload, once for each change");
}

void Draft::address() {
  if (!facts.bind.everywhere) {
    const bool theirs = facts.bind.origin.ends_with("by bind_addr") && find(user(), "bind_addr");
    set("bind_addr", facts.bind.address, facts.bind.origin + (theirs ? " (" + origin("bind_addr") + ")" : ""));
    insisted.push_back("bind_addr");
  }
  if (facts.bind.notice) plan.notices.push_back(*facts.bind.notice);
  const std::string theirs = text_at(find(user(), "advertise_addr")), gossip = text_at(find(user(), "serf_lan"));
  if (literal_address(theirs)) return;
  const std::string& where = one_address(gossip) ? gossip : facts.bind.address;
  if (!theirs.empty()) tell_of("advertise_addr", where, "the node listens there");
  set("advertise_addr", where, where == facts.bind.address ? "bind_addr" : "serf_lan");
  insisted.push_back("advertise_addr");
}

void Draft::identity() {
  // What is as the agent's settings have it is from where it stands there.
  const auto from = [this](const char* key, const std::string& value, const std::string& settled_by) {
    return text_at(find(user(), key)) == value ? origin(key) : settled_by;
  };
  const std::string &name = facts.identity.name, &id = facts.identity.id;
  insist("node_name", name, "from " + facts.name_origin,
         settings.node.name ? facts.name_origin : from("node_name", name, facts.name_origin));
  insist("node_id", id, "from " + facts.id_origin, from("node_id", id, facts.id_origin));
  const auto named = settings.origins.find("node.data_dir");
  insist("data_dir", facts.data_dir, "node.data_dir says so",
         settings.node.data_dir && named != settings.origins.end() ? named->second : origin("data_dir"));
  insist("leave_on_terminate", false, "only lictor asks the agent to leave");
  insist("skip_leave_on_interrupt", true, "only lictor asks the agent to leave");
}

void Draft::node_meta() {
  const Json* theirs = find(given(), "node_meta");
  if (!usable("node_meta", theirs, &Json::is_object, "object")) return;
  Json meta = theirs ? *theirs : Json::object();
  for (const auto& [key, value] : settings.node.meta) {
    tell_of("node_meta." + key, value, "node.meta says so");
    meta[key] = value;
  }
  for (auto& [key, value] : meta.items()) {
    if (!value.is_string()) continue;
    std::vector<std::string> unknown;
    value = expand(
        value.get_ref<const std::string&>(),
        [&](const std::string& name) -> std::optional<std::string> {
          const auto found = facts.environment.find(name);
          return found == facts.environment.end() ? std::nullopt : std::optional(found->second);
        },
        &unknown);
    const bool ours = settings.node.meta.count(key) > 0;
    for (const std::string& name : unknown) {
      problems.push_back(
          Problem{(ours ? "node.meta." : "node_meta.") + key, "${" + name + "} is not set",
                  "set " + name + " in lictor's environment, or write $${" + name + "} for the text itself"});
    }
  }
  if (meta.empty()) return;
  const std::string before = config.given.origin("node_meta");
  const std::string ours = settings.node.meta.empty() ? "" : "node.meta";
  set("node_meta", std::move(meta), before + (before.empty() || ours.empty() ? "" : ", ") + ours);
}

// Consul's rules: addresses.http stands in for client_addr where it is not empty; ports.http below 1 means no listener at all,
// a unix socket included; an empty client_addr means no TCP listener.
void Draft::http() {
  if (facts.api_socket.size() > 107 || facts.api_socket.find_first_of(" \t\n{") != std::string::npos) {
    problems.push_back(Problem{"run_dir", "no listener of the agent can have the socket path " + facts.api_socket,
                               "choose a shorter path without blanks and braces"});
  }
  if (facts.client_address) {
    tell_of("client_addr", *facts.client_address, "CONSUL_CLIENT_INTERFACE says so");
    set("client_addr", *facts.client_address, "CONSUL_CLIENT_INTERFACE");
  }
  const Json *addresses = find(user(), "addresses"), *ports = find(user(), "ports");
  const Json *listed = find(user(), "addresses", "http"),
             *client = find(facts.client_address ? plan.consul_json : user(), "client_addr"),
             *port = find(user(), "ports", "http"), *serf = find(user(), "ports", "serf_lan");
  bool good = usable("addresses", addresses, &Json::is_object, "object");
  good &= usable("addresses.http", listed, &Json::is_string, "string");
  good &= usable("client_addr", client, &Json::is_string, "string");
  good &= usable("ports", ports, &Json::is_object, "object");
  good &= usable("ports.http", port, &Json::is_number_integer, "integer");
  good &= usable("ports.serf_lan", serf, &Json::is_number_integer, "integer");
  if (!good) return;

  const std::string own_socket = "unix://" + facts.api_socket;
  const std::string addresses_http = text_at(listed);
  const std::string theirs = !trim(addresses_http).empty() ? addresses_http : client ? text_at(client) : "127.0.0.1";
  const bool off = port && *port <= 0;
  std::vector<std::string> all = off ? std::vector<std::string>{} : split_listeners(theirs);
  const bool there = std::find(all.begin(), all.end(), own_socket) != all.end();

  const Json* before = find(given(), "addresses");
  Json merged = before ? *before : Json::object();
  merged["http"] = all.empty() ? own_socket : there ? theirs : theirs + " " + own_socket;
  const bool from_client = trim(addresses_http).empty() && client;
  set("addresses", std::move(merged),
      from_client
          ? (facts.client_address ? plan.origins["client_addr"] : origin("client_addr")) + " client_addr, lictor"
          : and_lictor("addresses"));
  insisted.emplace_back("addresses.http");
  if (off) {
    const Json* others = find(given(), "ports");
    Json with_http = others ? *others : Json::object();
    with_http["http"] = 8500;
    set("ports", std::move(with_http), and_lictor("ports"));
    insisted.emplace_back("ports.http");
    plan.notices.push_back("ports.http: " + port->dump() + " (" + origin("ports.http") +
                           ") gives way to 8500, for lictor's own socket alone");
  }

  if (serf) plan.serf_port = serf->get<int>();
  const auto tcp = std::find_if_not(all.begin(), all.end(), is_unix);
  if (tcp == all.end()) {
    plan.http_port = -1;
    plan.http_address = all.empty() ? own_socket : all.front();
    return;
  }
  if (port) plan.http_port = port->get<int>();
  plan.http_address = host_and_port(*tcp, plan.http_port);
}

// Consul has one owner and one mode for all of its unix sockets. Where the user has some, they stay as the user has them: lictor's
// own is in a folder that is open to the agent's user alone.
void Draft::unix_sockets() {
  const auto of_user = [](const Json* value) {
    for (const std::string& listener : split_listeners(text_at(value))) {
      if (is_unix(listener)) return true;
    }
    return false;
  };
  const Json* addresses = find(user(), "addresses");
  if (of_user(find(user(), "client_addr"))) return;
  for (const Json& value : addresses && addresses->is_object() ? *addresses : Json::object()) {
    if (of_user(&value)) return;
  }
  // Names instead of numbers end the agent with "invalid group specified".
  insist("unix_sockets",
         Json{{"mode", "0600"}, {"user", std::to_string(facts.uid)}, {"group", std::to_string(facts.gid)}},
         "lictor's own line to the agent is for the agent's user alone");
}

// `path`: the same thing in the agent's settings, `value` there.
void Draft::one_source(const std::string& setting, const std::string& secret, const std::string& path,
                       const Json* value) {
  if (secret.empty() || text_at(value).empty() || text_at(value) == secret) return;
  problems.push_back(Problem{setting, "its file and " + path + " (" + origin(path) + ") say different things",
                             "take one of the two out"});
}

void Draft::token_files() {
  const Secrets& secrets = facts.secrets;
  plan.registration_token = secrets.registration;
  const Json *acl = find(user(), "acl"), *tokens = find(user(), "acl", "tokens");
  if (secrets.agent.empty() && secrets.fallback.empty()) return;
  if ((acl && !acl->is_object()) || (tokens && !tokens->is_object())) return;  // recovery_token() says it
  const Json* before = find(given(), "acl");
  Json merged = before ? *before : Json::object();
  std::string from = config.given.origin("acl");
  for (const auto& [setting, secret, member, formerly] :
       {std::tuple("agent.tokens.agent_file", &secrets.agent, "agent", "acl_agent_token"),
        std::tuple("agent.tokens.default_file", &secrets.fallback, "default", "acl_token")}) {
    if (secret->empty()) continue;
    one_source(setting, *secret, std::string("acl.tokens.") + member, tokens ? find(*tokens, member) : nullptr);
    one_source(setting, *secret, formerly, find(user(), formerly));
    merged["tokens"][member] = *secret;
    from += (from.empty() ? "" : ", ") + std::string(setting);
  }
  if (const Json* persistence = acl ? find(*acl, "enable_token_persistence") : nullptr;
      persistence && *persistence == true) {
    plan.notices.push_back("acl.enable_token_persistence: true (" + origin("acl.enable_token_persistence") +
                           ") gives way to false: tokens come from files");
  }
  merged["enable_token_persistence"] = false;
  insisted.emplace_back("acl.enable_token_persistence");
  set("acl", std::move(merged), from);
}

void Draft::gossip_key() {
  for (const std::string& arg : settings.agent.args) {
    if (flag_name(arg) == "encrypt") {
      problems.push_back(Problem{"agent.args", "every user of the host can read the gossip key there",
                                 "put it into a file and name that in agent.encrypt_file"});
    }
  }
  if (facts.secrets.encrypt.empty()) return;
  one_source("agent.encrypt_file", facts.secrets.encrypt, "encrypt", find(user(), "encrypt"));
  set("encrypt", facts.secrets.encrypt, "agent.encrypt_file");
}

void Draft::recovery_token() {
  const Json *acl = find(user(), "acl"), *tokens = find(user(), "acl", "tokens");
  bool good = usable("acl", acl, &Json::is_object, "object");
  good &= usable("acl.tokens", tokens, &Json::is_object, "object");
  if (!good) return;
  // acl_datacenter, of old, turns ACLs on: unless acl.enabled says otherwise, which from 1.11 on does not help.
  const Json* enabled = find(user(), "acl", "enabled");
  const bool of_old = !text_at(find(user(), "acl_datacenter")).empty();
  const bool insists = of_old && !(facts.agent_version && *facts.agent_version < AgentVersion{1, 11, 0});
  if (insists && enabled && *enabled == false) {
    plan.notices.push_back(
        "acl_datacenter (" + origin("acl_datacenter") +
        ") turns ACLs on from Consul 1.11 on, whatever acl.enabled says: write primary_datacenter in its place");
  }
  const bool on = insists || (enabled ? *enabled == true : of_old);
  if (!on) return;

  const std::array theirs{text_at(tokens ? find(*tokens, "agent_recovery") : nullptr),
                          text_at(tokens ? find(*tokens, "agent_master") : nullptr),
                          text_at(find(user(), "acl_agent_master_token"))};
  const auto set_already = std::find_if_not(theirs.begin(), theirs.end(), [](const auto& t) { return t.empty(); });
  if (set_already != theirs.end()) {
    plan.token = *set_already;
    return;
  }
  plan.token = facts.recovery_token;
  const Json* so_far = find(plan.consul_json, "acl");
  Json with_token = so_far ? *so_far : Json::object();
  with_token["tokens"][recovery_token_key(facts.agent_version)] = facts.recovery_token;
  const std::string from = plan.origins.count("acl") ? plan.origins["acl"] + ", " : "";
  set("acl", std::move(with_token), from + "lictor");
}

void Draft::command() {
  plan.argv = {facts.binary, "agent"};
  for (const std::string& dir : settings.agent.config_dirs) plan.argv.push_back("-config-dir=" + dir);
  for (std::string arg : settings.agent.args) {
    const std::string name = flag_name(arg);
    if (name == "join") {
      arg.insert(arg.find(name), "retry-");
      plan.notices.push_back("agent.args: -join gives way to -retry-join: an agent that finds no server waits for one");
    }
    plan.argv.push_back(std::move(arg));
  }
  plan.argv.push_back("-config-file=" + facts.config_path);
}

// Arguments beat files, and -hcl beats arguments: what has to be as lictor has it goes there where they say otherwise.
void Draft::overruling() {
  plan.effective = config.effective(plan.consul_json, plan.origins);
  Json overruled = Json::object();
  for (const std::string& path : insisted) {
    const Json *wanted_here = member_at(&plan.consul_json, path), *there = member_at(&plan.effective.merged, path);
    if (!wanted_here || !there || *wanted_here == *there) continue;
    Json part = *wanted_here;
    for (const std::string& key : reversed(split_list(path, '.'))) part = Json{{key, std::move(part)}};
    overruled.merge_patch(part);
  }
  if (overruled.empty()) return;
  plan.argv.push_back("-hcl=" + json_text(overruled));
  plan.effective.add({"lictor", overruled});
}

}  // namespace

ResultAll<Plan> make_plan(const Settings& settings, const AgentConfig& config, const PlanFacts& facts) {
  Draft draft{settings, config, facts, config.effective(), {}, {}};
  draft.plan.consul_json = config.given.merged;
  draft.plan.notices = facts.template_notices;
  draft.plan.origins = config.given.origins;
  draft.plan.contents = facts.contents;
  draft.refuse_server();
  draft.joining();
  draft.reloading();
  draft.address();
  draft.identity();
  draft.node_meta();
  draft.http();
  draft.unix_sockets();
  draft.token_files();
  draft.gossip_key();
  draft.recovery_token();
  const Json *encrypt = find(draft.user(), "auto_encrypt", "tls"),
             *auto_config = find(draft.user(), "auto_config", "enabled");
  draft.plan.api_after_join = (encrypt && *encrypt == true) || (auto_config && *auto_config == true);
  draft.command();
  draft.overruling();
  draft.plan.default_token = draft.token("default", "acl_token");
  draft.plan.agent_token = draft.token("agent", "acl_agent_token");
  draft.plan.environment = agent_environment(settings, facts, own_addresses(draft.plan.effective.merged, facts));
  draft.plan.rights = facts.rights;
  if (!draft.problems.empty()) return std::move(draft.problems);
  return std::move(draft.plan);
}

}  // namespace lictor
