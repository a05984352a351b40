#include "trust.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "files/io/folder.hpp"
#include "process/io/host.hpp"
#include "secrets/secrets.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace lictor {
namespace {

// The settings files, by what has come from one.
std::set<std::string> settings_files(const Settings& settings, const Environment& environment) {
  std::set<std::string> files;
  for (const auto& [key, origin] : settings.origins) {
    if (origin != "default" && !environment.contains(origin)) files.insert(origin);
  }
  return files;
}

// The program of each hook, and what it is given that is a file.
std::set<std::string> hook_files(const Settings& settings, const Environment& environment) {
  std::set<std::string> files;
  for (const auto* hooks : {&settings.hooks.post_start, &settings.hooks.pre_stop}) {
    for (const Hook& hook : *hooks) {
      if (const auto program = find_binary(hook.command.front(), environment)) files.insert(*program);
      struct stat about {};
      for (const std::string& word : hook.command) {
        if (word.starts_with('/') && ::stat(word.c_str(), &about) == 0 && S_ISREG(about.st_mode)) files.insert(word);
      }
    }
  }
  return files;
}

// The variables named like secrets that `text` shows.
std::set<std::string> secrets_named(const std::string& text) {
  std::set<std::string> names;
  expand(text, [&names](const std::string& name) -> std::optional<std::string> {
    if (names_a_secret(name)) names.insert(name);
    return std::nullopt;
  });
  return names;
}

// Whether it names any at all: of thousands of definitions most don't.
bool names_secrets(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.find("${") != text.npos && !secrets_named(text).empty();
  }
  return value.is_structured() && std::any_of(value.begin(), value.end(), names_secrets);
}

}  // namespace

std::vector<std::string> trust_warnings(const Settings& settings, const PlanFacts& facts) {
  std::vector<std::string> warnings;
  const auto look_at = [&warnings](const std::string& path, const char* what, const char* so) {
    if (const auto others = others_who_write(path))
      warnings.push_back(fmt::format("{}: {}: {}, and so {}; leave the right to root", path, what, *others, so));
  };
  for (const std::string& file : settings_files(settings, facts.environment))
    look_at(file, "settings", "choose what lictor runs, and as whom");
  look_at(facts.binary, "the agent's program", "choose what runs as the agent's user");
  for (const std::string& file : hook_files(settings, facts.environment))
    look_at(file, "a hook's", "choose what runs as the agent's user");
  look_at(settings.run_dir, "run_dir", "keep lictor from starting");

  for (const auto& [key, value] : settings.node.meta) {
    for (const std::string& name : secrets_named(value))
      warnings.push_back(
          fmt::format("node.meta.{}: ${{{}}} is named like a secret, and everybody who reads the catalog "
                      "sees its value; take it out",
                      key, name));
  }
  if (!settings.services) return warnings;
  std::set<std::string> shown;
  for (const Definition& definition : *settings.services) {
    // Tokens and headers of checks are between lictor and the agent.
    if (!secrets_named(definition.json.text()).empty() && names_secrets(definition.json))
      shown.merge(secrets_named(json_text(without_secrets(definition.json))));
  }
  for (const std::string& name : shown)
    warnings.push_back(
        fmt::format("services: ${{{}}} is named like a secret, and everybody who reads the catalog sees "
                    "its value; take it out",
                    name));
  return warnings;
}

std::optional<Problem> handover_refused(const Settings& settings, const AgentConfig& config,
                                        const std::string& data_dir, unsigned uid) {
  if (::geteuid() != 0 || uid == 0 || settings.node.data_dir) return std::nullopt;
  const AgentSettings& wanted = config.effective();
  const auto origin = wanted.origins.find("data_dir");
  if (origin == wanted.origins.end()) return std::nullopt;
  // Not a file: agent.config, an argument.
  if (!origin->second.starts_with('/')) return std::nullopt;
  struct stat about {};
  if (::stat(data_dir.c_str(), &about) == 0 && about.st_uid == uid) return std::nullopt;
  const auto others = others_who_write(origin->second);
  if (!others) return std::nullopt;
  return Problem{
      data_dir,
      fmt::format("named by {} alone, and {}: root makes no folder and gives none away at the word of others",
                  origin->second, *others),
      fmt::format("name it in node.data_dir, or make it yourself and give it to uid {}", uid), Exit::config};
}

}  // namespace lictor
