#include "agent_config/address_templates.hpp"

#include <algorithm>
#include <optional>

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

std::vector<std::string> words_of(std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
  return split_list(value, ' ');
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

// Nothing: the template is left as it is, `left` says why.
Result<std::optional<std::vector<std::string>>> evaluated(const std::string& key, const std::string& text,
                                                          const TemplateHost& host, std::string& left) {
  const auto value = evaluate_template(text, host);
  if (const auto* const refused = std::get_if<TemplateRefused>(&value)) return refusal(key, text, *refused);
  if (const auto* const open = std::get_if<TemplateNotEvaluated>(&value)) {
    left = key + ": " + text + " is left to the agent: lictor does not evaluate " + open->why;
    return std::optional<std::vector<std::string>>();
  }
  return std::optional(words_of(std::get<std::string>(value)));
}

// A socket, or all addresses, is nothing that comes and goes.
bool host_has(const TemplateHost& host, const std::string& word) {
  return !one_address(word) || on_host(word, host.interfaces);
}

// What the template gave before, as far as that is kept.
const std::string* kept_value(const std::string& text, const TemplateHost& host, const TemplatesInUse& in_use) {
  const auto found = in_use.values.find(text);
  if (found == in_use.values.end()) return nullptr;
  const auto words = words_of(found->second);
  const bool there = std::all_of(words.begin(), words.end(), [&](const auto& word) { return host_has(host, word); });
  return there || in_use.though_gone ? &found->second : nullptr;
}

// Nothing: it is left as it is.
Result<std::optional<std::string>> value_of(const std::string& key, const std::string& text, Takes takes,
                                            const TemplateHost& host, std::string& left) {
  const auto words = evaluated(key, text, host, left);
  if (!words) return words.error();
  if (!*words) return std::optional<std::string>();
  if (auto fits = fitting(key, text, **words, takes, host); !fits) return fits.error();
  return std::optional(join(**words, " "));
}

Result<void> put(Json& at, const std::string& key, Takes takes, const TemplateHost& host, std::string& left) {
  if (!has_template(at)) return {};
  auto value = value_of(key, at.get<std::string>(), takes, host, left);
  if (!value) return value.error();
  if (*value) at = std::move(**value);
  return {};
}

// A list of whom to join: what a template gives takes its place in it.
Result<void> put_all(Json& list, const std::string& key, const TemplateHost& host, std::vector<std::string>& notices) {
  Json all = Json::array();
  for (const Json& each : list) {
    std::string left;
    using Words = std::optional<std::vector<std::string>>;
    const auto words =
        has_template(each) ? evaluated(key, each.get<std::string>(), host, left) : Result<Words>(Words());
    if (!words) return words.error();
    if (!left.empty()) notices.push_back(left);
    if (!*words)
      all.push_back(each);
    else
      for (const std::string& word : **words) all.push_back(word);
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

Result<void> evaluate_bind_addr(Json& config, const TemplateHost& host) {
  const auto at = config.find(bind_place.key);
  std::string left;  // told by the choice that takes its place
  return at == config.end() ? Result<void>() : put(*at, bind_place.key, bind_place.takes, host, left);
}

Result<TemplatesEvaluated> evaluate_other_addresses(Json& config, const TemplateHost& host,
                                                    const TemplatesInUse& in_use) {
  TemplatesEvaluated all;
  const auto singles = for_each_place(config, [&](Json& at, const std::string& key, Takes takes) -> Result<void> {
    if (!has_template(at)) return {};
    const std::string text = at.get<std::string>();
    std::string left;
    const std::string* const kept = kept_value(text, host, in_use);
    auto value = kept ? Result<std::optional<std::string>>(*kept) : value_of(key, text, takes, host, left);
    if (!value) return value.error();
    // The plan tells of an advertise_addr that gives way.
    if (!left.empty() && key != "advertise_addr") all.left.push_back(left);
    if (*value) at = all.values[text] = **value;
    return {};
  });
  if (!singles) return singles.error();
  for (const char* const key : lists) {
    const auto at = config.find(key);
    if (at == config.end() || !at->is_array()) continue;
    if (auto done = put_all(*at, key, host, all.left); !done) return done.error();
  }
  return all;
}

Result<TemplatesEvaluated> evaluate_other_addresses(AgentConfig& config, const TemplateHost& host,
                                                    const TemplatesInUse& in_use) {
  if (!has_address_templates(config.effective().merged)) return TemplatesEvaluated();
  Json all = config.effective().merged;
  auto evaluated = evaluate_other_addresses(all, host, in_use);
  if (!evaluated) return evaluated;
  const auto put_in = [&](Json& part) {
    Json copy = part;
    if (evaluate_other_addresses(copy, host, {evaluated->values, true})) part = std::move(copy);
  };
  put_in(config.before.merged);
  put_in(config.given.merged);
  for (AgentConfigFile& file : config.after) put_in(file.content);
  config.join();
  return evaluated;
}

}  // namespace lictor
