#include "agent_config/former_unit.hpp"

#include "agent_config/listener_list.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "network/address.hpp"
#include "secrets/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lictor {
namespace {

// As systemd splits a line: at blanks, but for what is quoted.
std::vector<std::string> words_in_unit(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool begun = false;
  char quote = 0;
  for (const char c : line) {
    if (quote ? c == quote : c == '"' || c == '\'') {
      quote = quote ? '\0' : c;
      begun = true;
    } else if (!quote && (c == ' ' || c == '\t')) {
      if (begun) words.push_back(std::exchange(word, ""));
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  if (begun) words.push_back(word);
  return words;
}

// The lines NAME=VALUE, with those together that a backslash joins.
std::vector<std::pair<std::string, std::string>> lines_of(const std::string& text) {
  std::string joined = text;
  for (auto at = joined.find("\\\n"); at != joined.npos; at = joined.find("\\\n", at)) joined.replace(at, 2, " ");
  std::vector<std::pair<std::string, std::string>> lines;
  for (const std::string& line : split_list(joined, '\n')) {
    const auto equals = line.find('=');
    if (line[0] == '#' || line[0] == ';' || equals == line.npos) continue;
    lines.emplace_back(trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
  }
  return lines;
}

// A value of an EnvironmentFile=.
std::string unquoted(const std::string& value) { return join(words_in_unit(value), " "); }

std::vector<std::string> expanded(const std::vector<std::string>& words, const Environment& variables) {
  const auto value_of = [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  std::vector<std::string> out;
  for (std::string word : words) {
    if (word.size() > 1 && word[0] == '$' && word[1] != '{' && word[1] != '$') {
      for (std::string& one : words_in_unit(value_of(word.substr(1)))) out.push_back(std::move(one));
      continue;
    }
    for (auto open = word.find("${"); open != word.npos; open = word.find("${", open)) {
      const auto close = word.find('}', open);
      if (close == word.npos) break;
      const std::string value = value_of(word.substr(open + 2, close - open - 2));
      word.replace(open, close + 1 - open, value);
      open += value.size();
    }
    out.push_back(std::move(word));
  }
  return out;
}

// dotted path -> value, of all that is no object.
void flatten(const Json& value, const std::string& path, std::vector<std::pair<std::string, Json>>& into) {
  for (const auto& [key, member] : value.items()) {
    const std::string at = path.empty() ? key : path + "." + key;
    if (member.is_object()) {
      flatten(member, at, into);
    } else {
      into.emplace_back(at, member);
    }
  }
}

// Whether what an argument says is so under lictor.
bool kept(const Json* now, const Json& then) {
  if (!now || !then.is_array() || !now->is_array()) return now && *now == then;
  return std::all_of(then.begin(), then.end(),
                     [&](const Json& one) { return std::find(now->begin(), now->end(), one) != now->end(); });
}

std::string listeners_of(const Move& move) {
  std::vector<std::string> all;
  const EffectiveSettings settings(move.settings);
  const std::string client = text_in(settings.get("client_addr"));
  for (const auto& [name, title, usual] : {std::tuple("http", "HTTP", 8500),
                                           {"https", "HTTPS", -1},
                                           {"dns", "DNS", 8600},
                                           {"grpc", "gRPC", -1},
                                           {"grpc_tls", "gRPC with TLS", -1}}) {
    const Json* given = settings.get(std::string("ports.") + name);
    const int port = given && given->is_number_integer() ? given->get<int>() : usual;
    if (port <= 0) continue;
    const std::string own = text_in(settings.get(std::string("addresses.") + name));
    for (const std::string& one : split_listeners(!own.empty() ? own : client.empty() ? "127.0.0.1" : client)) {
      if (one == move.own_socket) continue;
      all.push_back(fmt::format("{} {}", title, is_unix(one) ? one : host_and_port(one, port)));
    }
  }
  const Json* serf = settings.get("ports.serf_lan");
  all.push_back("gossip " + host_and_port(move.address, serf && serf->is_number_integer() ? serf->get<int>() : 8301));
  return join(all, ", ");
}

std::vector<std::string> services_of(const AgentSettings& settings) {
  std::vector<std::string> names;
  for (const char* key : {"service", "services"}) {
    const Json* found = member_at(&settings.merged, key);
    for (const Json& one : found && found->is_array() ? *found : found ? Json::array({*found}) : Json::array()) {
      if (const std::string name = text_in(member_at(&one, "name")); !name.empty()) names.push_back(name);
    }
  }
  return names;
}

}  // namespace

std::optional<std::vector<std::string>> unit_arguments(
    const std::vector<std::string>& texts, const std::function<std::optional<std::string>(const std::string&)>& read) {
  std::string command;
  Environment variables, of_files;
  for (const std::string& text : texts) {
    for (const auto& [name, value] : lines_of(text)) {
      if (name == "ExecStart") command = value;
      if (name == "Environment") {
        for (const std::string& one : words_in_unit(value)) {
          const auto equals = std::min(one.find('='), one.size());
          variables[one.substr(0, equals)] = one.substr(std::min(equals + 1, one.size()));
        }
      }
      if (name != "EnvironmentFile" || value.empty()) continue;
      const auto lines = read(value[0] == '-' ? value.substr(1) : value);
      for (const auto& [variable, said] : lines_of(lines.value_or(""))) of_files[variable] = unquoted(said);
    }
  }
  for (auto& [name, value] : of_files) variables[name] = value;
  const std::vector<std::string> words = expanded(words_in_unit(command), variables);
  if (words.size() < 2 || words[1] != "agent") return std::nullopt;
  return std::vector(words.begin() + 2, words.end());
}

std::vector<std::string> told_of_move(const Move& move) {
  std::vector<std::string> lines;
  const std::string state = move.enabled && move.running ? "is enabled and runs" : move.running ? "runs" : "is enabled";
  if (move.enabled || move.running)
    lines.push_back(fmt::format("{} {}: take it out before lictor starts, with `systemctl disable --now {}`", move.unit,
                                state, move.unit.substr(0, move.unit.find('.'))));
  lines.push_back("kept: node " + move.name +
                  (move.same_id ? fmt::format(", id {}, data directory {}", move.id, move.data_dir) : ""));
  lines.push_back("kept: " + listeners_of(move));
  if (const auto of_files = services_of(move.settings); !of_files.empty())
    lines.push_back("kept: services of files: " + join(of_files, ", "));
  if (!move.registered.empty())
    lines.push_back("kept: services that programs have registered: " + join(move.registered, ", "));
  if (!move.same_id) lines.push_back(fmt::format("changed: the node's id, as {} holds none", move.data_dir));
  for (const std::string& path : move.unread)
    lines.push_back(
        fmt::format("changed: {} is read by {} and not under lictor; name it in agent.config_dirs or "
                    "agent.config_files",
                    path, move.unit));
  std::vector<std::pair<std::string, Json>> given;
  flatten(without_secrets(move.flags.values), "", given);
  flatten(without_secrets(move.flags.lists), "", given);
  const Json now = without_secrets(move.settings.merged);
  for (const auto& [path, value] : given) {
    const Json* here = member_at(&now, path);
    if (kept(here, value)) continue;
    lines.push_back(fmt::format("changed: {} is {}, and not {} as {} has it; put that into agent.config to keep it",
                                path, here ? json_text(*here) : "unset", json_text(value), move.unit));
  }
  if (!move.added.empty())
    lines.push_back(fmt::format("changed: lictor registers a service of its own, {}, unless `services` says otherwise",
                                join(move.added, ", ")));
  return lines;
}

Problems refused_moves(const Move& move) {
  Problems problems;
  for (const auto& [key, flag] :
       {std::pair("server", "-server"), {"bootstrap", "-bootstrap"}, {"bootstrap_expect", "-bootstrap-expect"}}) {
    const auto found = move.flags.values.find(key);
    if (found == move.flags.values.end() || *found == false || *found == 0) continue;
    problems.push_back(Problem{move.unit, std::string(flag) + " there makes the agent a server",
                               "run servers without lictor: it attends client agents"});
  }
  return problems;
}

}  // namespace lictor
