#include "ground.hpp"

#include "agent_config/address_templates.hpp"
#include "agent_config/blocked_endpoints.hpp"
#include "agent_config/io/agent_binary.hpp"
#include "agent_evaluator.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "files/io/file_watch.hpp"
#include "files/io/files.hpp"
#include "files/io/ownership.hpp"
#include "files/io/storage.hpp"
#include "ground_identity.hpp"
#include "ground_services.hpp"
#include "problems.hpp"
#include "process/io/as_user.hpp"
#include "process/io/host.hpp"
#include "trust.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

namespace lictor {
namespace {

// Whether the agent to come lets a member that has left be no matter for its id.
bool frees_ids(const PlanFacts& facts) {
  const auto version = known_agent_version(facts.data_dir, facts.binary);
  return version && *version >= AgentVersion{1, 7, 3};
}

std::optional<std::string> address_of(const std::string& interface, const std::vector<Interface>& interfaces) {
  for (const Interface& i : interfaces) {
    if (i.name != interface) continue;
    for (const InterfaceAddress& a : i.addresses) {
      if (!a.link_local && !a.unusable) return a.address;
    }
  }
  return std::nullopt;
}

// The official image's entrypoint makes an argument of it, which beats bind_addr.
bool by_entrypoint(const Settings& settings) {
  const auto origin = settings.origins.find("bind.interface");
  return origin != settings.origins.end() && origin->second == "CONSUL_BIND_INTERFACE";
}

// `agent`: what the user would have the agent go by, with addresses in the place of templates but for bind_addr.
BindRules bind_rules(const Settings& settings, const Json& agent) {
  BindRules rules;
  rules.globs = settings.bind.interface;
  rules.ipv6 = settings.bind.ipv6;
  rules.cidr = settings.bind.cidr;
  if (by_entrypoint(settings)) return rules;
  rules.configured = text_setting(agent, "bind_addr");
  if (const std::string advertised = text_setting(agent, "advertise_addr").value_or(""); one_address(advertised)) {
    rules.advertised = advertised;
  } else if (const std::string gossip = text_setting(agent, "serf_lan").value_or(""); one_address(gossip)) {
    rules.advertised = gossip;
    rules.by_serf_lan = true;
  }
  return rules;
}

// go-sockaddr runs `ip`, from PATH or else from /sbin, to see the default route.
TemplateEvaluator template_evaluator(const std::vector<Interface>& interfaces, const PlanFacts& facts) {
  const bool ip_command = find_binary("ip", facts.environment).has_value() || ::access("/sbin/ip", X_OK) == 0;
  return {{interfaces, ip_command}, facts.by_agent};
}

// What a template gave, `bound`, is kept while the host has it, as by the agent, which evaluates it at its start alone.
AddressChoice chosen_address(BindRules rules, const std::vector<Interface>& interfaces, const PlanFacts& facts,
                             const BindAddress* bound, const std::string& held, std::vector<std::string>& notices) {
  Json config = {{"bind_addr", rules.configured.value_or("")}};
  if (!has_address_templates(config)) return choose_address(rules, interfaces, held);
  if (bound != nullptr) {
    rules.configured = bound->address;
    if (auto still = choose_address(rules, interfaces); still.bind) return still;
  }
  auto evaluated = evaluate_bind_addr(config, template_evaluator(interfaces, facts));
  if (!evaluated) return {evaluated.error(), {}, {}};
  std::move(evaluated->notices.begin(), evaluated->notices.end(), std::back_inserter(notices));
  rules.configured = config["bind_addr"].get<std::string>();
  return choose_address(rules, interfaces, held);
}

// Whether what chooses the address is what chose it for what runs.
bool bound_alike(const Settings& settings, const AgentSettings& agent, const Ground* bound) {
  return bound != nullptr &&
         bind_rules(settings, agent.merged) == bind_rules(bound->settings, bound->planned().effective().merged);
}

// `held`: the address that this node has.
Result<void> find_addresses(const Settings& settings, const AgentSettings& agent,
                            const std::vector<Interface>& interfaces, PlanFacts& facts, const Running& running,
                            const std::string& held) {
  const BindRules rules = bind_rules(settings, agent.merged);
  const Ground* const bound = running.bound;
  const bool same = bound_alike(settings, agent, bound);
  auto bind =
      same && running.moves == Moves::never
          ? Result<BindAddress>(bound->facts.bind)
          : chosen_address(rules, interfaces, facts, same ? &bound->facts.bind : nullptr, held, facts.template_notices)
                .bind;
  if (!bind) return bind.error();
  facts.bind = std::move(*bind);
  const auto theirs = text_setting(agent.merged, "bind_addr");
  if (theirs && by_entrypoint(settings) && *theirs != facts.bind.address)
    facts.bind.notice = fmt::format("bind_addr: {} ({}) gives way to {}, of CONSUL_BIND_INTERFACE", *theirs,
                                    agent.origin("bind_addr"), facts.bind.address);
  if (settings.client_interface) {
    facts.client_address = address_of(*settings.client_interface, interfaces);
    if (!facts.client_address) {
      return Problem{
          "CONSUL_CLIENT_INTERFACE",
          fmt::format("no usable address on {} (seen: {})", *settings.client_interface, describe(interfaces)),
          "name an interface that has one", Exit::retry};
    }
  }
  return {};
}

// What of the node's addresses would be another one than `bound` has; empty: nothing.
std::string other_than(const Ground& bound, const BindAddress& bind, const TemplateValues& by_template) {
  if (bind.address != bound.facts.bind.address) return bind.address;
  for (const auto& [text, value] : by_template) {
    const auto before = bound.by_template.find(text);
    if (before != bound.by_template.end() && before->second != value) return value;
  }
  return "";
}

TemplatesInUse templates_in_use(const Running& running) {
  static const TemplateValues none;
  return {running.bound ? running.bound->by_template : none, running.moves == Moves::never};
}

// What the templates of an agent's settings gave.
struct Evaluation {
  std::optional<AgentConfig> config;  // with addresses in their place; nothing where there are none
  TemplateValues by_template;
};

// The node's addresses, as `running` has it: into `facts`, but for those by template.
Result<Evaluation> settle_addresses(const Settings& settings, const AgentConfig& config, const Interfaces& interfaces,
                                    PlanFacts& facts, const Running& running, const std::string& held) {
  if (!interfaces) return interfaces.error();
  Evaluation evaluation;
  if (has_address_templates(config.effective().merged)) {
    evaluation.config = config;
    auto evaluated =
        evaluate_other_addresses(*evaluation.config, template_evaluator(*interfaces, facts), templates_in_use(running));
    if (!evaluated) return evaluated.error();
    evaluation.by_template = std::move(evaluated->values);
    facts.template_notices = std::move(evaluated->notices);
  }
  const AgentSettings& wanted = (evaluation.config ? *evaluation.config : config).effective();
  if (auto found = find_addresses(settings, wanted, *interfaces, facts, running, held); !found) return found.error();
  if (running.moves != Moves::later || !bound_alike(settings, wanted, running.bound)) return evaluation;
  const std::string other = other_than(*running.bound, facts.bind, evaluation.by_template);
  if (other.empty()) return evaluation;
  return Problem{
      "bind.settle",
      fmt::format("the address {} is gone, and {} has yet to settle", running.bound->facts.bind.address, other),
      "the settings are read again when there is an address", Exit::retry};
}

std::string held_address(const Running& running, const StoredIdentity& stored) {
  if (running.bound != nullptr) return running.bound->facts.bind.address;
  const auto identity = parse_identity(stored.record.value_or(""));
  return identity ? identity->address : "";
}

// What keeps an agent from starting with its keyring is a problem, another key than the configured one only worth telling.
std::optional<Problem> look_at_keyring(const PlanFacts& facts, const Json& consul_json, Problems& problems) {
  if (consul_json.value("disable_keyring_file", Json()) == true) return std::nullopt;
  const std::string path = keyring_path(facts);
  const auto text = read_file(path);
  if (!text || !*text) return std::nullopt;  // one that can't be read is the agent user's own affair
  const auto keys = parse_keyring(path, **text);
  if (!keys) problems.push_back(keys.error());
  const auto key = text_setting(consul_json, "encrypt");
  return keys && key ? keyring_disagreement(path, *keys, *key) : std::nullopt;
}

std::uint64_t digest_of(const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) all += std::to_string(content_digest(path)) + " ";
  return std::hash<std::string>()(all);
}

// An agent asks its own acl.default_policy, "allow" where there is none, about its own API.
bool denies_by_default(const Json& config) {
  const Json acl = config.value("acl", Json::object());
  const Json policy = acl.is_object() && acl.contains("default_policy") ? acl["default_policy"]
                                                                        : config.value("acl_default_policy", Json());
  return policy == "deny";
}

// Nobody reaches a node at an address of this host that its gossip does not listen on.
std::optional<std::string> unheard_address(const Ground& ground, const std::vector<Interface>& interfaces) {
  const Json& effective = ground.plan.effective.merged;
  const std::string advertised = text_setting(effective, "advertise_addr").value_or("");
  const std::string listens =
      text_setting(effective, "serf_lan").value_or(text_setting(effective, "bind_addr").value_or(""));
  if (!one_address(listens) || listens == advertised || !on_host(advertised, interfaces)) return std::nullopt;
  return fmt::format(
      "advertise_addr: {} ({}) is another address of this host than {}, which the agent listens on, so the servers "
      "will take the node for failed; advertise the same, or listen on all addresses (bind_addr 0.0.0.0)",
      advertised, ground.plan.effective.origin("advertise_addr"), listens);
}

// What an operator should know at a start, beside what the plan and the blocked endpoints have to say.
std::vector<std::string> warnings_of(const Ground& ground, const std::vector<Interface>& interfaces, bool running) {
  std::vector<std::string> warnings;
  if (auto warning = unheard_address(ground, interfaces)) warnings.push_back(std::move(*warning));
  const PlanFacts& facts = ground.facts;
  if (auto warning = fleeting_storage(facts.data_dir)) warnings.push_back(std::move(*warning));
  for (const std::string& path : ground.open_secrets)
    warnings.push_back(path +
                       ": every user of this host can read this secret; take the right from others (chmod "
                       "o-r, in a Secret volume defaultMode: 0440)");
  if (const auto& unknown = ground.settings.unknown_variables; !unknown.empty())
    warnings.push_back(
        fmt::format("{}: no setting of lictor's has this name, and it is passed on to the agent; unset it if "
                    "lictor was meant",
                    join(unknown, ", ")));
  if (ground.keyring) warnings.push_back(to_string(*ground.keyring));
  if (const auto unread = unread_files(ground.settings); !unread.empty())
    warnings.push_back(
        fmt::format("agent.config_files: only what it names is read, and not {}; name the folder in "
                    "agent.config_dirs: an agent takes no comments in a .json file there",
                    join(unread, ", ")));
  for (std::string& warning : trust_warnings(ground.settings, facts)) warnings.push_back(std::move(warning));
  if (struct stat top{}; !running && geteuid() == 0 && stat(facts.data_dir.c_str(), &top) == 0 &&
                         top.st_uid == facts.uid && top.st_gid == facts.gid) {
    // A directory that is the agent user's is not handed over again.
    if (const auto entry = foreign_entry(facts.data_dir, facts.uid, facts.gid))
      warnings.push_back(fmt::format("{}: uid {} may not write it; give it to that user (chown)", *entry, facts.uid));
  }
  if (!ground.plan.token.empty() && !denies_by_default(ground.plan.effective.merged))
    warnings.push_back(
        "acl.default_policy: on this client it is not \"deny\", so whoever reaches the agent's API may reload the "
        "agent "
        "and have the node leave, with any token or none; set it to \"deny\", as on the servers");
  return warnings;
}

}  // namespace

std::string keyring_path(const PlanFacts& facts) { return facts.data_dir + "/serf/local.keyring"; }

std::string member_snapshot(const Ground& ground) { return ground.facts.data_dir + "/serf/local.snapshot"; }

ResultAll<Ground> look(const Settings& settings, const Environment& environment, const Interfaces& interfaces,
                       const Running& running) {
  Sources sources;
  Problems problems;
  if (!read_sources(sources, settings, environment, problems)) return problems;
  if (problems.empty())
    sources.facts.by_agent = evaluated_by_agent(sources, templates_for_agent(sources, interfaces, running.bound));
  return look(std::move(sources), interfaces, running, std::move(problems));
}

ResultAll<Look> begin_look(Sources sources, const Interfaces& interfaces, const Running& running, Problems problems) {
  Ground ground;
  static_cast<Sources&>(ground) = std::move(sources);
  const Settings& settings = ground.settings;
  PlanFacts& facts = ground.facts;
  facts.recovery_token = running.token.empty() ? random_uuid() : running.token;
  facts.agent_version =
      running.token.empty() ? known_agent_version(facts.data_dir, facts.binary) : running.agent_version;
  const AgentSettings& wanted = ground.config.effective();
  for (const auto& [key, files] : agent_files(wanted)) facts.contents[key] = digest_of(files);
  auto stored = stored_identity(facts.data_dir, running.identity);
  if (!got(stored, problems)) return problems;
  auto evaluation =
      settle_addresses(settings, ground.config, interfaces, facts, running, held_address(running, *stored));
  if (!got(evaluation, problems) || !problems.empty()) return problems;
  ground.evaluated = std::move(evaluation->config);
  ground.by_template = std::move(evaluation->by_template);

  auto identity =
      settled_identity(settings, ground.config, facts, *stored, !running.identity, running.left && frees_ids(facts));
  if (!got(identity, problems)) return problems;
  ground.identity = std::move(*identity);
  facts.identity = ground.identity.identity;
  facts.id_origin = ground.identity.id_origin;
  facts.name_origin = ground.identity.name_origin;
  auto plan = make_plan(settings, ground.planned(), facts);
  if (!got(plan, problems)) return problems;
  ground.plan = std::move(*plan);
  ServicesMaker services = services_of(ground, running.bound);
  return Look{std::move(ground), std::move(services), std::move(problems), *interfaces, !running.token.empty()};
}

ResultAll<Ground> end_look(Look look) {
  Ground& ground = look.ground;
  Problems& problems = look.problems;
  auto services = look.services.made();
  if (!got(services, problems)) return problems;
  ground.services = std::move(*services);
  ground.keyring = look_at_keyring(ground.facts, ground.plan.effective.merged, problems);
  BlockedEndpoints blocked = blocked_endpoints(ground.plan.effective.merged, !ground.services.empty(),
                                               ground.settings.stop.policy != StopPolicy::stay);
  problems.insert(problems.end(), blocked.problems.begin(), blocked.problems.end());
  if (!problems.empty()) return problems;
  ground.warnings = std::move(blocked.warnings);
  const auto more = warnings_of(ground, look.interfaces, look.running);
  ground.warnings.insert(ground.warnings.end(), more.begin(), more.end());
  return std::move(ground);
}

ResultAll<Ground> look(Sources sources, const Interfaces& interfaces, const Running& running, Problems problems) {
  auto begun = begin_look(std::move(sources), interfaces, running, std::move(problems));
  if (!begun) return begun.error();
  begun->services.make(std::numeric_limits<std::size_t>::max());
  return end_look(std::move(*begun));
}

std::vector<std::string> templates_for_agent(const Sources& sources, const Interfaces& interfaces,
                                             const Ground* bound) {
  const Json& agent = sources.config.effective().merged;
  if (!interfaces || !has_address_templates(agent)) return {};
  TemplateValues kept = bound ? bound->by_template : TemplateValues();
  if (bound) kept.emplace(text_setting(agent, "bind_addr").value_or(""), bound->facts.bind.address);
  return templates_for_agent(agent, template_evaluator(*interfaces, sources.facts).host, {kept});
}

Result<std::string> other_address(const Ground& ground, const Interfaces& interfaces) {
  PlanFacts facts;
  facts.environment = ground.facts.environment;
  facts.by_agent = ground.facts.by_agent;
  const Running running{
      .token = {}, .agent_version = {}, .bound = &ground, .moves = Moves::now, .identity = {}, .left = false};
  const auto evaluation =
      settle_addresses(ground.settings, ground.config, interfaces, facts, running, ground.facts.bind.address);
  if (!evaluation) return evaluation.error();
  return other_than(ground, facts.bind, evaluation->by_template);
}

AddressChoice address_at_start(const Ground& ground, const std::vector<Interface>& interfaces, bool remembers) {
  const auto stored = stored_identity(ground.facts.data_dir, std::nullopt);
  const std::string held = remembers && stored ? held_address({}, *stored) : "";
  std::vector<std::string> notices;  // told by the look
  return chosen_address(bind_rules(ground.settings, ground.planned().effective().merged), interfaces, ground.facts,
                        nullptr, held, notices);
}

Result<IdentityVerdict> look_at_identity(const Ground& ground) {
  const auto stored = stored_identity(ground.facts.data_dir, ground.facts.identity);
  if (!stored) return stored.error();
  return settled_identity(ground.settings, ground.config, ground.facts, *stored, false, false);
}

ResultAll<Ground> take_id(const Ground& ground, const Interfaces& interfaces, const std::string& id) {
  Identity taken = ground.facts.identity;
  taken.id = id;
  taken.when = now_rfc3339();
  return look(static_cast<const Sources&>(ground), interfaces,
              {.token = ground.facts.recovery_token,
               .agent_version = ground.facts.agent_version,
               .bound = &ground,
               .moves = Moves::never,
               .identity = std::move(taken),
               .left = false});
}

}  // namespace lictor
