#include "agent_config/script_checks.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <utility>

namespace lictor {
namespace {

constexpr std::array<std::string_view, 7> kShells{"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"};
// What runs programs that are named behind it.
constexpr std::array<std::string_view, 16> kLeading{"env",    "sudo",  "nice",  "ionice", "chrt",    "timeout",
                                                    "setsid", "nohup", "flock", "xargs",  "taskset", "setpriv",
                                                    "exec",   "time",  "watch", "setarch"};
// What leaves the begin of a command where it is.
constexpr std::array<std::string_view, 9> kKeywords{"if", "then", "else", "elif", "do", "while", "until", "!", "{"};

template <class List>
bool one_of(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view last_part(std::string_view word) { return word.substr(word.rfind('/') + 1); }

// Takes words one after the other, and knows where a command begins.
class Words {
 public:
  void take(std::string word) {
    if (word.empty()) return;
    const bool skipped = word.front() == '-' || std::isdigit(static_cast<unsigned char>(word.front())) != 0 ||
                         word.find('=') != word.npos || one_of(kKeywords, word);
    const bool target = std::exchange(redirected_, false);
    const bool program = begins_ && !target && !skipped;
    if (program) begins_ = one_of(kLeading, last_part(word)) || one_of(kShells, last_part(word));
    words.push_back({std::move(word), program});
  }
  void begin() { begins_ = true; }
  void redirect() { redirected_ = true; }

  std::vector<ScriptWord> words;

 private:
  bool begins_ = true, redirected_ = false;
};

void take_line(std::string_view line, Words& words) {
  std::string word;
  for (const char c : line) {
    if (std::string_view(" \t\n;|&()<>`\"'").find(c) == std::string_view::npos) {
      word += c;
      continue;
    }
    words.take(std::exchange(word, ""));
    if (std::string_view("\n;|&(`").find(c) != std::string_view::npos) words.begin();
    if (c == '<' || c == '>') words.redirect();
  }
  words.take(std::move(word));
}

// Consul spells its keys in more than one way.
const Json* member(const Json& object, std::initializer_list<std::string_view> names) {
  for (const auto& [key, value] : object.items()) {
    std::string lower = key;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
    if (std::find(names.begin(), names.end(), lower) != names.end()) return &value;
  }
  return nullptr;
}

template <class Take>
void each(const Json& list, const Take& take) {
  if (list.is_object()) return take(list);
  for (const Json& one : list.is_array() ? list : Json::array()) {
    if (one.is_object()) take(one);
  }
}

std::vector<ScriptWord> words_of_argv(const Json& argv) {
  Words words;
  bool shell = false;
  for (const Json& item : argv) {
    if (!item.is_string()) continue;
    const auto& word = item.get_ref<const std::string&>();
    if (words.words.empty()) shell = one_of(kShells, last_part(word));
    if (shell && !words.words.empty() && !word.starts_with('-')) {
      take_line(word, words);
    } else {
      words.take(word);
    }
  }
  return std::move(words.words);
}

class Collector {
 public:
  void check(const Json& check, const std::string& of) {
    const Json* argv = member(check, {"args", "scriptargs", "script_args"});
    const Json* line = member(check, {"script"});
    if (member(check, {"docker_container_id", "dockercontainerid"})) return;
    ScriptCheck found;
    if (argv && argv->is_array()) {
      found.words = words_of_argv(*argv);
    } else if (line && line->is_string()) {
      found.words = words_of_shell(line->get_ref<const std::string&>());
    }
    if (found.words.empty()) return;
    for (const char* key : {"name", "id", "checkid"}) {
      if (found.name.empty()) found.name = text_in(member(check, {key}));
    }
    if (found.name.empty()) found.name = of.empty() ? found.words.front().text : of;
    checks.push_back(std::move(found));
  }

  void service(const Json& service) {
    const std::string of = text_in(member(service, {"name"}));
    for (const char* key : {"check", "checks"}) {
      if (const Json* its = member(service, {key})) each(*its, [&](const Json& one) { check(one, of); });
    }
  }

  std::vector<ScriptCheck> checks;
};

}  // namespace

std::vector<ScriptWord> words_of_shell(std::string_view line) {
  Words words;
  take_line(line, words);
  return std::move(words.words);
}

std::vector<ScriptCheck> script_checks(const AgentSettings& settings, const std::vector<SharedJson>& services) {
  Collector collector;
  for (const char* key : {"service", "services"}) {
    if (const Json* own = member_at(&settings.merged, key))
      each(*own, [&](const Json& one) { collector.service(one); });
  }
  for (const char* key : {"check", "checks"}) {
    if (const Json* own = member_at(&settings.merged, key))
      each(*own, [&](const Json& one) { collector.check(one, ""); });
  }
  for (const SharedJson& service : services) collector.service(*service);
  return std::move(collector.checks);
}

}  // namespace lictor
