#include "agent_config/address_templates.hpp"

#include <algorithm>

#include "agent_config/listener_list.hpp"
#include "base/text.hpp"

namespace lictor {
namespace {

bool has_template(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().find("{{") != std::string::npos;
}

enum class Takes { one, one_or_none, some, any };

struct Place {
  const char* key;
  Takes takes;
};

constexpr Place bind_place{"bind_addr", Takes::one};
constexpr Place other_places[] = {
    {"advertise_addr", Takes::one}, {"serf_lan", Takes::one_or_none}, {"client_addr", Takes::some}};

// As the agent reads them: an address, the unspecified one in Consul's own spelling, a socket.
bool listener(const std::string& text) {
  return literal_address(text) || text == "[::]" || text.starts_with("unix://");
}

// What is wrong with the value of `text`, that stands under `key`; nothing: it is what the agent takes there.
Result<void> fitting(const std::string& key, const std::string& text, const std::vector<std::string>& words,
                     Takes takes, const TemplateHost& host) {
  if (words.empty() && (takes == Takes::one || takes == Takes::some)) {
    return Problem{key, text + " gives no address on this host (interfaces seen: " + describe(host.interfaces) + ")",
                   "give an interface such an address, or change the template", Exit::retry};
  }
  if (words.size() > 1 && (takes == Takes::one || takes == Takes::one_or_none)) {
    return Problem{key, text + " gives several addresses: " + join(words, ", "),
                   "have it give one, by include, by exclude, or by limit 1", Exit::config};
  }
  for (const std::string& word : words) {
    if (listener(word)) continue;
    return Problem{key, text + " gives \"" + harmless(word) + "\", which is no address",
                   "have it give addresses, several of them with blanks between", Exit::config};
  }
  return {};
}

Problem refusal(const std::string& key, const std::string& text, const TemplateRefused& refused) {
  return Problem{key, text + " is refused: " + refused.why, "correct the template; the agent would not start with it",
                 refused.whatever_the_host ? Exit::config : Exit::retry};
}

Problem not_evaluated(const std::string& key, const std::string& text, const std::string& why) {
  return Problem{key, text + " is for the agent's program to evaluate, and that did not: " + why,
                 "see whether `consul validate` runs here as the agent's user, or write the address another way",
                 Exit::retry};
}

// The words of what lictor evaluates, or the agent's program in its place: then `notices` tells of it.
Result<std::vector<std::string>> evaluated(const std::string& key, const std::string& text, const TemplateEvaluator& by,
                                           std::vector<std::string>& notices) {
  auto value = evaluate_template(text, by.host);
  if (const auto* const open = std::get_if<TemplateNotEvaluated>(&value)) {
    const std::string why = open->why;
    const auto answer = by.by_agent.find(text);
    value = answer == by.by_agent.end() ? TemplateNotEvaluated{"it has yet to be asked"} : answer->second;
    if (const auto* const told = std::get_if<std::string>(&value))
      notices.push_back(key + ": " + text + " is evaluated by the agent" + (told->empty() ? "" : ", to " + *told) +
                        ": lictor does not evaluate " + why);
  }
  if (const auto* const refused = std::get_if<TemplateRefused>(&value)) return refusal(key, text, *refused);
  if (const auto* const open = std::get_if<TemplateNotEvaluated>(&value)) return not_evaluated(key, text, open->why);
  return split_listeners(std::get<std::string>(value));
}

// A socket, or all addresses, is nothing that comes and goes.
bool host_has(const TemplateHost& host, const std::string& word) {
  return !one_address(word) || on_host(word, host.interfaces);
}

// What the template gave before, as far as that is kept.
const std::string* kept_value(const std::string& text, const TemplateHost& host, const TemplatesInUse& in_use) {
  const auto found = in_use.values.find(text);
  if (found == in_use.values.end()) return nullptr;
  const auto words = split_listeners(found->second);
  const bool there = std::all_of(words.begin(), words.end(), [&](const auto& word) { return host_has(host, word); });
  return there || in_use.though_gone ? &found->second : nullptr;
}

Result<std::string> value_of(const std::string& key, const std::string& text, Takes takes, const TemplateEvaluator& by,
                             std::vector<std::string>& notices) {
  const auto words = evaluated(key, text, by, notices);
  if (!words) return words.error();
  if (auto fits = fitting(key, text, *words, takes, by.host); !fits) return fits.error();
  return {boost::system::in_place_value, join(*words, " ")};
}

// A list of whom to join: what a template gives takes its place in it. One that lictor does not evaluate may give names, which
// its program would not tell, and is the agent's own affair.
Result<void> put_all(Json& list, const std::string& key, const TemplateHost& host, std::vector<std::string>& notices) {
  Json all = Json::array();
  for (const Json& each : list) {
    const std::string text = has_template(each) ? each.get<std::string>() : "";
    const auto value = evaluate_template(text, host);
    if (const auto* const refused = std::get_if<TemplateRefused>(&value)) return refusal(key, text, *refused);
    if (const auto* const open = std::get_if<TemplateNotEvaluated>(&value))
      notices.push_back(key + ": " + text + " is left to the agent: lictor does not evaluate " + open->why);
    const auto* const words = std::get_if<std::string>(&value);
    if (text.empty() || words == nullptr)
      all.push_back(each);
    else
      for (const std::string& word : split_listeners(*words)) all.push_back(word);
  }
  list = std::move(all);
  return {};
}

// Calls visit(value, key, takes) for each single setting that is there, bind_addr aside, until it returns a problem.
template <class Config, class Visit>
Result<void> for_each_place(Config& config, const Visit& visit) {
  for (const Place& place : other_places) {
    const auto at = config.find(place.key);
    if (at == config.end()) continue;
    if (auto done = visit(*at, std::string(place.key), place.takes); !done) return done;
  }
  const auto addresses = config.find("addresses");
  if (addresses == config.end() || !addresses->is_object()) return {};
  for (auto at = addresses->begin(); at != addresses->end(); ++at) {
    if (auto done = visit(*at, "addresses." + at.key(), Takes::any); !done) return done;
  }
  return {};
}

constexpr const char* lists[] = {"retry_join", "start_join"};

}  // namespace

bool has_address_templates(const Json& config) {
  bool any = config.contains("bind_addr") && has_template(config["bind_addr"]);
  (void)for_each_place(config, [&](const Json& value, const std::string&, Takes) -> Result<void> {
    any = any || has_template(value);
    return {};
  });
  for (const char* const key : lists) {
    const auto at = config.find(key);
    any = any || (at != config.end() && at->is_array() && std::any_of(at->begin(), at->end(), has_template));
  }
  return any;
}

std::vector<std::string> templates_for_agent(const Json& config, const TemplateHost& host,
                                             const TemplatesInUse& in_use) {
  std::vector<std::string> all;
  const auto add = [&](const Json& value, const std::string&, Takes) -> Result<void> {
    if (!has_template(value)) return {};
    const std::string text = value.get<std::string>();
    if (!kept_value(text, host, in_use) &&
        std::holds_alternative<TemplateNotEvaluated>(evaluate_template(text, host)) &&
        std::find(all.begin(), all.end(), text) == all.end())
      all.push_back(text);
    return {};
  };
  if (const auto at = config.find(bind_place.key); at != config.end()) (void)add(*at, bind_place.key, bind_place.takes);
  (void)for_each_place(config, add);
  return all;
}

Result<TemplatesEvaluated> evaluate_bind_addr(Json& config, const TemplateEvaluator& by) {
  TemplatesEvaluated all;
  const auto at = config.find(bind_place.key);
  if (at == config.end() || !has_template(*at)) return all;
  auto value = value_of(bind_place.key, at->get<std::string>(), bind_place.takes, by, all.notices);
  if (!value) return value.error();
  *at = std::move(*value);
  return all;
}

Result<TemplatesEvaluated> evaluate_other_addresses(Json& config, const TemplateEvaluator& by,
                                                    const TemplatesInUse& in_use) {
  TemplatesEvaluated all;
  const auto singles = for_each_place(config, [&](Json& at, const std::string& key, Takes takes) -> Result<void> {
    if (!has_template(at)) return {};
    const std::string text = at.get<std::string>();
    const std::string* const kept = kept_value(text, by.host, in_use);
    auto value =
        kept ? Result<std::string>(boost::system::in_place_value, *kept) : value_of(key, text, takes, by, all.notices);
    if (!value) return value.error();
    at = all.values[text] = *value;
    return {};
  });
  if (!singles) return singles.error();
  for (const char* const key : lists) {
    const auto at = config.find(key);
    if (at == config.end() || !at->is_array()) continue;
    if (auto done = put_all(*at, key, by.host, all.notices); !done) return done.error();
  }
  return all;
}

Result<TemplatesEvaluated> evaluate_other_addresses(AgentConfig& config, const TemplateEvaluator& by,
                                                    const TemplatesInUse& in_use) {
  if (!has_address_templates(config.effective().merged)) return TemplatesEvaluated();
  Json all = config.effective().merged;
  auto evaluated = evaluate_other_addresses(all, by, in_use);
  if (!evaluated) return evaluated;
  const auto put_in = [&](Json& part) {
    Json copy = part;
    if (evaluate_other_addresses(copy, by, {evaluated->values, true})) part = std::move(copy);
  };
  put_in(config.before.merged);
  put_in(config.given.merged);
  for (AgentConfigFile& file : config.after) put_in(file.content);
  config.join();
  return evaluated;
}

}  // namespace lictor
