// The settings file, and after it the environment, a line NAME=VALUE for each variable.
#include "settings/settings.hpp"

#include "base/json_text.hpp"
#include "fuzz.hpp"

using namespace lictor;

namespace {

Environment environment_of(std::string_view lines) {
  Environment out;
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (const auto equals = line.find('='); equals != line.npos)
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

bool same(const std::optional<std::vector<Definition>>& a, const std::optional<std::vector<Definition>>& b) {
  if (!a || !b) return !a && !b;
  return std::equal(a->begin(), a->end(), b->begin(), b->end(),
                    [](const Definition& x, const Definition& y) { return x.json == y.json && x.digest == y.digest; });
}

bool same(const Settings& a, const Settings& b) {
  return a.origins == b.origins && a.agent.config == b.agent.config && a.agent.args == b.agent.args &&
         a.agent.env == b.agent.env && a.bind.interface == b.bind.interface && a.bind.cidr == b.bind.cidr &&
         a.bind.wait == b.bind.wait && a.bind.settle == b.bind.settle && a.node.name == b.node.name &&
         a.node.meta == b.node.meta && same(a.services, b.services) &&
         a.hooks.pre_stop.size() == b.hooks.pre_stop.size() && a.stop.timeout == b.stop.timeout &&
         a.control.http == b.control.http && a.consul_local_config == b.consul_local_config;
}

}  // namespace

FUZZ_TARGET(settings) {
  const auto input = fuzz::parts(fuzz::text(data, size));
  const Environment environment = environment_of(fuzz::part(input, 1).value_or(""));
  const SettingsFile file{"lictor.json", input[0]};
  const auto read = read_settings(input[0].empty() ? std::nullopt : std::optional(file), environment);
  if (!read) {
    fuzz::expect(!read.error().empty(), "a refusal has a reason");
    for (const Problem& p : read.error()) {
      fuzz::expect(!p.what.empty() && !p.why.empty() && !p.hint.empty(), "a problem says what, why and what to do");
    }
    return 0;
  }
  for (const SettingKey& key : setting_keys()) {
    fuzz::expect(read->origins.contains(key.path), "every key has an origin");
  }
  for (const Duration d : {read->bind.wait, read->bind.settle, read->stop.linger, read->stop.timeout, read->restart.min,
                           read->restart.max}) {
    const auto again = parse_duration(format_duration(d));
    fuzz::expect(again && *again == d, "a duration is read as it was written");
  }
  if (input[0].empty()) return 0;
  const auto json = parse_json(file.name, file.text);
  fuzz::expect(json.has_value(), "settings that are good are JSON");
  const auto reread = read_settings(SettingsFile{file.name, json->dump(2)}, environment);
  fuzz::expect(reread && same(*read, *reread), "settings that are good stay the same when printed and read again");
  return 0;
}
