// Service definitions as users write them, to bodies that the agent's API takes.
#include "agent_api/node_check.hpp"
#include "agent_api/services.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

namespace lictor {
namespace {

std::string in_api_spelling(const std::string& key, bool of_check) {
  static const std::set<std::string> acronyms{"id", "http", "tcp", "udp", "ttl", "grpc", "tls", "os"};
  if (std::any_of(key.begin(), key.end(), [](unsigned char c) { return std::isupper(c) != 0; })) return key;
  // A check inside a service calls its id otherwise than the configuration does.
  if (of_check && key == "id") return "CheckID";
  std::string out;
  for (std::string word : split_list(key, '_')) {
    const std::size_t capitals = acronyms.count(word) ? word.size() : 1;
    for (std::size_t i = 0; i < capitals; ++i)
      word[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[i])));
    out += word;
  }
  return out;
}

// Fields that are numbers in the API.
bool holds_number(const std::string& key) {
  static const std::set<std::string> others{
      "Passing", "Warning", "SuccessBeforePassing", "FailuresBeforeWarning", "FailuresBeforeCritical", "OutputMaxSize"};
  return others.count(key) > 0 || (key.size() >= 4 && key.compare(key.size() - 4, 4, "Port") == 0);
}

enum class Keys {
  of_service,
  of_check,
  command,  // of a check, no keys any more: what it runs
  names,    // the keys are the user's, what is below them is Consul's: tagged_addresses
  free,     // the user's own at every depth
};

Keys below(const std::string& key, Keys here) {
  if (here == Keys::free || key == "Meta" || key == "Header" || key == "Config" || key == "Arguments")
    return Keys::free;
  if (key == "TaggedAddresses") return Keys::names;
  if (here == Keys::of_check && (key == "Args" || key == "ScriptArgs")) return Keys::command;
  return key == "Check" || key == "Checks" ? Keys::of_check : Keys::of_service;
}

// Whether what it is given is a shell's to read: there a name in braces is the shell's, which has the environment, too.
bool runs_shell(const Json& command) {
  static const std::set<std::string> shells{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"};
  if (command.empty() || !command[0].is_string()) return false;
  const auto& program = command[0].get_ref<const std::string&>();
  return shells.count(program.substr(program.rfind('/') + 1)) > 0;
}

// Of a value in the list: told only where something is wrong with it.
struct DefinitionPlace {
  const DefinitionPlace* in;
  std::string_view key;   // of a member; empty: an element
  std::size_t index = 0;  // of an element

  std::string path() const {
    const std::string before = in != nullptr ? in->path() : "services";
    return key.data() != nullptr ? before + "." + std::string(key) : before + "[" + std::to_string(index) + "]";
  }
};

class Translation {
 public:
  Translation(const ServiceFacts& facts, Problems& problems) : facts_(facts), problems_(problems) {}

  Json value(const Json& from, const DefinitionPlace& place, Keys keys) {
    if (from.is_string()) return expanded(from.get_ref<const std::string&>(), place);
    if (keys == Keys::command && from.is_array()) return command(from, place);
    if (from.is_array()) {
      Json out = Json::array();
      for (std::size_t i = 0; i < from.size(); ++i) out.push_back(value(from[i], {&place, {}, i}, keys));
      return out;
    }
    if (!from.is_object()) return from;
    Json out = Json::object();
    for (auto at = from.begin(); at != from.end(); ++at) {
      const std::string& key = at.key();
      const Json& member = *at;
      const bool translate = keys == Keys::of_service || keys == Keys::of_check;
      const std::string& name = translate ? spelled(key, keys == Keys::of_check) : key;
      const DefinitionPlace where{&place, key};
      Json& target = out[name] = value(member, where, below(name, keys));
      if (translate && target.is_string() && holds_number(name)) to_number(target, where);
    }
    return out;
  }

 private:
  // They have the same few keys over and over.
  const std::string& spelled(const std::string& key, bool of_check) {
    auto& known = of_check ? of_checks_ : of_services_;
    const auto found = known.find(key);
    return found != known.end() ? found->second : known.emplace(key, in_api_spelling(key, of_check)).first->second;
  }

  // What lictor does not know is the program's own to read.
  Json command(const Json& words, const DefinitionPlace& place) {
    const bool of_shell = runs_shell(words);
    std::vector<std::string> unknown;
    Json out = words;
    for (Json& word : out) {
      if (!word.is_string()) continue;
      word = expand(
          word.get_ref<const std::string&>(),
          [&](const std::string& name) { return of_shell ? fact(name) : lookup(name); }, &unknown, true);
    }
    if (std::find(unknown.begin(), unknown.end(), "http_port") != unknown.end()) lacks_http_port(place.path());
    return out;
  }

  // A fact of the node that a definition may name.
  std::optional<std::string> fact(const std::string& name) const {
    if (name == "address") return facts_.address;
    if (name == "bind_address") return facts_.bind_address;
    if (name == "node_name") return facts_.node_name;
    if (name == "node_id") return facts_.node_id;
    if (name == "http_port") {
      return facts_.http_port > 0 ? std::optional(std::to_string(facts_.http_port)) : std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<std::string> lookup(const std::string& name) const {
    if (auto value = fact(name)) return value;
    const auto found = facts_.environment.find(name);
    return found == facts_.environment.end() ? std::nullopt : std::optional(found->second);
  }

  std::string expanded(const std::string& text, const DefinitionPlace& place) {
    if (text.find('$') == text.npos) return text;
    std::vector<std::string> unknown;
    std::string out = expand(
        text, [this](const std::string& name) { return lookup(name); }, &unknown);
    for (const std::string& name : unknown) {
      const std::string path = place.path();
      if (name == "http_port") {
        lacks_http_port(path);
      } else {
        problems_.push_back(
            Problem{path, "${" + name + "} is not set",
                    "set " + name + " in lictor's environment, or write $${" + name + "} for the text itself"});
      }
    }
    return out;
  }

  void lacks_http_port(const std::string& path) {
    problems_.push_back(Problem{path, "${http_port} has no value: the agent serves no plain HTTP on TCP",
                                "write a port, or let the agent serve HTTP"});
  }

  void to_number(Json& target, const DefinitionPlace& place) {
    const std::string text = target.get<std::string>();
    if (const auto number = whole_number<int>(text)) {
      target = *number;
    } else if (text.find("${") == std::string::npos) {
      // What is longer than any number may be a variable with a secret.
      const std::string shown = text.size() > 10 ? "a long text" : json_text(text);
      problems_.push_back(Problem{place.path(), shown + " is no number", "write a number or ${http_port}"});
    }
  }

  const ServiceFacts& facts_;
  Problems& problems_;
  std::map<std::string, std::string> of_services_, of_checks_;  // key -> as the API spells it
};

}  // namespace

Json default_services(const ServiceFacts& facts, bool http) {
  Json service{{"name", "consul-members"}, {"address", "${address}"}};
  service["port"] = facts.http_port > 0 ? facts.http_port : facts.serf_port;
  if (!http) {
    service["check"] = {
        {"id", node_check_id}, {"name", "lictor"}, {"ttl", format_duration(node_check_ttl)}, {"status", "passing"}};
  } else if (facts.http_port > 0) {
    service["check"] = {
        {"http", "http://" + facts.http_address + "/v1/status/leader"}, {"interval", "10s"}, {"status", "passing"}};
  } else {
    const bool ipv6 = facts.bind_address.find(':') != std::string::npos;
    service["check"] = {{"tcp", (ipv6 ? "[${bind_address}]:" : "${bind_address}:") + std::to_string(facts.serf_port)},
                        {"interval", "10s"},
                        {"status", "passing"}};
  }
  return Json::array({std::move(service)});
}

namespace {

std::string path_of(std::size_t index) { return "services[" + std::to_string(index) + "]"; }

void note_id(const std::string& id, std::size_t index, std::unordered_map<std::string, std::size_t>& known,
             Problems& problems) {
  const auto [first, fresh] = known.emplace(id, index);
  if (fresh) return;
  problems.push_back(Problem{path_of(index), "has the id " + json_text(first->first) + " of " + path_of(first->second),
                             "give each service an \"id\" of its own"});
}

}  // namespace

struct ServicesMaker::State {
  State(std::vector<Definition> list, ServiceFacts with) : definitions(std::move(list)), facts(std::move(with)) {}

  std::vector<Definition> definitions;
  ServiceFacts facts;
  Problems problems{};
  Translation translation{facts, problems};
  // Where one is, by the definition that it came of.
  std::unordered_map<const std::string*, SharedJson> before{};
  std::unordered_map<std::string, std::size_t> known{};  // id -> where
  Services services{};
  std::size_t next = 0;

  void make(std::size_t index) {
    const SharedJson& source = definitions[index].json;
    if (const auto same = before.find(&source.text()); same != before.end()) {
      services.push_back(same->second);
      return note_id(services.back().id(), index, known, problems);
    }
    const Json definition = *source;
    const std::string path = path_of(index);
    if (!definition.is_object()) {
      return problems.push_back(Problem{path, std::string("is of type ") + definition.type_name() + ", not object",
                                        "write a service definition: {\"name\": ...}"});
    }
    Json service = translation.value(definition, {nullptr, {}, index}, Keys::of_service);
    const std::string name = text_of(service, "Name");
    if (name.empty()) return problems.push_back(Problem{path, "has no name", "give it a \"name\""});
    if (text_of(service, "ID").empty()) service["ID"] = name;
    note_id(text_of(service, "ID"), index, known, problems);
    Json& meta = service["Meta"];
    if (!meta.is_null() && !meta.is_object()) {
      return problems.push_back(Problem{path + ".meta", std::string("is of type ") + meta.type_name() + ", not object",
                                        "write \"meta\": {\"key\": \"value\"}"});
    }
    meta["managed-by"] = "lictor";
    services.emplace_back(service);
  }
};

ServicesMaker::ServicesMaker(std::vector<Definition> definitions, ServiceFacts facts,
                             const std::optional<ServicesBefore>& before)
    : state_(std::make_unique<State>(std::move(definitions), std::move(facts))) {
  if (!before || before->facts != state_->facts || before->definitions.size() != before->services.size()) return;
  for (std::size_t i = 0; i < before->services.size(); ++i)
    state_->before.emplace(&before->definitions[i].json.text(), before->services[i]);
}

ServicesMaker::ServicesMaker(ServicesMaker&&) noexcept = default;
ServicesMaker::~ServicesMaker() = default;

bool ServicesMaker::make(std::size_t most) {
  const std::size_t count = state_->definitions.size();
  for (const std::size_t end = std::min(count, state_->next + std::min(most, count)); state_->next < end;
       ++state_->next)
    state_->make(state_->next);
  return state_->next == count;
}

ResultAll<Services> ServicesMaker::made() {
  if (!state_->problems.empty()) return state_->problems;
  return std::move(state_->services);
}

ResultAll<Services> desired_services(const Json& definitions, const ServiceFacts& facts) {
  std::vector<Definition> list;
  for (const Json& definition : definitions) list.push_back({SharedJson(definition), 0});
  return desired_services(list, facts);
}

ResultAll<Services> desired_services(const std::vector<Definition>& definitions, const ServiceFacts& facts,
                                     const std::optional<ServicesBefore>& before) {
  ServicesMaker maker(definitions, facts, before);
  maker.make(definitions.size());
  return maker.made();
}

}  // namespace lictor
